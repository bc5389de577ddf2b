"""How many bytes may be in flight: CUBIC (RFC 9438), as TCP uses it nearly everywhere.

Links that lose packets by themselves, such as radio, are not slowed down as if they were congested:
while hardly anything waits in the link, the window shrinks and grows as that of TCP Veno (Fu and
Liew, IEEE JSAC 21(2), 2003).
"""

from __future__ import annotations

BETA = 0.7
"""The share of the window that remains after a loss (RFC 9438 section 4.6)."""
BETA_UNQUEUED = 0.8
"""The share that remains after a loss without congestion."""
GROWTH = 0.4
"""The constant C of RFC 9438 section 5, in segments/s³."""
INITIAL_SEGMENTS = 10
"""The first window (RFC 6928)."""
MINIMUM_SEGMENTS = 4
"""No loss makes the window smaller."""
RENO_GROWTH = 3 * (1 - BETA) / (1 + BETA)
"""Segments for each round trip at which CUBIC is as fair as Reno (RFC 9438 section 4.3)."""


class CongestionWindow:
    """The congestion window of an association, in bytes.

    Args:
        segment: bytes of user data in a full packet.
        limit: the window never becomes larger.
    """

    def __init__(self, segment: int, limit: int) -> None:
        self.size = float(INITIAL_SEGMENTS * segment)
        self._segment = segment
        self._limit = limit
        self._threshold = float(limit)
        self._maximum = 0.0
        """The window at the last loss."""
        self._epoch: float | None = None
        """When the growth after the last loss began."""
        self._plateau_after = 0.0
        """Seconds from the epoch until the window reaches `_maximum` (K in the RFC)."""
        self._reno = 0.0
        self._before_loss: tuple[float, float, float] | None = None
        """Size, threshold and maximum."""

    def on_acknowledged(
        self, count: int, round_trip: float, now: float, *, is_queued: bool = True
    ) -> None:
        """Grow: `count` bytes have arrived while the window was in use.

        Args:
            count: bytes.
            round_trip: seconds, smoothed.
            now: seconds of a monotonic clock.
            is_queued: packets wait in the link.
        """
        if self.size < self._threshold:
            self.size = min(self.size + count, self._limit)
            return
        if self._epoch is None:
            self._epoch = self._begin_epoch(now)
        segments = count / self._segment
        growth = RENO_GROWTH if is_queued else 1.0
        self._reno += growth * self._segment * count / self.size
        offset = now + round_trip - self._epoch - self._plateau_after
        target = self._maximum + GROWTH * offset**3 * self._segment
        increase = max(target - self.size, 0.0) * count / self.size
        self.size += min(increase, 0.5 * segments * self._segment)
        self.size = min(max(self.size, self._reno), self._limit)

    def on_loss(self, *, is_queued: bool = True) -> None:
        """Shrink, once for all that was lost in the same round trip.

        Args:
            is_queued: packets wait in the link.
        """
        beta = BETA if is_queued else BETA_UNQUEUED
        # Fast convergence (RFC 9438 section 4.7): leave room for newcomers.
        self._before_loss = (self.size, self._threshold, self._maximum)
        shrinking = self.size < self._maximum
        self._maximum = self.size * (1 + beta) / 2 if shrinking else self.size
        self.size = max(self.size * beta, MINIMUM_SEGMENTS * self._segment)
        self._threshold = self.size
        self._epoch = None

    def undo_loss(self) -> None:
        """Nothing was lost after all: be as before the last loss."""
        if self._before_loss is not None and self.size < self._before_loss[0]:
            self.size, self._threshold, self._maximum = self._before_loss
            self._epoch = None
        self._before_loss = None

    def on_silence(self) -> None:
        """Begin anew: the link was gone for a while (RFC 9002 section 7.6.2)."""
        self.on_loss()
        self._before_loss = None
        self.size = float(MINIMUM_SEGMENTS * self._segment)

    def on_idle(self) -> None:
        """Begin the growth anew: nothing was sent for a while (RFC 9438 section 4.2)."""
        self._epoch = None

    def _begin_epoch(self, now: float) -> float:
        self._reno = self.size
        self._maximum = max(self._maximum, self.size)
        missing = (self._maximum - self.size) / self._segment
        self._plateau_after = (missing / GROWTH) ** (1 / 3)
        return now
