"""The amount of a stream that may be in flight to a client without adding much delay.

There is no clock: times are arguments, in seconds on one monotonic scale.
"""

from __future__ import annotations

from collections import deque

WINDOW_MIN = 2
"""Blobs that may always be unacknowledged: one travels while the other is acknowledged."""
WINDOW_MAX = 256
"""Maximum unacknowledged blobs, 2 MiB on the wire: 30 MB/s at a round trip of 50 ms."""
QUEUE_DELAY = 0.1
"""Seconds by which acknowledgements may exceed their shortest time; frames wait as long."""
STUCK = 16
"""Late acknowledgements of the smallest window after which the link has become longer."""


class Window:
    """The unacknowledged blobs of one stream.

    A late acknowledgement means that data has waited in a queue, in which frames wait, too. The
    window grows by one blob with each acknowledgement that is less than half of `QUEUE_DELAY` late,
    and shrinks by one with each that is later than `QUEUE_DELAY`. In between it stays as it is,
    because the effect of a change shows only a round trip later. Acknowledgements that stay late
    with the smallest window have not waited in a queue of this stream: the link has become longer.
    """

    __slots__ = ("_sent", "_shortest", "_stuck", "size")

    def __init__(self) -> None:
        self.size = WINDOW_MIN
        """Maximum unacknowledged blobs now."""
        self._sent: deque[float] = deque()
        self._shortest = float("inf")
        self._stuck: list[float] = []
        """Times of consecutive late acknowledgements of the smallest window."""

    @property
    def in_flight(self) -> int:
        """The number of blobs sent and not acknowledged."""
        return len(self._sent)

    @property
    def room(self) -> int:
        """The number of further blobs that may be sent; it may be negative."""
        return self.size - len(self._sent)

    def sent(self, now: float, blobs: int = 1) -> None:
        """Note that so many blobs were sent."""
        self._sent.extend([now] * blobs)

    def acknowledged(self, now: float) -> None:
        """Note the arrival of the oldest blob; an excess acknowledgement does nothing."""
        if not self._sent:
            return
        elapsed = now - self._sent.popleft()
        self._shortest = min(self._shortest, elapsed)
        late = self._lateness(elapsed)
        if late < QUEUE_DELAY / 2:
            self.size = min(self.size + 1, WINDOW_MAX)
        elif late > QUEUE_DELAY:
            self.size = max(self.size - 1, WINDOW_MIN)

    def _lateness(self, elapsed: float) -> float:
        late = elapsed - self._shortest
        if late <= QUEUE_DELAY or self.size > WINDOW_MIN:
            self._stuck.clear()
            return late
        self._stuck.append(elapsed)
        if len(self._stuck) < STUCK:
            return late
        self._shortest = min(self._stuck)
        self._stuck.clear()
        return elapsed - self._shortest
