"""The frame clock: when a session's next picture is sent.

The first change after a pause is sent at once. Under load, the clock limits the rate of frames to a
maximum, which a few frames after a key may exceed, and to the rate at which the viewers receive
them; it always sends the newest picture.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from weakref import WeakKeyDictionary

from guacr.turns import TURN

LAG_MAX = 2.0
"""Maximum seconds that the clock waits, however far the viewers lag behind."""


COST_FACTOR = 1.0
"""The minimum pause after a frame, as a multiple of the time for which the frame held the event
loop; protocols can have their own factors."""

FLOOD_SHARE = 0.3
"""The share of the time between two frames from which a host's output counts as a flood."""
FLOOD_FACTOR = 20
"""The cost factor in a flood: nobody can read it, and everybody waits for its end."""

ATTENTION = 0.3
"""Seconds after a key in which the cost factor is 1, even in a flood: somebody wants to see the
effect of the key, such as Ctrl-C ending the flood."""
QUICK_FRAMES = 3
"""Frames after a key that may follow each other in a fraction of the usual time: its echo, and what
a program draws next. As they are few, pictures that move anyway stay at their rate."""
QUICK_SHARE = 0.25
"""This fraction."""


class FrameClock:
    """Calls `tick` when a frame may be due; `busy` delays it while a frame is being made.

    `tick` returns whether it sent something; `lag` returns by how many seconds the quickest viewer
    is behind.
    """

    __slots__ = (
        "_cost",
        "_factor",
        "_handle",
        "_interval",
        "_key_until",
        "_lag",
        "_last",
        "_lazy",
        "_looked",
        "_loop",
        "_pending",
        "_quick",
        "_tick",
        "_turns",
        "busy",
        "cost_factor",
        "work",
    )

    def __init__(self, frame_rate: int, tick: Callable[[], bool], lag: Callable[[], float]) -> None:
        self._loop = asyncio.get_running_loop()
        self._turns = _turns.setdefault(self._loop, FrameTurns())
        self._interval = 1.0 / frame_rate
        self._tick = tick
        self._lag = lag
        self._last = self._loop.time() - 1.0
        self._key_until = self._last
        """The time until which somebody waits for the effect of a key."""
        self._quick = 0
        """The number of frames that may still follow each other quickly."""
        self._handle: asyncio.Handle | None = None
        self._pending = False
        self._lazy = False
        """True if the scheduled frame may be moved by a more urgent change."""
        self._cost = 0.0
        self._looked = self._last
        """The time before which no further check happens, after one that found nothing to send."""
        self._factor = COST_FACTOR
        self.cost_factor = COST_FACTOR
        self.busy = False
        self.work = 0.0
        """Seconds that the handler has spent on its host's output since the last frame."""

    @property
    def pending(self) -> bool:
        """True if something has changed that no frame has shown."""
        return self._pending

    def wake(self) -> None:
        """Report a change: a frame may be due."""
        self._pending = True
        if self._lazy:
            self._cancel()
        if not self._is_scheduled and not self.busy:
            self._schedule()

    def wake_later(self) -> None:
        """Report a change after which more is expected within a frame's time, so that both can
        share a frame."""
        self._pending = True
        if not self._is_scheduled and not self.busy:
            self._lazy = True
            self._handle = self._loop.call_later(self._interval, self._run)

    def run_soon(self) -> None:
        """Make a frame now, whatever the rate: somebody waits for a first picture."""
        if self.busy:
            self._pending = True
            return
        self._cancel()
        self._handle = self._loop.call_soon(self._run)

    def note_key(self) -> None:
        """Note that somebody has pressed a key."""
        self._key_until = self._loop.time() + ATTENTION
        self._quick = QUICK_FRAMES
        if self._is_scheduled and not self._lazy:
            self._cancel()
            self._schedule()

    def viewer_moved(self) -> None:
        """Check again: a viewer acknowledged a frame or received buffered data, so a frame may be
        due earlier."""
        if not self._lazy and self not in self._turns:
            self._cancel()
            self.wake()

    def done(self) -> None:
        """Continue after a frame has been made and sent."""
        self.busy = False
        if self._pending and not self._is_scheduled:
            self._schedule()

    def stop(self) -> None:
        """Make no more frames."""
        self.busy = True
        self._cancel()
        self._tick, self._lag = bool, float  # releases the owner from memory

    @property
    def _is_scheduled(self) -> bool:
        return self._handle is not None or self in self._turns

    def _cancel(self) -> None:
        self._lazy = False
        self._turns.forget(self)
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _schedule(self) -> None:
        now = self._loop.time()
        hurried = now < self._key_until
        factor = 1 if hurried else self._factor
        pause = max(self._shortest(hurried), self._cost * factor, self._lag())
        due = self._last + min(pause, LAG_MAX)
        if not hurried:
            due = max(due, self._looked)
        if due <= now:
            self._handle = self._loop.call_soon(self._run)
        else:
            self._handle = self._loop.call_at(due, self._run)

    def _shortest(self, hurried: bool) -> float:
        """Return the shortest pause, if `hurried` with the effect of a key."""
        if not hurried or not self._quick or self._factor == FLOOD_FACTOR:
            return self._interval
        quick = max(self._interval * QUICK_SHARE, self._cost * self.cost_factor)
        return min(quick, self._interval)

    def _run(self) -> None:
        self._handle = None
        self._lazy = False
        self._turns.run(self, urgent=self._loop.time() < self._key_until)

    def make(self) -> None:
        """Make a frame; only for the turns."""
        self._pending = False
        now, started = self._loop.time(), perf_counter()
        if self._tick():
            flooded = self.work > FLOOD_SHARE * (now - self._last)
            self._factor = FLOOD_FACTOR if flooded else self.cost_factor
            self.work = 0.0
            self._quick = max(0, self._quick - 1)
            self._last = now
            self._cost = perf_counter() - started  # the loop's clock may stand still
        else:
            self._looked = now + (perf_counter() - started) * self.cost_factor


class FrameTurns:
    """The frames of all sessions of an event loop. Those that would hold it for more than `TURN` at
    a time wait, in order, until others have had their turn. Sessions whose frames were due at the
    same time, such as after a pause of the process, thus do not stay together."""

    def __init__(self) -> None:
        self._end = 0.0
        """When this turn is over; 0 if there is none."""
        self._waiting: dict[FrameClock, None] = {}

    def __contains__(self, clock: FrameClock) -> bool:
        """Return whether the frame of a clock is waiting."""
        return clock in self._waiting

    def run(self, clock: FrameClock, *, urgent: bool) -> None:
        """Make the frame of a clock, now or soon."""
        if not self._end:
            self._begin()
        if urgent or (perf_counter() < self._end and not self._waiting):
            clock.make()
        else:
            self._waiting[clock] = None

    def forget(self, clock: FrameClock) -> None:
        """Let the frame of a clock wait no longer."""
        self._waiting.pop(clock, None)

    def _begin(self) -> None:
        self._end = perf_counter() + TURN
        asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._end = 0.0
        if self._waiting:
            self._begin()
            while self._waiting and perf_counter() < self._end:
                clock = next(iter(self._waiting))
                del self._waiting[clock]
                clock.make()


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, FrameTurns] = WeakKeyDictionary()
