"""Limits of bytes per second, which users share: who has exceeded one waits.

What passes is counted in this process and reported to the ledger in steps; the answer is the time
for which those who share the limit wait. So several processes can share a limit, and nobody waits
for an answer before each message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from typing_extensions import override

from guacr.errors import BusyError
from guacr.limits.ledger import Ledger
from guacr.limits.refusal import Scope
from guacr.session.meter import Meter

STEP, STEP_MIN = 0.05, 4096
"""Seconds of a rate after which its bytes are reported, and the fewest bytes."""

Rate = tuple[Scope, str, float]
"""Who shares a limit, and its bytes per second."""


class Flow:
    """One direction of one limit, with those in this process who share it."""

    __slots__ = ("_ledger", "_name", "_rate", "_step", "_task", "_unreported", "is_full", "sharers")

    def __init__(self, name: str, rate: float, ledger: Ledger) -> None:
        self._name = name
        self._rate = rate
        self._ledger = ledger
        self._step = max(rate * STEP, STEP_MIN)
        self._unreported = 0
        self.sharers: list[Callable[[], None]] = []
        """Called when `is_full` has changed."""
        self.is_full = True
        """True while those who share the limit must wait: at first, until the ledger has said how
        much others have used."""
        self._task: asyncio.Task[None] | None = asyncio.create_task(self._report(), name="traffic")

    def count(self, size: int) -> None:
        """Count bytes that have passed."""
        self._unreported += size
        if self._task is None and self._unreported >= self._step:
            self._task = asyncio.create_task(self._report(), name="traffic")

    def close(self) -> None:
        """Stop: nobody uses it any more."""
        if self._task is not None:
            self._task.cancel()

    async def _report(self) -> None:
        """Report what has passed, until it is within the limit."""
        wait = await self._use()
        while wait:
            self._set_full(True)
            await asyncio.sleep(wait)
            wait = await self._use()
        self._task = None
        self._set_full(False)

    async def _use(self) -> float:
        size, self._unreported = self._unreported, 0
        try:
            return await self._ledger.use(self._name, self._rate, size)
        except BusyError:  # traffic goes on without counts
            return 0.0

    def _set_full(self, is_full: bool) -> None:
        if self.is_full is not is_full:
            self.is_full = is_full
            for changed in list(self.sharers):
                changed()


class Flows:
    """The flows that are used in this process."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._flows: dict[tuple[str, float], Flow] = {}

    def __len__(self) -> int:
        return len(self._flows)

    def enter(self, name: str, rate: float, changed: Callable[[], None]) -> Flow:
        """Return a flow to share; `changed` is called when `is_full` has changed."""
        flow = self._flows.get((name, rate))
        if flow is None:
            flow = self._flows[name, rate] = Flow(name, rate, self._ledger)
        flow.sharers.append(changed)
        return flow

    def leave(self, name: str, rate: float, changed: Callable[[], None]) -> None:
        """Share a flow no more; it is forgotten with the last one."""
        flow = self._flows[name, rate]
        flow.sharers.remove(changed)
        if not flow.sharers:
            flow.close()
            del self._flows[name, rate]


class TrafficLimits(Meter):
    """The limits of one user.

    Args:
        flows: those of the process.
        rates: the limits that apply to the user.
        resume: called when the user may be sent more.
        hold: called with True if no more may be read from the user, and with False afterwards.
    """

    __slots__ = ("_flows", "_hold", "_incoming", "_is_held", "_names", "_outgoing", "_resume")

    def __init__(
        self,
        flows: Flows,
        rates: Iterable[Rate],
        resume: Callable[[], None],
        hold: Callable[[bool], None],
    ) -> None:
        self._flows = flows
        self._resume = resume
        self._hold = hold
        self._is_held = False
        self._names = [(f"{scope}/{name}", rate) for scope, name, rate in rates]
        self._outgoing = [
            flows.enter(f"{name}/out", rate, self._sending_changed) for name, rate in self._names
        ]
        self._incoming = [
            flows.enter(f"{name}/in", rate, self._receiving_changed) for name, rate in self._names
        ]
        self._receiving_changed()

    @property
    @override
    def may_be_sent(self) -> bool:
        return not any(flow.is_full for flow in self._outgoing)

    @override
    def sent(self, size: int) -> None:
        for flow in self._outgoing:
            flow.count(size)

    @override
    def received(self, size: int) -> None:
        for flow in self._incoming:
            flow.count(size)

    @override
    def close(self) -> None:
        for name, rate in self._names:
            self._flows.leave(f"{name}/out", rate, self._sending_changed)
            self._flows.leave(f"{name}/in", rate, self._receiving_changed)
        self._names = []
        self._outgoing = []
        self._incoming = []

    def _sending_changed(self) -> None:
        if self.may_be_sent:
            self._resume()

    def _receiving_changed(self) -> None:
        is_held = any(flow.is_full for flow in self._incoming)
        if is_held is not self._is_held:
            self._is_held = is_held
            self._hold(is_held)
