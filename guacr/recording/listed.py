"""A recording in a list."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listed:
    """A recording of the list."""

    name: str
    """Identifies it: its path below the directory, or its id in the journal."""
    begun: float
    """Seconds since 1970."""
    duration: int | None
    """Milliseconds, if they are known."""
    size: int
    """Bytes."""
    title: str
    """The name that is shown."""
    running: bool
    """True if the session is still running."""
    subject: str = ""
    """The person of the session; this and the following are empty if they are not known."""
    host: str = ""
    protocol: str = ""
