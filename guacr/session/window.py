"""How much of a stream may be on its way to a client: as much as adds little to its delay.

No clock: the time comes in as an argument, in seconds on one monotonic scale.
"""

from __future__ import annotations

from collections import deque

WINDOW_MIN = 2
"""Blobs that may always be unacknowledged: one travels while the other is acknowledged."""
WINDOW_MAX = 64
"""Blobs that may be unacknowledged at most: half a MiB on the wire."""
QUEUE_DELAY = 0.1
"""Seconds that acknowledgements may take above their shortest time, which frames wait as well."""


class Window:
    """The unacknowledged blobs of one stream.

    What comes late has waited in a queue, and frames wait in the same. The window opens by one blob
    with each acknowledgement that is less than half of `QUEUE_DELAY` late, and closes by one with
    each that is later than `QUEUE_DELAY`; in between it rests, as what it did shows only a round
    trip later.
    """

    __slots__ = ("_sent", "_shortest", "size")

    def __init__(self) -> None:
        self.size = WINDOW_MIN
        """Blobs that may be unacknowledged now."""
        self._sent: deque[float] = deque()
        self._shortest = float("inf")

    @property
    def in_flight(self) -> int:
        """Blobs sent and not acknowledged."""
        return len(self._sent)

    @property
    def is_full(self) -> bool:
        """Whether no further blob may be sent."""
        return len(self._sent) >= self.size

    def sent(self, now: float) -> None:
        """A blob went out."""
        self._sent.append(now)

    def acknowledged(self, now: float) -> None:
        """The oldest blob has arrived; an acknowledgement too many changes nothing."""
        if not self._sent:
            return
        elapsed = now - self._sent.popleft()
        self._shortest = min(self._shortest, elapsed)
        late = elapsed - self._shortest
        if late < QUEUE_DELAY / 2:
            self.size = min(self.size + 1, WINDOW_MAX)
        elif late > QUEUE_DELAY:
            self.size = max(self.size - 1, WINDOW_MIN)
