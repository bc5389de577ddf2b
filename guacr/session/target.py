"""The host that a session connects to, and the user name there."""

from __future__ import annotations

from dataclasses import dataclass

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
        return " at ".join(map(_cut, filter(None, (self.user, self.host))))


def _cut(text: str) -> str:
    """Return a text, cut if it is too long for a line of the log."""
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 1] + "…"
