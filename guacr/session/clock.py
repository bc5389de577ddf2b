"""The frame clock: when a session's next picture goes out.

The first change after quiet goes out at once. Under load the clock keeps to a highest rate and
to the pace at which the viewers take frames; it always sends the newest picture.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

LAG_MAX = 0.5
"""Seconds that the clock waits at most, however far the viewers lag behind."""


COST_FACTOR = 6
"""A frame that took long to make keeps the next one away for so many times as long, which
leaves the better part of the processor to the host's output and to other sessions."""

FLOOD_SHARE = 0.3
"""The part of the time between two frames that goes into a host's output, from which it counts
as a flood."""
FLOOD_FACTOR = 20
"""The same as `COST_FACTOR`, in a flood: nobody reads it, and everybody waits for its end."""

ATTENTION = 0.3
"""Seconds after a key in which frames keep as far from each other as they take to make, flood or
not: somebody wants to see what the key does, that is, how Ctrl-C ends the flood."""


class FrameClock:
    """Calls `tick` when a frame may be due; `busy` holds it back while one is being made.

    `tick` says whether it sent something; `lag` gives the seconds by which the quickest viewer
    is behind.
    """

    __slots__ = (
        "_attended",
        "_cost",
        "_factor",
        "_handle",
        "_interval",
        "_lag",
        "_last",
        "_lazy",
        "_loop",
        "_pending",
        "_tick",
        "busy",
        "work",
    )

    def __init__(self, frame_rate: int, tick: Callable[[], bool], lag: Callable[[], float]) -> None:
        self._loop = asyncio.get_running_loop()
        self._interval = 1.0 / frame_rate
        self._tick = tick
        self._lag = lag
        self._last = self._loop.time() - 1.0
        self._attended = self._last
        """Until when somebody waits for what a key does."""
        self._handle: asyncio.Handle | None = None
        self._pending = False
        self._lazy = False
        """Whether the handle may wait for a more urgent change."""
        self._cost = 0.0
        self._factor = COST_FACTOR
        self.busy = False
        self.work = 0.0
        """Seconds that the handler has worked on its host's output since the last frame."""

    @property
    def pending(self) -> bool:
        """Whether something has changed that no frame has shown."""
        return self._pending

    def wake(self) -> None:
        """Something changed: a frame may be due."""
        self._pending = True
        if self._lazy:
            self._cancel()
        if self._handle is None and not self.busy:
            self._schedule()

    def wake_later(self) -> None:
        """Something changed, but more is to be expected within a frame's time, and shall not have
        to wait until another one is due."""
        self._pending = True
        if self._handle is None and not self.busy:
            self._lazy = True
            self._handle = self._loop.call_later(self._interval, self._run)

    def hurry(self) -> None:
        """Somebody waits for a first picture: a frame is due now, whatever the pace."""
        if self.busy:
            self._pending = True
            return
        self._cancel()
        self._handle = self._loop.call_soon(self._run)

    def attend(self) -> None:
        """Somebody has pressed a key."""
        self._attended = self._loop.time() + ATTENTION
        if self._handle is not None and not self._lazy:
            self._cancel()
            self._schedule()

    def viewer_moved(self) -> None:
        """A viewer acknowledged a frame or took what was buffered: it may be ready earlier."""
        if not self._lazy:
            self._cancel()
            self.wake()

    def done(self) -> None:
        """The frame that was being made has gone out."""
        self.busy = False
        if self._pending and self._handle is None:
            self._schedule()

    def stop(self) -> None:
        """No more frames."""
        self.busy = True
        self._cancel()

    def _cancel(self) -> None:
        self._lazy = False
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _schedule(self) -> None:
        now = self._loop.time()
        factor = 1 if now < self._attended else self._factor
        pause = max(self._interval, self._cost * factor, self._lag())
        due = self._last + min(pause, LAG_MAX)
        if due <= now:
            self._handle = self._loop.call_soon(self._run)
        else:
            self._handle = self._loop.call_at(due, self._run)

    def _run(self) -> None:
        self._handle = None
        self._pending = self._lazy = False
        now, started = self._loop.time(), perf_counter()
        if self._tick():
            flooded = self.work > FLOOD_SHARE * (now - self._last)
            self._factor = FLOOD_FACTOR if flooded else COST_FACTOR
            self.work = 0.0
            self._last = now
            self._cost = perf_counter() - started  # the loop's own time may stand still
