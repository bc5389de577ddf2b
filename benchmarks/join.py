"""A second viewer: milliseconds from its TCP connect to its first full picture."""

from __future__ import annotations

import asyncio
import statistics
import time

from benchmarks.fanout import SCREEN
from benchmarks.screen import ScreenHandler
from benchmarks.session import connect
from benchmarks.table import print_table
from guacr.daemon import Daemon
from guacr.session.protocols import Protocols
from guacr.settings.models import ServerSettings, Settings, WebSocketSettings
from handlers.testcard import TestcardHandler

JOINS = 30
PICTURES = {"a terminal full of text": "screen", "the test card, moving": "testcard"}


async def measure(protocol: str) -> list[object]:
    """Median and highest time of many joins."""
    settings = Settings(
        server=ServerSettings(hosts=("127.0.0.1",), port=0),
        websocket=WebSocketSettings(enabled=False),
    )
    protocols = Protocols({"screen": ScreenHandler, "testcard": TestcardHandler})
    daemon = Daemon(settings, protocols=protocols)
    await daemon.start()
    owner = await connect(daemon.port, protocol)
    session = next(iter(daemon.registry.sessions.values()))
    if isinstance(session.handler, ScreenHandler):
        session.handler.feed(SCREEN.encode())
    await asyncio.sleep(1.0)
    times = []
    for _ in range(JOINS):
        started = time.perf_counter()
        writer = await connect(daemon.port, session.id)
        times.append((time.perf_counter() - started) * 1e3)
        writer.close()
        await asyncio.sleep(0.05)
    owner.close()
    await daemon.close()
    return [statistics.median(times), max(times)]


def main() -> None:
    """Print the table."""
    rows = [[name, *asyncio.run(measure(protocol))] for name, protocol in PICTURES.items()]
    print_table("A second viewer's first picture at 1024x768", ["", "ms, median", "most"], rows)


if __name__ == "__main__":
    main()
