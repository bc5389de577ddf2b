"""Parts of the daemon that take part in sessions, such as recordings."""

from __future__ import annotations


class SessionExtension:
    """Takes part in one session, for which the registry has created it."""

    async def opening(self) -> None:
        """Prepare, before the handler starts and before any input reaches it: nothing has been sent
        to the remote host.

        Raises:
            GuacrError: the session must not start; its users are sent the error.
        """

    async def closed(self) -> None:
        """Finish: the session has ended, and its handler has cleaned up. Called once, even if
        `opening` was not, or has failed or been cancelled."""
