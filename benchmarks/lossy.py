"""Tunnels over a link that delays and loses packets, and over one that is interrupted: guacr and
keeper-pam-webrtc-rs in turns. Needs root, for network namespaces."""

from __future__ import annotations

import asyncio
import socket
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.table import print_table
from benchmarks.wheel import LISTENING, NAMES
from tests.support.network_namespace import inside
from tests.support.slow_link import SlowLink, slow_link
from tests.support.wheel import Forks, Wheel, wheel

RATE = 125e6
"""Bytes a second of the link: the limit is the loss."""
BULK_ROUND_TRIP, BULK_LOSS = 0.05, 0.01
BULK_SECONDS, BULK_WRITE = 15.0, 65536
KEYS_ROUND_TRIP, KEYS_LOSS = 0.06, 0.02
KEYS_RATES = (10, 50)
KEYS_SECONDS = 20.0
MESSAGE = 35
OUTAGES = (5.0, 20.0)
ROUNDS = 2
BUFFER = 1 << 20

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Far:
    """A server at the far end: it returns what it gets, sends without end, or counts."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client by its first byte."""
        try:
            kind = await reader.readexactly(1)
            while kind == b"d":
                writer.write(bytes(BULK_WRITE))
                await writer.drain()
            while data := await reader.read(BUFFER):
                self.count += len(data)
                if kind == b"e":
                    writer.write(data)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


class Tunnel:
    """A tunnel from the near end to the server at the far end."""

    def __init__(self, link: SlowLink, port: int, far: Far) -> None:
        self.link = link
        self.far = far
        self._port = port

    async def connect(self, kind: bytes) -> Streams:
        """A client."""
        with inside(self.link.near):
            sock = socket.create_connection(("127.0.0.1", self._port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=BUFFER)
        writer.write(kind)
        return reader, writer


@asynccontextmanager
async def tunnel(name: str, round_trip: float, loss: float) -> AsyncIterator[Tunnel]:
    """A tunnel with both ends of a kind."""
    far = Far()
    async with slow_link(RATE, round_trip, loss) as link:
        with inside(link.far):
            listening = socket.create_server(("127.0.0.1", 0))
        server = await asyncio.start_server(far, sock=listening, limit=BUFFER)
        async with end(link.near, name) as first, end(link.far, name) as second:
            port = await connected(first, second, listening.getsockname()[1])
            yield Tunnel(link, port, far)
        server.close()


@asynccontextmanager
async def end(namespace: str, name: str) -> AsyncIterator[Wheel]:
    """An end in a namespace."""
    with inside(namespace):
        forks = Forks(NAMES[name])
    try:
        async with wheel(NAMES[name], forks) as running:
            yield running
    finally:
        forks.close()


async def connected(first: Wheel, second: Wheel, target: int) -> int:
    """Connect the two ends; the port of the listener."""
    created = await first.create("c", LISTENING, trickle=False)
    settings = {"conversationType": "tunnel", "target_host": "127.0.0.1", "target_port": target}
    answered = await second.create("c", settings, trickle=False, offer=created["description"])
    await first.set_remote(created["tube_id"], answered["description"], is_answer=True)
    while await first.call("get_tube_status", created["tube_id"]) != "ready":  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return int(created["actual_local_listen_addr"].rsplit(":", 1)[1])


async def bulk(one: Tunnel, kind: bytes) -> float:
    """MB/s that arrive, after a while for the beginning."""
    reader, writer = await one.connect(kind)
    received = 0

    async def read() -> None:
        nonlocal received
        while data := await reader.read(BUFFER):
            received += len(data)

    async def write() -> None:
        while kind == b"u":
            writer.write(bytes(BULK_WRITE))
            await writer.drain()

    tasks = [asyncio.create_task(read()), asyncio.create_task(write())]
    await asyncio.sleep(BULK_SECONDS / 5)
    start, before = time.perf_counter(), received + one.far.count
    await asyncio.sleep(BULK_SECONDS)
    rate = (received + one.far.count - before) / (time.perf_counter() - start) / 1e6
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    writer.transport.abort()
    return rate


async def keys(one: Tunnel, rate: float) -> tuple[list[float], int]:
    """The sorted milliseconds from messages to their echoes, and how many were on their way at a
    time."""
    reader, writer = await one.connect(b"e")
    sent, times, most = list[float](), list[float](), 0

    async def read() -> None:
        while len(times) < KEYS_SECONDS * rate:
            await reader.readexactly(MESSAGE)
            times.append((time.perf_counter() - sent[len(times)]) * 1000)

    reading = asyncio.create_task(read())
    begin = time.perf_counter()
    for number in range(int(KEYS_SECONDS * rate)):
        await asyncio.sleep(begin + number / rate - time.perf_counter())
        sent.append(time.perf_counter())
        writer.write(bytes(MESSAGE))
        most = max(most, len(sent) - len(times))
    async with asyncio.timeout(60):
        await reading
    writer.transport.abort()
    return sorted(times), most


async def outage(one: Tunnel, seconds: float) -> float:
    """Seconds from the return of the link to the echo of what was sent without it; messages are
    sent all the time."""
    reader, writer = await one.connect(b"e")
    writer.write(bytes(MESSAGE))
    await reader.readexactly(MESSAGE)
    one.link.cut()
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        writer.write(bytes(MESSAGE))
        count += 1
        await asyncio.sleep(0.1)
    one.link.cut(cut=False)
    begin = time.perf_counter()
    try:
        async with asyncio.timeout(90):
            await reader.readexactly(MESSAGE * count)
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
        return float("inf")
    finally:
        writer.transport.abort()
    return time.perf_counter() - begin


async def _print_bulk() -> None:
    rows: list[list[object]] = []
    for _ in range(ROUNDS):
        for name in NAMES:
            async with tunnel(name, BULK_ROUND_TRIP, BULK_LOSS) as one:
                rows.append([name, await bulk(one, b"u"), await bulk(one, b"d")])
    title = (
        f"{BULK_LOSS:.0%} lost, {BULK_ROUND_TRIP * 1000:.0f} ms round trip, writes of 64 KB: MB/s"
    )
    print_table(title, ["both ends", "up", "down"], rows)


async def _print_keys() -> None:
    rows: list[list[object]] = []
    for rate in KEYS_RATES:
        for name in NAMES:
            async with tunnel(name, KEYS_ROUND_TRIP, KEYS_LOSS) as one:
                times, most = await keys(one, rate)
            p99 = times[int(len(times) * 0.99)]
            rows.append([f"{name}, {rate}/s", statistics.median(times), p99, times[-1], most])
    title = (
        f"{KEYS_LOSS:.0%} lost, {KEYS_ROUND_TRIP * 1000:.0f} ms round trip, messages of {MESSAGE} "
        "bytes: echo, ms"
    )
    print_table(title, ["both ends", "p50", "p99", "most", "on their way at a time"], rows)


async def _print_outages() -> None:
    rows: list[list[object]] = []
    for name in NAMES:
        async with tunnel(name, KEYS_ROUND_TRIP, 0.0) as one:
            rows.append([name, *[await outage(one, seconds) for seconds in OUTAGES]])
    columns = ["both ends", *(f"after {seconds:.0f} s" for seconds in OUTAGES)]
    print_table("Interrupted link: seconds until all echoes are back", columns, rows)


async def _main() -> None:
    await _print_bulk()
    await _print_keys()
    await _print_outages()


def main() -> None:
    """Print the tables."""
    asyncio.run(_main())
