"""The pace at which one viewer receives frames: what it has acknowledged, how far behind it is, and
whether its link is saturated.

Frames that wait in a link's buffers delay everything that follows, above all the pointer. The
quickest acknowledgement shows the latency of the link itself, and the rate at which bytes are
acknowledged shows its capacity. A viewer that has been sent more than that waits. BBR (Cardwell et
al., ACM Queue 14.5, 2016) does the same for packets.

There is no clock: times are arguments, in seconds on one monotonic scale.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

FRAMES_KEPT = 256
"""Maximum unacknowledged frames that are tracked; the oldest then counts as acknowledged."""
WINDOW = 10.0
"""Minimum seconds for which the quickest acknowledgement and the highest rate are used. They are
then measured again, so that they follow a link that has changed permanently."""
LAG_FULL = 0.1
"""Seconds of lag from which the link counts as saturated."""
IN_FLIGHT_MIN = 32 * 1024
"""Bytes that may always be in flight."""
SLACK = 0.05
"""Seconds that a viewer may need to draw a frame, which do not indicate a saturated link."""
FRAME_TIME = 0.04
"""Seconds of the link's time that a frame may need before frames are made smaller."""
SIZE_SHARE = 0.2
"""The weight of the newest frame in the moving average."""


class _Best:
    """The best value of the last `WINDOW` seconds, or somewhat longer."""

    __slots__ = ("_before", "_better", "_now", "_since")

    def __init__(self, better: Callable[[float, float], float]) -> None:
        self._better = better
        self._before: float | None = None
        self._now: float | None = None
        self._since = 0.0

    @property
    def value(self) -> float:
        """The best value; 0 before the first one."""
        known = [value for value in (self._before, self._now) if value is not None]
        return self._better(*known) if len(known) > 1 else sum(known)

    def note(self, value: float, now: float) -> None:
        """Add a value."""
        if now - self._since > WINDOW:
            self._before, self._now, self._since = self._now, None, now
        self._now = value if self._now is None else self._better(self._now, value)


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame that was sent and is not acknowledged."""

    timestamp: int
    sent_at: float
    size: int
    acknowledged: int
    """Total bytes that had been acknowledged when it was sent."""


class Pacing:
    """The frames sent to one viewer and the `sync` replies received from it."""

    __slots__ = (
        "_acknowledged_bytes",
        "_acknowledged_to",
        "_bytes",
        "_empty_at",
        "_in_flight",
        "_last_timestamp",
        "_rate",
        "_round_trip",
        "_size",
        "_whole",
        "acknowledged",
        "rate_limit",
    )

    def __init__(self) -> None:
        self._in_flight: deque[_Frame] = deque()
        self._bytes = 0
        self._size = 0.0
        """The moving average of the size of a frame, in bytes."""
        self._acknowledged_bytes = 0
        self._last_timestamp = -1
        self._acknowledged_to = -1
        self._whole = 0
        """The timestamp of the last whole picture that was sent to this viewer."""
        self._round_trip = _Best(min)
        self._rate = _Best(max)
        self._empty_at = 0.0
        """The last time at which a frame was sent while none was in flight: its acknowledgement
        shows the latency of the link itself."""
        self.acknowledged = False
        """True if this viewer has ever replied to a `sync`."""
        self.rate_limit = 0.0
        """Bytes per second that it may be sent; 0 for any number."""

    @property
    def round_trip(self) -> float:
        """The shortest recent time from a frame to its `sync` reply, in seconds."""
        return self._round_trip.value

    @property
    def in_flight(self) -> int:
        """The number of frames sent and not acknowledged."""
        return len(self._in_flight)

    @property
    def keeps_up(self) -> bool:
        """True if this viewer has acknowledged the last whole picture that it was sent, so that its
        lag shows how quickly it receives frames."""
        return self._acknowledged_to >= self._whole

    def sent(self, timestamp: int, now: float, size: int = 0, *, whole: bool = False) -> None:
        """Note a frame that was sent with this `sync` timestamp, of `size` bytes: the whole picture
        or the changes. Without a size it is only a `sync`."""
        if not self._in_flight:
            self._empty_at = now
        self._in_flight.append(_Frame(timestamp, now, size, self._acknowledged_bytes))
        self._bytes += size
        if size:
            self._size += SIZE_SHARE * (size - self._size)
        if len(self._in_flight) > FRAMES_KEPT:
            self._bytes -= self._in_flight.popleft().size
        self._last_timestamp = timestamp
        if whole:
            self._whole = timestamp

    def reply(self, timestamp: int, now: float) -> bool:
        """Handle a reply to a `sync`; return False if such a `sync` cannot have been sent."""
        if timestamp > self._last_timestamp:
            return False
        self._acknowledged_to = max(self._acknowledged_to, timestamp)
        frame: _Frame | None = None
        while self._in_flight and self._in_flight[0].timestamp <= timestamp:
            frame = self._in_flight.popleft()
            self._bytes -= frame.size
            self._acknowledged_bytes += frame.size
        if frame is not None:
            elapsed = max(0.0, now - frame.sent_at)
            self._round_trip.note(elapsed, now)
            if elapsed and frame.size:
                rate = (self._acknowledged_bytes - frame.acknowledged) / elapsed
                self._rate.note(rate, now)
            self.acknowledged = True
        return True

    def lag(self, now: float) -> float:
        """Return by how many seconds the viewer's picture is older than the link's latency
        explains.

        A viewer that has never replied has no lag, since not every client replies.
        """
        if not self._in_flight or not self.acknowledged:
            return 0.0
        return max(0.0, now - self._in_flight[0].sent_at - self.round_trip)

    def is_full(self, now: float) -> bool:
        """Return whether what is in flight should arrive before more is sent."""
        if not self._in_flight or not self.acknowledged:
            return False
        if now - self._empty_at > WINDOW:
            return True  # until nothing is in flight, and the round trip can be measured again
        held = self._rate.value * (self.round_trip + SLACK)
        return self.lag(now) > LAG_FULL or self._bytes >= max(IN_FLIGHT_MIN, held)

    @property
    def strain(self) -> float:
        """Seconds by which a frame of the current size exceeds `FRAME_TIME`, on the link or within
        the limit."""
        rates = [rate for rate in (self._rate.value, self.rate_limit) if rate]
        rate = min(rates, default=0.0)
        return max(0.0, self._size / rate - FRAME_TIME) if rate else 0.0
