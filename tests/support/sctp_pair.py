"""Two SCTP associations on the event loop, with nothing but a delay between them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from guacr.tubes.rtc.sctp_driver import SctpDriver
from guacr.tubes.sctp import Association, Channel, Limits
from tests.support.waiting import until


class SctpPair:
    """Both ends, established.

    Args:
        delay: seconds of each way.
        loss: the share of packets that are lost.
    """

    def __init__(self, limits: Limits, delay: float, loss: float) -> None:
        self.delay = delay
        self.loss = loss
        self.ends = [Association(is_client=client, limits=limits) for client in (True, False)]
        self.opened: list[list[Channel]] = [[], []]
        """The channels that the other end has opened."""
        self._numbers = random.Random(1)
        self.drivers = [
            SctpDriver(end, lambda packet, to=1 - n: self._carry(packet, to))  # type: ignore[misc]
            for n, end in enumerate(self.ends)
        ]
        for end, opened in zip(self.ends, self.opened, strict=True):
            end.on_channel = opened.append

    def _carry(self, packet: bytes, to: int) -> None:
        if not self.loss or self._numbers.random() >= self.loss:
            loop = asyncio.get_running_loop()
            loop.call_later(self.delay, self.drivers[to].receive, packet)

    async def channel(self, label: str = "tube", end: int = 0) -> tuple[Channel, Channel]:
        """A new channel that `end` opens, and the other end's half."""
        count = len(self.opened[1 - end])
        channel = self.ends[end].open_channel(label)
        await until(lambda: len(self.opened[1 - end]) > count, "the channel")
        return channel, self.opened[1 - end][count]


@asynccontextmanager
async def sctp_pair(
    *, limits: Limits | None = None, delay: float = 0.0, loss: float = 0.0
) -> AsyncIterator[SctpPair]:
    """Two associations that end with the block."""
    pair = SctpPair(limits or Limits(), delay, loss)
    for driver in pair.drivers:
        driver.start()
    await until(lambda: all(end.is_established for end in pair.ends), "the handshake")
    try:
        yield pair
    finally:
        for driver in pair.drivers:
            driver.close("The test has ended.")
