"""Tunnels: from a client through two conversations to a backend, over associations without a
network, all in one process. `python -m benchmarks.tunnel --churn 10000` opens and closes
connections, and counts what is left."""

from __future__ import annotations

import argparse
import asyncio
import socket
import statistics
import struct
import time
from pathlib import Path

import uvloop

from benchmarks.table import print_table
from guacr.tubes.connections.target import FixedTarget
from tests.support.conversations import Talk, echo, server, talk

SIZES = {"64 B": 64, "1.5 KB": 1500, "8 KB": 8192, "64 KB": 65536}
ROUND_TRIPS = 400
TOTAL = 60_000_000
AT_ONCE = 50


def main() -> None:
    """Print the tables, with each event loop."""
    asyncio.run(_print_figures("asyncio"))
    with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
        runner.run(_print_figures("uvloop"))


async def _print_figures(loop: str) -> None:
    rows = []
    async with server(echo) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        for name, size in SIZES.items():
            times = await _round_trips(one, size)
            rows.append([name, statistics.median(times) * 1e3, times[-len(times) // 100] * 1e3])
    print_table(f"Tunnels: round trips, {loop}", ["", "p50, ms", "p99, ms"], rows)
    rows = []
    for name, size in SIZES.items():
        wall, processor = await _transfer(size)
        rows.append([f"writes of {name}", TOTAL / wall / 1e6, processor / TOTAL * 1e8])
    columns = ["", "MB/s", "processor s per 100 MB, all ends"]
    print_table(f"Tunnels: throughput, {loop}", columns, rows)


async def _round_trips(one: Talk, size: int) -> list[float]:
    """The sorted seconds of round trips."""
    reader, writer = await one.connect()
    message, times = bytes(size), []
    for _ in range(ROUND_TRIPS):
        started = time.perf_counter()
        writer.write(message)
        await reader.readexactly(size)
        times.append(time.perf_counter() - started)
    writer.close()
    return sorted(times[ROUND_TRIPS // 10 :])


async def _transfer(size: int) -> tuple[float, float]:
    """The seconds, and those of the processor, in which all arrives that a client writes."""

    async def sink(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1 << 18):
            pass
        writer.write(b"all")

    async with server(sink) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        reader, writer = await one.connect()
        message = bytes(size)
        wall, processor = time.perf_counter(), time.process_time()
        for _ in range(TOTAL // size):
            writer.write(message)
            await writer.drain()
        writer.write_eof()
        await reader.read()
        taken = time.perf_counter() - wall, time.process_time() - processor
        writer.close()
    return taken


async def _churn(count: int) -> None:
    """Short connections: the client ends, the backend ends, or one of them resets."""

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1) == b"r":
            _reset(writer)
        writer.write(b"bye")

    async with server(backend) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        await _client(one, 0)
        before, memory, started = _files(), _memory(), time.perf_counter()
        for first in range(0, count, AT_ONCE):
            await asyncio.gather(*(_client(one, first + number) for number in range(AT_ONCE)))
            one.events[0].clear()
            one.events[1].clear()
        taken = time.perf_counter() - started
        one.offerer.close()
        await one.offerer.wait_closed()
        await asyncio.sleep(1)
        print(f"{count} connections, {count / taken:.0f} a second")
        print(f"files {before} -> {_files()}, MB {memory:.1f} -> {_memory():.1f}")
        print(f"tasks {len(asyncio.all_tasks())}")


async def _client(one: Talk, number: int) -> None:
    reader, writer = await one.connect()
    try:
        writer.write(b"r" if number % 10 == 3 else b"x")
        if number % 10 == 5:
            _reset(writer)
        else:
            await reader.read()
    except ConnectionResetError:
        pass
    writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _memory() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--churn", type=int, default=0, help="connections to open and close")
    options = parser.parse_args()
    if options.churn:
        asyncio.run(_churn(options.churn))
    else:
        main()
