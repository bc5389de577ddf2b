"""A slow link: two network namespaces, between which packets take their time.

Each namespace has a TUN device, and the event loop carries packets from one to the other. TCP at
both ends sees a real link, with a rate, a round trip and a queue; a proxy would only delay what it
has acknowledged already. The kernel could do the same (netem), but many lack the module.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

from tests.support.network_namespace import check_namespaces, inside, namespace, tun_device

NEAR, FAR = "192.0.2.1", "192.0.2.2"
"""The addresses at the two ends."""
DEVICE = "slow"
PACKET_MAX = 65536
QUEUE = 0.4
"""Seconds of the link's time for which packets may wait; others are dropped."""


@asynccontextmanager
async def slow_link(rate: float, round_trip: float, loss: float = 0.0) -> AsyncIterator[SlowLink]:
    """Make a link of `rate` bytes per second and `round_trip` seconds, which loses a share of the
    packets in each direction."""
    check_namespaces()
    with ExitStack() as stack:
        near, far = (stack.enter_context(namespace()) for _ in range(2))
        ends = [
            stack.enter_context(tun_device(where, DEVICE, f"{own} peer {peer}"))
            for where, own, peer in ((near, NEAR, FAR), (far, FAR, NEAR))
        ]
        ways = [
            _Way(source, sink, rate, round_trip / 2, loss) for source, sink in (ends, ends[::-1])
        ]
        for way in ways:
            stack.enter_context(way.open())
        yield SlowLink(near, far, ways)


class SlowLink:
    """The namespaces at its ends, with the addresses `NEAR` and `FAR`."""

    def __init__(self, near: str, far: str, ways: list[_Way]) -> None:
        self.near = near
        self.far = far
        self._ways = ways

    def cut(self, *, cut: bool = True) -> None:
        """Drop all packets from now on, or no longer."""
        for way in self._ways:
            way.is_cut = cut

    def listen(self) -> socket.socket:
        """Listen at `FAR`, on any port."""
        with inside(self.far):
            return socket.create_server((FAR, 0))

    async def connect(self, host: str, port: int) -> socket.socket:
        """Connect from `NEAR`, where no thread stays: those of the process are shared."""
        with inside(self.near):
            connection = socket.socket()
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, (host, port))
        except BaseException:
            connection.close()
            raise
        return connection


class _Way:
    """One direction of a link."""

    def __init__(self, source: int, sink: int, rate: float, delay: float, loss: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._source = source
        self._sink = sink
        self._rate = rate
        self._delay = delay
        self._loss = loss
        self._random = random.Random(1)
        self._free_at = 0.0
        self._is_open = True
        self.is_cut = False

    @contextmanager
    def open(self) -> Iterator[None]:
        """Carry packets as long as the block lasts."""
        self._loop.add_reader(self._source, self._take)
        try:
            yield
        finally:
            self._is_open = False
            self._loop.remove_reader(self._source)

    def _take(self) -> None:
        packet, now = os.read(self._source, PACKET_MAX), self._loop.time()
        free_at = max(self._free_at, now) + len(packet) / self._rate
        if free_at - now <= QUEUE and not self.is_cut:
            self._free_at = free_at
            if self._random.random() < self._loss:
                return
            self._loop.call_at(free_at + self._delay, self._put, packet)

    def _put(self, packet: bytes) -> None:
        if self._is_open:
            os.write(self._sink, packet)
