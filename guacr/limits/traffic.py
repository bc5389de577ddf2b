"""Limits of bytes per second, which users share: those who exceed one wait.

What passes is counted in this process and reported to the ledger in steps; the answer is the time
for which those who share the limit wait. So several processes can share a limit, and nobody waits
for an answer before each message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from typing_extensions import override

from guacr.errors import GuacrError
from guacr.limits.ledger import Ledger
from guacr.limits.refusal import Scope
from guacr.session.meter import Meter

STEP, STEP_MIN = 0.2, 8192
"""Seconds of a rate after which its bytes are reported, and the fewest bytes."""

Rate = tuple[Scope, str, float]
"""The scope and the name of those who share a limit, and its bytes per second."""


class Flow:
    """One direction of one limit, with those in this process who share it."""

    __slots__ = (
        "_ledger",
        "_name",
        "_rate",
        "_step",
        "_task",
        "_unreported",
        "_waiting",
        "is_full",
        "sharers",
    )

    def __init__(self, name: str, rate: float, ledger: Ledger) -> None:
        self._name = name
        self._rate = rate
        self._ledger = ledger
        self._step = max(rate * STEP, STEP_MIN)
        self._unreported = 0
        self.sharers = 0
        """The number of users who share it."""
        self._waiting: dict[Callable[[], None], None] = {}
        self.is_full = True
        """True while those who share the limit must wait: at first, until the ledger has said how
        much others have used."""
        self._task: asyncio.Task[None] | None = asyncio.create_task(self._report(), name="traffic")

    def count(self, size: int) -> None:
        """Count bytes that have passed."""
        self._unreported += size
        if self._task is None and self._unreported >= self._step:
            self._task = asyncio.create_task(self._report(), name="traffic")

    def wait(self, proceed: Callable[[], None]) -> None:
        """Call `proceed` once the flow is no longer full. Only those who want to pass something
        wait, so that many who do not cost nothing."""
        self._waiting[proceed] = None

    def leave(self, proceed: Callable[[], None]) -> None:
        """Share it no more, and wait no more."""
        self.sharers -= 1
        self._waiting.pop(proceed, None)

    def close(self) -> None:
        """Stop: nobody shares it any more."""
        if self._task is not None:
            self._task.cancel()

    async def _report(self) -> None:
        """Report what has passed, until it is within the limit."""
        wait = await self._use()
        while wait:
            self.is_full = True
            await asyncio.sleep(wait)
            wait = await self._use()
        self._task = None
        self.is_full = False
        waiting, self._waiting = self._waiting, {}
        for proceed in waiting:
            proceed()

    async def _use(self) -> float:
        size, self._unreported = self._unreported, 0
        try:
            return await self._ledger.use(self._name, self._rate, size)
        except GuacrError:  # traffic goes on without counts
            return 0.0


class Flows:
    """The flows that are used in this process."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._flows: dict[tuple[str, float], Flow] = {}

    def __len__(self) -> int:
        return len(self._flows)

    def enter(self, name: str, rate: float) -> Flow:
        """Return a flow to share."""
        flow = self._flows.get((name, rate))
        if flow is None:
            flow = self._flows[name, rate] = Flow(name, rate, self._ledger)
        flow.sharers += 1
        return flow

    def leave(self, name: str, rate: float, proceed: Callable[[], None]) -> None:
        """Share a flow no more; it is forgotten with the last one. `proceed` is not called."""
        flow = self._flows[name, rate]
        flow.leave(proceed)
        if not flow.sharers:
            flow.close()
            del self._flows[name, rate]


class TrafficLimits(Meter):
    """The limits of one user.

    Args:
        flows: those of the process.
        rates: the limits that apply to the user.
        resume: called when the user, who had to wait, may be sent more.
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
        self._outgoing = [flows.enter(f"{name}/out", rate) for name, rate in self._names]
        self._incoming = [flows.enter(f"{name}/in", rate) for name, rate in self._names]

    @property
    @override
    def may_be_sent(self) -> bool:
        for flow in self._outgoing:
            if flow.is_full:
                flow.wait(self._sending)
                return False
        return True

    @override
    def sent(self, size: int) -> None:
        for flow in self._outgoing:
            flow.count(size)

    @override
    def received(self, size: int) -> None:
        for flow in self._incoming:
            flow.count(size)
        self._receiving()

    @override
    def close(self) -> None:
        for name, rate in self._names:
            self._flows.leave(f"{name}/out", rate, self._sending)
            self._flows.leave(f"{name}/in", rate, self._receiving)
        self._names = []
        self._outgoing = []
        self._incoming = []

    def _sending(self) -> None:
        """Send what waits, unless another limit has been exceeded."""
        if self.may_be_sent:
            self._resume()

    def _receiving(self) -> None:
        """Read from the user, unless a limit has been exceeded."""
        full = next((flow for flow in self._incoming if flow.is_full), None)
        if full is not None:
            full.wait(self._receiving)
        if (full is not None) is not self._is_held:
            self._is_held = full is not None
            self._hold(self._is_held)
