"""Tubes under many short connections: threads, files and memory after each round; and how long it
takes to create and connect tubes. Both ends are in this process, by `PyTubeRegistry`."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.table import print_table
from guacr.tubes import PyTubeRegistry

TUBES, CONNECTIONS, ROUNDS = 20, 1000, 4
AT_ONCE = 8
"""Connections of a tube at a time."""
LOOPBACK: dict[str, Any] = {"conversationType": "tunnel", "loopback_candidates": True}
DATA = bytes(2000)


class Churn:
    """Tubes to a server, some of whose connections end first.

    Args:
        port: of the server.
    """

    def __init__(self, port: int) -> None:
        self.registry = PyTubeRegistry()
        self.ports: list[int] = []
        self._target = {**LOOPBACK, "target_host": "127.0.0.1", "target_port": port}
        self._ids: list[str] = []
        self._names = 0

    def connect(self, tubes: int) -> None:
        """Create this many tubes more, and wait until all are ready."""
        for _ in range(tubes):
            self._names += 1
            self._create(f"c{self._names}")
        while any(self.registry.get_tube_status(one) != "ready" for one in self._ids):
            time.sleep(0.001)

    def _create(self, name: str) -> None:
        others: dict[str, str] = {}
        early: list[tuple[str, str]] = []
        lock = threading.Lock()

        def on_signal(signal: dict[str, str]) -> None:
            if signal["kind"] != "icecandidate":
                return
            with lock:
                other = others.get(signal["tube_id"])
                if other is None:
                    early.append((signal["tube_id"], signal["data"]))
                    return
            self.registry.add_ice_candidate(other, signal["data"])

        listening = {**LOOPBACK, "local_listen_addr": "127.0.0.1:0"}
        offered = self._one(name, listening, None, on_signal)
        answered = self._one(f"{name} there", self._target, offered["offer"], on_signal)
        here, there = offered["tube_id"], answered["tube_id"]
        self.registry.set_remote_description(here, answered["answer"], True)
        with lock:
            others |= {here: there, there: here}
            waiting = list(early)
        for tube, candidate in waiting:
            self.registry.add_ice_candidate(others[tube], candidate)
        self._ids += [here, there]
        self.ports.append(int(offered["actual_local_listen_addr"].rsplit(":", 1)[1]))

    def _one(
        self, name: str, settings: dict[str, Any], offer: str | None, on_signal: Any
    ) -> dict[str, str]:
        return self.registry.create_tube(
            name, settings, True, "t", "", "1", offer=offer, signal_callback=on_signal
        )

    async def round(self, connections: int) -> None:
        """Make this many connections through each tube."""
        await asyncio.gather(*(self._through(port, connections) for port in self.ports))

    async def _through(self, port: int, connections: int) -> None:
        for begin in range(0, connections, AT_ONCE):
            numbers = range(begin, min(begin + AT_ONCE, connections))
            await asyncio.gather(*(_client(port, number) for number in numbers))


async def _client(port: int, number: int) -> None:
    """Every third connection is ended by the server, every third by the client, with FIN or RST."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    kind = number % 3
    writer.write(bytes([kind]) + DATA)
    await reader.readexactly(len(DATA))
    if kind == 0 and await reader.read():
        raise AssertionError("the server has sent too much")
    if kind == 1:
        writer.transport.abort()
    writer.close()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        kind = (await reader.readexactly(1))[0]
        writer.write(await reader.readexactly(len(DATA)))
        if kind:
            await reader.read()
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """The port of the server."""
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@contextmanager
def churning(port: int) -> Iterator[Churn]:
    """Tubes that end with the block."""
    churn = Churn(port)
    try:
        yield churn
    finally:
        churn.registry.shutdown_runtime()


def files() -> int:
    """The open files of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def settled(expected: int, seconds: float = 10.0) -> None:
    """Wait until no more files are open than expected, or for a limited time."""
    deadline = time.monotonic() + seconds
    while files() > expected and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


def resident() -> int:
    """The memory of this process in KiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


async def _run() -> None:
    async with serving() as port:
        with churning(port) as churn:
            await asyncio.to_thread(churn.connect, 1)
            base, begin = resident(), time.perf_counter()
            await asyncio.to_thread(churn.connect, TUBES)
            took = time.perf_counter() - begin
            per_tube = (resident() - base) / (2 * TUBES)
            await churn.round(AT_ONCE)
            await asyncio.sleep(1)
            open_files = files()
            rows: list[list[object]] = [[f"{TUBES} connected in {took:.2f} s", *_counts()]]
            for number in range(1, ROUNDS + 1):
                begin = time.perf_counter()
                await churn.round(CONNECTIONS)
                took = time.perf_counter() - begin
                await settled(open_files)
                total = number * CONNECTIONS * len(churn.ports)
                rows.append([f"{total} connections, {took:.1f} s", *_counts()])
        rows.append(["all closed", *_counts()])
    print_table("Tubes: many short connections", ["", "threads", "files", "memory, MB"], rows)
    print(f"memory for each end of a tube: {per_tube:.0f} KB")


def _counts() -> list[object]:
    return [threading.active_count(), files(), f"{resident() / 1024:.1f}"]


def main() -> None:
    """Print the table."""
    asyncio.run(_run())
