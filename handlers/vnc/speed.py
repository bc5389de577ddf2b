"""The speed at which a server's updates arrive."""

from __future__ import annotations

MEASURED = 16 * 1024
"""Bytes of an update from which its speed is known."""
LARGE = 64 * 1024
"""Bytes of an update that is slow without JPEG if the link is."""
SLOW = 512 * 1024
"""Bytes per second below which updates are slow: a photograph without losses takes seconds."""


class UpdateSpeed:
    """Follows the updates of a server. Times are in seconds, and sizes are those of everything that
    the server has sent so far."""

    __slots__ = ("_received", "begun_at", "is_slow", "is_under_way", "size")

    def __init__(self) -> None:
        self._received = 0
        self.is_under_way = False
        """True while an update arrives."""
        self.begun_at = 0.0
        """The time at which the last update began."""
        self.size = 0
        """The bytes of the last update that have arrived."""
        self.is_slow = False
        """True if the last update that could be measured was slow."""

    def begin(self, now: float, received: int) -> None:
        """Note that an update begins."""
        self._received, self.is_under_way = received, True
        self.begun_at, self.size = now, 0

    def note(self, now: float, received: int) -> None:
        """Note what has arrived."""
        if self.is_under_way:
            self.size = received - self._received
            if self.size >= MEASURED:
                self.is_slow = self.size < SLOW * (now - self.begun_at)

    def end(self) -> None:
        """Note that the update is complete."""
        self.is_under_way = False
