"""Ends of ICE over real sockets of the loopback interface, and a link between them that fails."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from guacr.tubes.rtc.ice.settings import IceSettings, IceState
from guacr.tubes.rtc.ice.transport import IceTransport
from tests.support.waiting import until

LOOPBACK = IceSettings(loopback=True, interfaces=("lo",))
"""Settings with which nothing leaves the machine."""
DATA = b"\x17"
"""The first byte of data: that of a DTLS record."""


class End:
    """A transport, and all that it has told; candidates go to `other` by `route`, if set."""

    def __init__(self, settings: IceSettings = LOOPBACK, *, controlling: bool = True) -> None:
        self.candidates: list[str] = []
        self.states: list[IceState] = []
        self.received: list[bytes] = []
        self.recoveries = 0
        self.other: End | None = None
        self.route: Callable[[str], str | None] = lambda text: text
        self.transport = IceTransport(
            settings,
            controlling=controlling,
            on_datagram=self.received.append,
            on_candidate=self._tell,
            on_state=self.states.append,
            on_recovered=self._recovered,
        )

    def _tell(self, text: str) -> None:
        self.candidates.append(text)
        if self.other is not None:
            routed = self.route(text)
            if routed is not None:
                self.other.transport.add_remote_candidate(routed)

    def _recovered(self) -> None:
        self.recoveries += 1

    @property
    def state(self) -> IceState:
        return self.transport.state

    async def until(self, state: IceState, timeout: float = 40.0) -> None:
        """Wait for a state."""
        await until(lambda: self.state is state, f"state {state}, not {self.state}", timeout)

    async def until_received(self, data: bytes, timeout: float = 40.0) -> None:
        """Wait for a datagram."""
        await until(lambda: data in self.received, f"datagram {data[:20]!r}", timeout)


@asynccontextmanager
async def ends(
    settings: IceSettings = LOOPBACK, other: IceSettings | None = None
) -> AsyncIterator[tuple[End, End]]:
    """Two ends that tell each other their candidates; the first is controlling."""
    one, two = End(settings), End(other or settings, controlling=False)
    one.other, two.other = two, one
    try:
        yield one, two
    finally:
        await asyncio.gather(one.transport.close(), two.transport.close())


def begin(one: End, two: End) -> list[asyncio.Task[None]]:
    """Have both gather, and tell each the credentials of the other."""
    tasks = [asyncio.ensure_future(end.transport.gather()) for end in (one, two)]
    exchange(one, two)
    return tasks


def exchange(one: End, two: End) -> None:
    """Tell each end the credentials of the other."""
    two.transport.set_remote(one.transport.local)
    one.transport.set_remote(two.transport.local)


async def connect(one: End, two: End) -> None:
    """Connect two ends, completely gathered."""
    await asyncio.gather(*begin(one, two))
    await one.until(IceState.CONNECTED)
    await two.until(IceState.CONNECTED)


async def assert_data_flows(one: End, two: End, within: float = 20.0) -> None:
    """Send a datagram in each direction, again and again, until one has come."""
    for sender, receiver in ((one, two), (two, one)):
        data = DATA + f"{len(receiver.received)} to {id(receiver)}".encode()

        def arrived(sender: End = sender, receiver: End = receiver, data: bytes = data) -> bool:
            sender.transport.send(data)
            return data in receiver.received

        await until(arrived, "data", within)


class UdpRelay(asyncio.DatagramProtocol):
    """A link for two ends: each sees the other at an address of the link, which can be cut."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._ends: list[tuple[str, int] | None] = [None, None]
        self.is_cut = False
        self.carried = 0

    def open(self, one: End, two: End) -> None:
        """Take the place of both ends: candidates told to one lead to the link."""
        loop = asyncio.get_running_loop()
        for side in range(2):
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            opened.setblocking(False)
            opened.bind(("127.0.0.1", 0))
            self._sockets.append(opened)
            loop.add_reader(opened.fileno(), self._carry, side)
        one.route, two.route = self._route(0), self._route(1)

    def _route(self, side: int) -> Callable[[str], str | None]:
        def routed(text: str) -> str | None:
            words = text.split()
            if not text or words[4] != "127.0.0.1":
                return None if text else ""
            self._ends[side] = (words[4], int(words[5]))
            words[5] = str(self._sockets[1 - side].getsockname()[1])
            return " ".join(words)

        return routed

    def _carry(self, side: int) -> None:
        data, _ = self._sockets[side].recvfrom(65536)
        to: Any = self._ends[1 - side]
        if not self.is_cut and to is not None:
            self.carried += 1
            self._sockets[1 - side].sendto(data, to)

    def close(self) -> None:
        """Close the sockets."""
        for opened in self._sockets:
            asyncio.get_running_loop().remove_reader(opened.fileno())
            opened.close()


@asynccontextmanager
async def relayed_ends(
    settings: IceSettings = LOOPBACK,
) -> AsyncIterator[tuple[End, End, UdpRelay]]:
    """Two ends with a link between them."""
    relay = UdpRelay()
    async with ends(settings) as (one, two):
        relay.open(one, two)
        try:
            yield one, two, relay
        finally:
            relay.close()
