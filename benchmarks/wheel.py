"""Tunnels: round trips, throughput, creation and memory, with keeper-pam-webrtc-rs at none, one or
both ends, each end in a process of its own. All kinds of pairs take turns.

Needs root, for a network namespace.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.table import print_table
from tests.support.wheel import MODULE, Wheel, wheel, wheel_network

NAMES = {"wheel": MODULE, "guacr": "guacr.tubes.compat"}
SIZES = {"64 B": 64, "1.5 KB": 1500, "8 KB": 8192, "64 KB": 65536}
TRIPS = 100
"""Round trips in a row."""
SECONDS = 2.0
"""Of a transfer."""
TURNS = 4
"""Of each pair."""
TUBES = 20
_numbers = itertools.count()
"""Of conversations."""
LISTENING = {"conversationType": "tunnel", "local_listen_addr": "127.0.0.1:0"}


class Tunnel:
    """A tunnel between two ends: `port` is where clients connect."""

    def __init__(self, ends: tuple[Wheel, Wheel], ids: tuple[str, str], port: int) -> None:
        self.ends = ends
        self.ids = ids
        self.port = port


async def connect(ends: tuple[Wheel, Wheel], target: int, name: str = "c") -> Tunnel:
    """A tunnel to `target`, without trickle."""
    created = await ends[0].create(name, LISTENING, trickle=False)
    settings = {"conversationType": "tunnel", "target_host": "127.0.0.1", "target_port": target}
    answered = await ends[1].create(name, settings, trickle=False, offer=created["description"])
    await ends[0].set_remote(created["tube_id"], answered["description"], is_answer=True)
    while await ends[0].call("get_tube_status", created["tube_id"]) != "ready":  # noqa: ASYNC110
        await asyncio.sleep(0.002)
    port = int(created["actual_local_listen_addr"].rsplit(":", 1)[1])
    return Tunnel(ends, (created["tube_id"], answered["tube_id"]), port)


@asynccontextmanager
async def pair(names: tuple[str, str]) -> AsyncIterator[tuple[Wheel, Wheel]]:
    """Two ends of these kinds: the offerer and the answerer."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(wheel(NAMES[names[0]]))
        second = await stack.enter_async_context(wheel(NAMES[names[1]]))
        yield first, second


@asynccontextmanager
async def server(serve: Any) -> AsyncIterator[int]:
    """The port of a server."""
    running = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Return what a client sends."""
    while data := await reader.read(1 << 20):
        writer.write(data)
    writer.close()


async def round_trips(port: int, size: int) -> list[float]:
    """Milliseconds of each."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    data, times = bytes(size), []
    for _ in range(TRIPS):
        start = time.perf_counter()
        writer.write(data)
        await reader.readexactly(size)
        times.append((time.perf_counter() - start) * 1000)
    writer.close()
    return times


class Sink:
    """Takes what it gets, and counts it."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client."""
        while data := await reader.read(1 << 20):
            self.count += len(data)
        writer.close()


async def upwards(ends: tuple[Wheel, Wheel], size: int) -> float:
    """MB/s from a client, which writes `size` bytes at a time, to the target."""
    sink = Sink()
    async with server(sink) as port:
        tunnel = await connect(ends, port, f"up {next(_numbers)}")
        _, writer = await asyncio.open_connection("127.0.0.1", tunnel.port)
        start, data = time.perf_counter(), bytes(size)
        while time.perf_counter() - start < SECONDS:
            writer.write(data)
            await writer.drain()
        rate = sink.count / (time.perf_counter() - start) / 1e6
        writer.close()
        await ends[0].call("close_tube", tunnel.ids[0])
    return rate


async def downwards(ends: tuple[Wheel, Wheel], size: int) -> float:
    """MB/s from the target, which writes `size` bytes at a time, to a client."""

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = bytes(size)
        try:
            while True:
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            writer.close()

    async with server(pour) as port:
        tunnel = await connect(ends, port, f"down {next(_numbers)}")
        reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.port, limit=1 << 20)
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < SECONDS:
            count += len(await reader.read(1 << 20))
        rate = count / (time.perf_counter() - start) / 1e6
        writer.close()
        await ends[0].call("close_tube", tunnel.ids[0])
    return rate


async def creation(ends: tuple[Wheel, Wheel]) -> tuple[float, float]:
    """Seconds to create and connect `TUBES` tubes at once, and MiB for each after the first at the
    answering end."""
    await connect(ends, 1, "first")
    before = memory(ends[1].process_id)
    start = time.perf_counter()
    await asyncio.gather(*(connect(ends, 1, f"tube {n}") for n in range(TUBES)))
    elapsed = time.perf_counter() - start
    return elapsed, (memory(ends[1].process_id) - before) / TUBES


def memory(process: int) -> float:
    """MiB of memory that a process has for itself."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    own = [int(line.split()[1]) for line in lines if line.startswith("Private_")]
    return sum(own) / 1024


Pairs = dict[str, tuple[Wheel, Wheel]]


async def _print_round_trips(pairs: Pairs) -> None:
    times = {name: {size: list[float]() for size in SIZES} for name in pairs}
    async with server(echo) as port:
        tunnels = {name: await connect(ends, port, "echo") for name, ends in pairs.items()}
        for _, size, name in itertools.product(range(TURNS), SIZES, pairs):
            times[name][size] += await round_trips(tunnels[name].port, SIZES[size])
    rows = []
    for name, found in times.items():
        parts = [statistics.quantiles(one, n=100) for one in found.values()]
        rows.append([name, *(f"{one[49]:.2f} / {one[98]:.1f}" for one in parts)])
    print_table("Tunnels: round trips, ms (p50 / p99)", ["offerer to answerer", *SIZES], rows)


async def _print_rates(pairs: Pairs) -> None:
    transfers = [
        (f"{size} {way.__name__}", way, SIZES[size])
        for size in ("8 KB", "64 KB")
        for way in (upwards, downwards)
    ]
    rates = {name: {column: list[float]() for column, _, _ in transfers} for name in pairs}
    for _, (column, way, size), name in itertools.product(range(TURNS), transfers, pairs):
        rates[name][column].append(await way(pairs[name], size))
    rows = [
        [name, *(f"{statistics.median(one):.1f} ({max(one):.1f})" for one in found.values())]
        for name, found in rates.items()
    ]
    columns = ["writes of", *(column for column, _, _ in transfers)]
    print_table(f"Tunnels: MB/s, median and best of {TURNS} turns", columns, rows)


async def _print_creation() -> None:
    rows = []
    for name in NAMES:
        async with pair((name, name)) as ends:
            rows.append([f"{name} to {name}", *await creation(ends)])
    columns = ["", f"{TUBES} created and connected, s", "memory of each, MiB"]
    print_table("Tunnels: creation", columns, rows)


async def _main() -> None:
    async with AsyncExitStack() as stack:
        pairs = {
            " to ".join(names): await stack.enter_async_context(pair(names))
            for names in itertools.product(NAMES, NAMES)
        }
        await _print_round_trips(pairs)
        await _print_rates(pairs)
    await _print_creation()


def main() -> None:
    """Print the tables."""
    with wheel_network():
        asyncio.run(_main())
