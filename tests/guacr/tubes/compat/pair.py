"""Two registries with a tube between them, each the published wheel's or ours."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from tests.support.wheel import MODULE, Wheel, wheel

OURS = "guacr.tubes.compat"
MODULES = {"wheel": MODULE, "guacr": OURS}
PAIRS = [names for names in itertools.product(MODULES, MODULES) if "guacr" in names]
"""The offerer and the answerer: the wheel in each role, and ours in both."""


class Pair:
    """Two registries; candidates of one are carried to the other."""

    def __init__(self, offerer: Wheel, answerer: Wheel, names: tuple[str, str]) -> None:
        self.offerer = offerer
        self.answerer = answerer
        self.names = names
        self.tubes = ["", ""]
        self.created: dict[str, str] = {}
        self._carrying: asyncio.Task[None] | None = None

    @property
    def ends(self) -> tuple[Wheel, Wheel]:
        """Both, the offerer first."""
        return self.offerer, self.answerer

    async def connect(
        self,
        offering: dict[str, Any],
        answering: dict[str, Any],
        *,
        trickle: bool = True,
        **named: Any,
    ) -> None:
        """A tube with the conversation "c"."""
        self.created = await self.offerer.create("c", offering, trickle=trickle, **named)
        answered = await self.answerer.create(
            "c", answering, trickle=trickle, offer=self.created["description"], **named
        )
        self.tubes = [self.created["tube_id"], answered["tube_id"]]
        await self.offerer.set_remote(self.tubes[0], answered["description"], is_answer=True)
        self.carry()
        for end, tube in zip(self.ends, self.tubes, strict=True):
            await self.status(end, tube, "ready")

    @property
    def port(self) -> int:
        """Of the offerer's listener."""
        return int(self.created["actual_local_listen_addr"].rsplit(":", 1)[1])

    async def status(self, end: Wheel, tube: str, expected: str) -> None:
        """Wait for a status."""
        async with asyncio.timeout(20):
            while await end.call("get_tube_status", tube) != expected:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def gone(self, end: Wheel, tube: str) -> None:
        """Wait until there is no such tube."""
        async with asyncio.timeout(20):
            while await end.call("tube_found", tube):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def carry(self) -> None:
        """Carry candidates between the tubes from now on."""
        self._carrying = asyncio.create_task(self._carry())

    async def _carry(self) -> None:
        told = [0, 0]
        while True:
            for n in (0, 1):
                for candidate in self.ends[n].candidates()[told[n] :]:
                    await self.ends[1 - n].call("add_ice_candidate", self.tubes[1 - n], candidate)
                    told[n] += 1
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        """Carry no more."""
        if self._carrying is not None:
            self._carrying.cancel()
            await asyncio.wait((self._carrying,))


@asynccontextmanager
async def paired(offerer: str, answerer: str) -> AsyncIterator[Pair]:
    """Two registries by their names in `MODULES`."""
    async with AsyncExitStack() as stack:
        ends = [await stack.enter_async_context(wheel(MODULES[n])) for n in (offerer, answerer)]
        both = Pair(ends[0], ends[1], (offerer, answerer))
        try:
            yield both
        finally:
            await both.close()
