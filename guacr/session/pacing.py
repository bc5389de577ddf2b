"""How quickly one viewer takes frames: what it has acknowledged, and how far behind it is.

No clock: the time comes in as an argument, in seconds on one monotonic scale.
"""

from __future__ import annotations

from collections import deque

FRAMES_KEPT = 256
"""Unacknowledged frames that are remembered; beyond it the oldest counts as acknowledged."""
RTT_DRIFT = 1.05
"""How much the shortest round trip is allowed to grow at each acknowledgement, so that it
follows a link that has become slower for good."""


class Pacing:
    """Frames sent to one viewer and `sync` replies received from it."""

    __slots__ = (
        "_acknowledged_to",
        "_in_flight",
        "_last_timestamp",
        "_whole",
        "acknowledged",
        "round_trip",
    )

    def __init__(self) -> None:
        self._in_flight: deque[tuple[int, float]] = deque(maxlen=FRAMES_KEPT)
        self._last_timestamp = -1
        self._acknowledged_to = -1
        self._whole = 0
        """The timestamp of the whole picture that this viewer was sent last."""
        self.round_trip = 0.0
        """The shortest recent time from a frame to its `sync` reply, in seconds."""
        self.acknowledged = False
        """Whether this viewer has ever replied to a `sync`."""

    @property
    def in_flight(self) -> int:
        """Frames sent and not acknowledged."""
        return len(self._in_flight)

    @property
    def keeps_up(self) -> bool:
        """Whether this viewer has acknowledged the whole picture that it was sent last, so that
        its lag says how quickly it takes frames."""
        return self._acknowledged_to >= self._whole

    def sent(self, timestamp: int, now: float, *, whole: bool = False) -> None:
        """A frame with this `sync` timestamp went out: the whole picture, or what changed."""
        self._in_flight.append((timestamp, now))
        self._last_timestamp = timestamp
        if whole:
            self._whole = timestamp

    def reply(self, timestamp: int, now: float) -> bool:
        """The viewer replied to a `sync`; False if no such `sync` can have been sent."""
        if timestamp > self._last_timestamp:
            return False
        self._acknowledged_to = max(self._acknowledged_to, timestamp)
        sent_at: float | None = None
        while self._in_flight and self._in_flight[0][0] <= timestamp:
            sent_at = self._in_flight.popleft()[1]
        if sent_at is not None:
            elapsed = max(0.0, now - sent_at)
            known = self.round_trip * RTT_DRIFT if self.acknowledged else elapsed
            self.round_trip = min(elapsed, known) if known else elapsed
            self.acknowledged = True
        return True

    def lag(self, now: float) -> float:
        """Seconds by which the viewer's picture is older than the link alone explains.

        A viewer that has never replied has no lag: not every client replies.
        """
        if not self._in_flight or not self.acknowledged:
            return 0.0
        return max(0.0, now - self._in_flight[0][1] - self.round_trip)
