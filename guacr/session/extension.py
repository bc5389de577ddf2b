"""Parts of the daemon that take part in sessions, such as recordings."""

from __future__ import annotations

from guacr.session.origin import Origin
from guacr.session.user import User


class SessionExtension:
    """Takes part in one session, for which the registry has created it."""

    async def opening(self) -> None:
        """Prepare, before the handler starts and before any input reaches it: nothing has been sent
        to the remote host.

        Raises:
            GuacrError: the session must not start; its users are sent the error.
        """

    def joined(self, user: User, origin: Origin) -> None:
        """Prepare for a user, the owner or another one, which has been sent `ready` and nothing
        else."""

    def delays(self, origin: Origin) -> bool:
        """Return whether another user must wait for `joining`."""
        return False

    async def joining(self, user: User, origin: Origin) -> None:
        """Admit another user, which until then is sent nothing and not heard.

        Raises:
            GuacrError: the user must not join, and is sent the error.
        """

    async def closed(self) -> None:
        """Finish: the session has ended, and its handler has cleaned up. Called once, even if
        `opening` was not, or has failed or been cancelled."""
