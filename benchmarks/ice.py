"""ICE: datagrams of 1,200 bytes between two transports in this process, beside two connections of
aioice, and the time to connect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aioice

from benchmarks.table import print_table
from guacr.tubes.rtc.ice.settings import IceSettings, IceState
from guacr.tubes.rtc.ice.transport import IceTransport

SETTINGS = IceSettings(loopback=True, interfaces=("lo",))
DATAGRAM = b"\x17" + bytes(1199)
ROUND_TRIPS = 20_000
PACKETS = 100_000
PER_TURN = 32
"""Datagrams that are sent in one turn of the event loop."""
PAIRS = 20


class End:
    """A transport; `on_datagram` may be set at any time."""

    def __init__(self, *, controlling: bool) -> None:
        self.on_datagram: Callable[[bytes], None] = lambda datagram: None
        self.candidates: list[str] = []
        self.connected = asyncio.Event()
        self.transport = IceTransport(
            SETTINGS,
            controlling=controlling,
            on_datagram=lambda datagram: self.on_datagram(datagram),
            on_candidate=self.candidates.append,
            on_state=self._note,
        )

    def _note(self, state: IceState) -> None:
        if state is IceState.CONNECTED:
            self.connected.set()


async def connected() -> tuple[End, End]:
    """Two ends that are connected."""
    one, two = End(controlling=True), End(controlling=False)
    await asyncio.gather(one.transport.gather(), two.transport.gather())
    for end, other in ((one, two), (two, one)):
        end.transport.set_remote(other.transport.local)
        for text in other.candidates:
            end.transport.add_remote_candidate(text)
    await asyncio.gather(one.connected.wait(), two.connected.wait())
    return one, two


async def ping_pong(one: End, two: End) -> float:
    """Round trips per second."""
    done, left = asyncio.get_running_loop().create_future(), ROUND_TRIPS

    def again(datagram: bytes) -> None:
        nonlocal left
        left -= 1
        if left:
            one.transport.send(datagram)
        else:
            done.set_result(None)

    one.on_datagram, two.on_datagram = again, two.transport.send
    started = time.perf_counter()
    one.transport.send(DATAGRAM)
    await done
    return ROUND_TRIPS / (time.perf_counter() - started)


async def flood(one: End, two: End) -> tuple[float, float]:
    """Datagrams per second that arrive, and the share that is lost."""
    arrived = 0

    def count(datagram: bytes) -> None:
        nonlocal arrived
        arrived += 1

    two.on_datagram = count
    started = time.perf_counter()
    for _ in range(PACKETS // PER_TURN):
        for _ in range(PER_TURN):
            one.transport.send(DATAGRAM)
        await asyncio.sleep(0)
    seconds = time.perf_counter() - started
    await asyncio.sleep(0.1)
    return arrived / seconds, 1 - arrived / PACKETS


async def aioice_connected() -> tuple[aioice.Connection, aioice.Connection]:
    """Two connections of aioice at 127.0.0.1, which it does not offer by itself."""
    one, two = aioice.Connection(ice_controlling=True), aioice.Connection(ice_controlling=False)
    for each in (one, two):
        each._local_candidates = await each.get_component_candidates(1, ["127.0.0.1"])
        each._local_candidates_start = each._local_candidates_end = True
    for each, other in ((one, two), (two, one)):
        for candidate in other.local_candidates:
            await each.add_remote_candidate(candidate)
        await each.add_remote_candidate(None)
        each.remote_username, each.remote_password = other.local_username, other.local_password
    await asyncio.gather(one.connect(), two.connect())
    return one, two


async def aioice_ping_pong() -> float:
    """Round trips per second of aioice."""
    one, two = await aioice_connected()

    async def answer() -> None:
        with suppress(ConnectionError):
            while True:
                await two.send(await two.recv())

    task = asyncio.ensure_future(answer())
    started = time.perf_counter()
    for _ in range(ROUND_TRIPS):
        await one.send(DATAGRAM)
        await one.recv()
    seconds = time.perf_counter() - started
    await asyncio.gather(one.close(), two.close())
    await task
    return ROUND_TRIPS / seconds


async def measured(work: Callable[[], Awaitable[object]]) -> float:
    """The seconds that it takes."""
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def run() -> None:
    """Measure and print."""
    one, two = await connected()
    trips = await ping_pong(one, two)
    packets, lost = await flood(one, two)
    ends = [one, two]

    async def many() -> None:
        pairs = await asyncio.gather(*(connected() for _ in range(PAIRS)))
        ends.extend(end for pair in pairs for end in pair)

    connecting = await measured(many)
    await asyncio.gather(*(end.transport.close() for end in ends))
    rows: list[list[object]] = [
        ["round trips/s", trips],
        ["round trips/s of aioice", await aioice_ping_pong()],
        [f"datagrams/s, {PER_TURN} at once", packets],
        ["lost of them, %", lost * 100],
        [f"{PAIRS} pairs connected, s", connecting],
    ]
    print_table("ICE: datagrams of 1,200 bytes, both ends in one process", ["", ""], rows)


def main() -> None:
    """Print the table."""
    asyncio.run(run())


if __name__ == "__main__":
    main()
