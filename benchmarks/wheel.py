"""Tunnels: round trips, throughput, creation and memory, with keeper-pam-webrtc-rs at none, one or
both ends, each end in a process of its own. Needs root, for a network namespace."""

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
ROUNDS = 400
SECONDS = 4.0
TUBES = 20
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


async def round_trips(port: int, size: int) -> tuple[float, float]:
    """Median and 99th percentile in milliseconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    data, times = bytes(size), []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        writer.write(data)
        await reader.readexactly(size)
        times.append(time.perf_counter() - start)
    writer.close()
    times.sort()
    return statistics.median(times) * 1000, times[int(ROUNDS * 0.99)] * 1000


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
        tunnel = await connect(ends, port, f"up {size}")
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
        tunnel = await connect(ends, port, f"down {size}")
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


async def _main() -> None:
    trips, rates, creates = [], [], []
    for names in itertools.product(NAMES, NAMES):
        name = " to ".join(names)
        async with pair(names) as ends, server(echo) as port:
            tunnel = await connect(ends, port)
            found = [await round_trips(tunnel.port, size) for size in SIZES.values()]
            trips.append([name, *(f"{p50:.2f} / {p99:.1f}" for p50, p99 in found)])
            row: list[object] = [name]
            for size in (SIZES["8 KB"], SIZES["64 KB"]):
                row += [await upwards(ends, size), await downwards(ends, size)]
            rates.append(row)
        if names[0] == names[1]:
            async with pair(names) as ends:
                creates.append([name, *await creation(ends)])
    print_table("Tunnels: round trips, ms (p50 / p99)", ["offerer to answerer", *SIZES], trips)
    columns = ["writes of", "8 KB up", "8 KB down", "64 KB up", "64 KB down"]
    print_table("Tunnels: MB/s", columns, rates)
    columns = ["", f"{TUBES} created and connected, s", "memory of each, MiB"]
    print_table("Tunnels: creation", columns, creates)


def main() -> None:
    """Print the tables."""
    with wheel_network():
        asyncio.run(_main())
