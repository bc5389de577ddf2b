"""The database console: from a key to the frame that shows it, the first page of a long result,
exports, and what an idle one keeps.

The client is in the same process, and its work is counted along. With PGHOST set, and PGUSER and
PGDATABASE if need be, the first page of a table is also asked of that PostgreSQL.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import statistics
import tempfile
import time
from base64 import b64decode
from pathlib import Path

import psycopg

from benchmarks.screen import ScreenHandler
from benchmarks.session import resident
from benchmarks.table import print_table
from guacr.daemon import Daemon
from guacr.protocol.instruction import Instruction, encode
from guacr.protocol.parser import InstructionParser
from guacr.session.protocols import Protocols
from guacr.settings.models import ServerSettings, Settings, WebSocketSettings
from handlers.database import SqliteHandler

STATEMENT = "select name, city from customers_7 where country = 'JP' order by 1"
ROUNDS = 6
PAUSE = 0.05
IDLE = 40
ROWS = 1_000_000
LONG_ROWS = 10_000_000
TABLE = "guacr_benchmark"
PATIENCE = 20.0
"""Seconds after which a frame counts as lost."""
ENTER = 0xFF0D
CTRL = 0xFFE3


class Client:
    """Somebody at a console."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.frames = asyncio.Event()
        self.last_frame = 0.0
        """When something was drawn last."""
        self.received = 0
        self.ended = asyncio.Event()
        self._drawn = False
        self._parser = InstructionParser()
        self._task = asyncio.create_task(self._read(reader))

    @classmethod
    async def connect(cls, port: int, protocol: str, /, **values: str) -> Client:
        """Log in, and wait until nothing is drawn any more."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        client._values = values
        client.writer.write(encode("select", protocol))
        await client.rest()
        return client

    async def rest(self, quiet: float = 0.3) -> None:
        """Wait until nothing has been drawn for so many seconds."""
        await self.frame()
        while self.frames.is_set():
            self.frames.clear()
            await asyncio.sleep(quiet)

    async def frame(self) -> None:
        """Wait for something that is drawn."""
        async with asyncio.timeout(PATIENCE):
            await self.frames.wait()

    def press(self, *keysyms: int) -> None:
        """Press and release keys."""
        for keysym in keysyms:
            self.writer.write(encode("key", keysym, 1) + encode("key", keysym, 0))

    async def close(self) -> None:
        """Leave."""
        self._task.cancel()
        self.writer.close()
        await self.writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65536):
            for instruction in self._parser.feed(data):
                self._take(instruction)

    def _take(self, instruction: Instruction) -> None:
        opcode, args = instruction.opcode, instruction.args
        if opcode == "args":
            values = [self._values.get(name, "") for name in args[1:]]
            self.writer.write(encode("size", 1024, 768, 96) + encode("image", "image/png"))
            self.writer.write(encode("connect", args[0], *values))
        elif opcode in ("img", "copy", "cfill"):
            self._drawn = True
        elif opcode == "sync":
            self.writer.write(encode("sync", args[0]))
            if self._drawn:
                self.frames.set()
                self.last_frame = time.perf_counter()
            self._drawn = False
        elif opcode == "nop":
            self.writer.write(encode("nop"))
        elif opcode == "file":
            self._file = args[0]
            self.writer.write(encode("ack", args[0], "OK", 0))
        elif opcode == "blob" and args[0] == self._file:
            self.received += len(b64decode(args[1]))
            self.writer.write(encode("ack", args[0], "OK", 0))
        elif opcode == "end" and args[0] == self._file:
            self.ended.set()

    _values: dict[str, str]
    _file = ""


def _database(path: Path) -> None:
    """A schema with some hundred names."""
    with sqlite3.connect(path) as connection:
        for number in range(40):
            columns = ", ".join(f"column_{column} text" for column in range(8))
            connection.execute(f"create table customers_{number} (name text, city text, {columns})")
    connection.close()


async def _keys(port: int, database: str) -> list[object]:
    """Type a statement, key by key."""
    client = await Client.connect(port, "sqlite", database=database)
    times: list[float] = []
    cpu = 0.0
    for _ in range(ROUNDS):
        for character in STATEMENT:
            client.frames.clear()
            started, used = time.perf_counter(), time.process_time()
            client.press(ord(character))
            await client.frame()
            times.append((time.perf_counter() - started) * 1e3)
            await asyncio.sleep(PAUSE)
            cpu += time.process_time() - used
        client.writer.write(encode("key", CTRL, 1))
        client.press(ord("c"))
        client.writer.write(encode("key", CTRL, 0))
        await client.rest()
    await client.close()
    cuts = statistics.quantiles(times, n=100)
    return [len(times), cuts[49], cuts[94], cuts[98], cpu / len(times) * 1e3]


async def _first_page(port: int, protocol: str, statement: str, **values: str) -> list[object]:
    """ItemView at a long result, and see what the daemon grows by."""
    client = await Client.connect(port, protocol, **values)
    gc.collect()
    before = resident()
    client.press(*map(ord, statement))
    await client.rest()
    started = time.perf_counter()
    client.press(ENTER)
    client.frames.clear()
    await client.rest()
    taken = (client.last_frame - started) * 1e3
    grown = (resident() - before) / 2**20
    await client.close()
    return [protocol, LONG_ROWS, taken, grown]


async def _first_pages(port: int) -> list[list[object]]:
    """The first page in SQLite, and in the PostgreSQL of the environment."""
    numbers = _numbers(LONG_ROWS) + " select i, 'row ' || i as name from n;"
    pages = [await _first_page(port, "sqlite", numbers)]
    if host := os.environ.get("PGHOST"):
        user = os.environ.get("PGUSER", "postgres")
        database = os.environ.get("PGDATABASE", user)
        server = f"host={host} user={user} dbname={database}"
        rows = f"select i, 'row ' || i as name from generate_series(1, {LONG_ROWS}) as i"
        values = {"hostname": host, "username": user, "database": database}
        await asyncio.to_thread(_execute, server, f"create table {TABLE} as {rows}")
        try:
            pages.append(await _first_page(port, "postgresql", f"select * from {TABLE};", **values))
        finally:
            await asyncio.to_thread(_execute, server, f"drop table {TABLE}")
    return pages


def _execute(server: str, statement: str) -> None:
    with psycopg.connect(server) as connection:
        connection.execute(statement)


def _numbers(rows: int) -> str:
    """The beginning of a statement that makes so many rows."""
    return f"with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows})"


async def _export(port: int) -> list[object]:
    """Download a result, and see what the daemon grows by."""
    client = await Client.connect(port, "sqlite")
    gc.collect()
    before, started = resident(), time.perf_counter()
    statement = f"{_numbers(ROWS)} select i, 'row ' || i as name, i * 0.5 as half from n;"
    client.press(*map(ord, f"\\export rows.csv {statement}"), ENTER)
    async with asyncio.timeout(10 * PATIENCE):
        await client.ended.wait()
    taken = time.perf_counter() - started
    await client.close()
    grown = (resident() - before) / 2**20
    return [ROWS, ROWS / taken, client.received / taken / 1e6, grown]


async def _idle(port: int, protocol: str) -> float:
    """KiB that a session takes."""
    await (await Client.connect(port, protocol)).close()
    gc.collect()
    before = resident()
    clients = [await Client.connect(port, protocol) for _ in range(IDLE)]
    taken = (resident() - before) / IDLE / 1024
    for client in clients:
        await client.close()
    return taken


async def measure() -> tuple[list[list[object]], ...]:
    """The rows of the tables."""
    settings = Settings(
        server=ServerSettings(hosts=("127.0.0.1",), port=0),
        websocket=WebSocketSettings(enabled=False),
    )
    protocols = Protocols({"screen": ScreenHandler, "sqlite": SqliteHandler})
    daemon = Daemon(settings, protocols=protocols)
    await daemon.start()
    idle: list[object] = [IDLE, await _idle(daemon.port, "sqlite")]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "shop.db"
        _database(path)
        keys = await _keys(daemon.port, str(path))
    pages = await _first_pages(daemon.port)
    export = await _export(daemon.port)
    await daemon.close()
    return [keys], pages, [export], [idle]


def main() -> None:
    """Print the tables."""
    keys, pages, export, idle = asyncio.run(measure())
    print_table(
        "Console: a key of a statement to its frame, ms",
        ["keys", "median", "p95", "p99", "CPU ms a key"],
        keys,
    )
    print_table(
        "Console: the first page of a result", ["database", "rows", "ms", "MiB grown"], pages
    )
    print_table("Console: an export as CSV", ["rows", "rows/s", "MB/s", "MiB grown"], export)
    print_table("Console: idle ones", ["sessions", "KiB each"], idle)


if __name__ == "__main__":
    main()
