"""The host that a session connects to, and the user name there."""

from __future__ import annotations

from dataclasses import dataclass

from guacr.showable import cut

SHOWN_MAX = 80
"""Characters of each part that are shown."""


@dataclass(frozen=True, slots=True)
class Target:
    """A remote host, for the log and for operators; unknown values are empty."""

    host: str = ""
    """A host name or address with its port, or the protocol's equivalent."""
    user: str = ""
    """The user name of the login."""

    def __str__(self) -> str:
        """Return a text such as "alice at example.com:22"."""
        known = filter(None, (self.user, self.host))
        return " at ".join(cut(text, SHOWN_MAX) for text in known)
