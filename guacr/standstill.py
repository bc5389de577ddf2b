"""Timers that do not blame peers for a time in which this process stood still.

After the process was stopped by a signal, or its machine suspended or moved, everything that was
due meanwhile is due at once, and runs before anything that has arrived is read: peers that have
answered long ago would be too late.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeVarTuple

from typing_extensions import override

STANDSTILL = 0.5
"""The delay, in seconds, from which on the process counts as having stood still: stopped by a
signal, or blocked. In the meantime it has received nothing."""
BEAT = 0.5
"""Seconds between two looks at the clock. One that is late by more than `STANDSTILL` shows a
standstill."""
SHORT = 1.0
"""Timers up to so many seconds are no time-outs of peers, but clocks, which run as usual."""
GRACE = 1.0
"""Seconds after a standstill in which what has arrived is read, and no longer timer runs."""
WAITS_MAX = 3
"""Standstills after which a timer waits. A process that is overloaded stands still again and again:
its timers would never run."""

_Ts = TypeVarTuple("_Ts")


class PatientLoop(asyncio.AbstractEventLoop):
    """The timers of an event loop, to be combined with one. After a standstill, those that are
    longer than `SHORT` wait for `GRACE`. `asyncio.timeout` goes on where it was, as if there had
    been none."""

    resumed = -math.inf
    """When the last standstill ended, on the loop's clock."""
    _stood_still = 0.0
    _next_beat = math.inf
    _heart: asyncio.TimerHandle

    @override
    def run_forever(self) -> None:
        self._beat()
        try:
            super().run_forever()
        finally:
            self._heart.cancel()

    @override
    def call_later(
        self,
        delay: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        if delay <= SHORT or is_patient(callback):
            return super().call_later(delay, callback, *args, context=context)
        timer = _Timer(self, callback, args)
        timer.handle = super().call_later(delay, timer, context=context)
        return timer.handle

    def stood_still(self) -> float:
        """Return for how many seconds the process has stood still since the loop began to run."""
        now = self.time()
        late = now - self._next_beat
        if late > STANDSTILL:
            self._stood_still += late
            self.resumed = self._next_beat = now
        return self._stood_still

    def _beat(self) -> None:
        self.stood_still()
        self._next_beat = self.time() + BEAT
        self._heart = self.call_later(BEAT, self._beat)


def is_patient(callback: object) -> bool:
    """Return whether what a timer calls waits after standstills already."""
    return isinstance(callback, _Timer)


class _Timer:
    """The callback of a timer. It is cancelled by the timer's `handle`, also while it waits for
    `GRACE`. It keeps the handle, which keeps it, only until it has run: reference counting then
    frees both."""

    __slots__ = ("_args", "_callback", "_loop", "_stood_still", "_waits", "handle")

    def __init__(
        self,
        loop: PatientLoop,
        callback: Callable[..., object],
        args: tuple[Any, ...],
    ) -> None:
        self._loop = loop
        self._callback = callback
        self._args = args
        self._stood_still = loop.stood_still()
        self._waits = 0
        self.handle: asyncio.TimerHandle

    @override
    def __repr__(self) -> str:
        return repr(self._callback)

    def __call__(self) -> None:
        missed = self._loop.stood_still() - self._stood_still
        if missed == 0:
            self._run()
        else:
            self._wait(missed)

    def _run(self) -> None:
        del self.handle
        self._callback(*self._args)

    def _wait(self, missed: float) -> None:
        now, goes_on = self._loop.time(), self._loop.resumed + GRACE
        limit = getattr(self._callback, "__self__", None)
        if isinstance(limit, asyncio.Timeout) and (due := limit.when()) is not None:
            limit.reschedule(max(due + missed, goes_on))
        elif now < goes_on and self._waits < WAITS_MAX:
            self._waits += 1
            self._loop.call_later(goes_on - now, self._go_on)
        else:
            self._run()

    def _go_on(self) -> None:
        if not self.handle.cancelled():
            self()
