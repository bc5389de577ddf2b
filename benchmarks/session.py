"""Sessions over TCP: how quickly they open, and what an idle one keeps in memory."""

from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path

from benchmarks.screen import ScreenHandler
from benchmarks.table import print_table
from guacr.daemon import Daemon
from guacr.protocol.instruction import encode
from guacr.protocol.parser import InstructionParser
from guacr.session.protocols import Protocols
from guacr.settings.models import ServerSettings, Settings, WebSocketSettings

SESSIONS = 500
PARALLEL = 16


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


async def connect(port: int, select: str = "screen") -> asyncio.StreamWriter:
    """A client that has seen its first frame."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    parser = InstructionParser()
    writer.write(encode("select", select))
    while True:
        for instruction in parser.feed(await reader.read(65536)):
            if instruction.opcode == "args":
                writer.write(encode("size", 1024, 768, 96))
                writer.write(encode("image", "image/png"))
                writer.write(encode("connect", *[""] * len(instruction.args)))
            elif instruction.opcode == "sync":
                return writer


async def measure() -> list[list[object]]:
    """The rows of the table."""
    settings = Settings(
        server=ServerSettings(hosts=("127.0.0.1",), port=0),
        websocket=WebSocketSettings(enabled=False),
    )
    daemon = Daemon(settings, protocols=Protocols({"screen": ScreenHandler}))
    await daemon.start()
    gate = asyncio.Semaphore(PARALLEL)

    async def one() -> asyncio.StreamWriter:
        async with gate:
            return await connect(daemon.port)

    (await one()).close()
    gc.collect()
    before, started = resident(), time.process_time()
    writers = await asyncio.gather(*(one() for _ in range(SESSIONS)))
    taken, grown = time.process_time() - started, resident() - before
    for writer in writers:
        writer.close()
    await daemon.close()
    return [[SESSIONS, taken / SESSIONS * 1e3, grown / SESSIONS / 1024]]


def main() -> None:
    """Print the table; the client is in the same process and counted along."""
    columns = ["sessions", "CPU ms each", "KiB each"]
    print_table(f"Terminal sessions, {PARALLEL} at a time", columns, asyncio.run(measure()))


if __name__ == "__main__":
    main()
