"""Indices of streams to every user."""

from __future__ import annotations

from guacr.errors import TooManyError

STREAMS = 32
"""Indices of streams to every user; short streams use them in rotation, since each is free again
after its `end`. All are below 64, since guacenc ignores the others in recordings
(GUACENC_DISPLAY_MAX_STREAMS)."""
RESERVED_MAX = 16
"""Maximum streams to every user that stay open."""


class StreamIndices:
    """Allocates indices for streams to every user: odd ones, as in libguac."""

    __slots__ = ("_last", "_reserved")

    def __init__(self) -> None:
        self._last = 1
        self._reserved: set[int] = set()

    def take(self) -> int:
        """Return an index for a stream that is sent whole."""
        while True:
            self._last = (self._last + 2) % (2 * STREAMS)
            if self._last not in self._reserved:
                return self._last

    def reserve(self) -> int:
        """Reserve an index for a stream that stays open, such as audio, until `release`.

        Raises:
            TooManyError: `RESERVED_MAX` indices are reserved.
        """
        if len(self._reserved) >= RESERVED_MAX:
            raise TooManyError(f"{RESERVED_MAX} streams to all users are open: end one of them")
        index = self.take()
        self._reserved.add(index)
        return index

    def release(self, index: int) -> None:
        """Free the index of a stream that has ended."""
        self._reserved.discard(index)
