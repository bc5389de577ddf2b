"""A file to a client over links of several kinds, and what it does to the frames meanwhile."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.screen import ScreenHandler
from benchmarks.table import print_table
from guacr.api import ProtocolHandler
from guacr.daemon import Daemon
from guacr.session.protocols import Protocols
from guacr.session.session import Session
from guacr.settings.models import ServerSettings, Settings, WebSocketSettings
from guacr.testing.client import Behaviour, GuacClient

ROUND_TRIPS = (0.0, 0.02, 0.05, 0.1)
SIZE = 20_000_000
"""Bytes of the file whose rate is measured."""
SLOW = 1_000_000.0
"""Bytes a second of the link on which frames are watched, 20 ms long."""
KEYS = 100
PIECE = bytes(65536)
READ = 8192
QUEUE_MAX = 131072
"""Bytes that wait in the link's router."""


class Link:
    """A way to a port that takes time, and so many bytes a second."""

    def __init__(self, port: int, round_trip: float, rate: float) -> None:
        self._port = port
        self._delay = round_trip / 2
        self._rate = rate
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        back, forth = await asyncio.open_connection("127.0.0.1", self._port)
        for source, sink in ((reader, forth), (back, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        free_at = 0.0
        while data := await source.read(READ):
            free_at = max(free_at, loop.time()) + len(data) / self._rate
            loop.call_at(free_at + self._delay, sink.write, data)
            await asyncio.sleep(free_at - loop.time() - QUEUE_MAX / self._rate)
        sink.close()


@asynccontextmanager
async def connected(
    round_trip: float,
    rate: float,
    handler: type[ProtocolHandler] = ScreenHandler,
    *,
    paint: bool = False,
) -> AsyncIterator[tuple[GuacClient, Session]]:
    """A client at the other end of a link, and its session."""
    settings = Settings(
        server=ServerSettings(hosts=("127.0.0.1",), port=0),
        websocket=WebSocketSettings(enabled=False),
    )
    daemon = Daemon(settings, protocols=Protocols({handler.name: handler}))
    await daemon.start()
    link = Link(daemon.port, round_trip, rate)
    server = await asyncio.start_server(link.serve, "127.0.0.1", 0)
    place = server.sockets[0].getsockname()[:2] if round_trip else ("127.0.0.1", daemon.port)
    async with await GuacClient.connect(
        place, handler.name, behaviour=Behaviour(paint=paint)
    ) as client:
        await client.wait(lambda: client.state.syncs, "a frame")
        (session,) = daemon.registry.sessions.values()
        yield client, session
    server.close()
    await daemon.close()


async def send(session: Session, size: int) -> None:
    """Send a file to the owner."""
    assert session.users.owner is not None
    async with session.users.owner.outputs.open_file("file", "application/octet-stream") as stream:
        for _ in range(size // len(PIECE)):
            await stream.write(PIECE)


async def rate(round_trip: float) -> float:
    """Megabytes a second over a link without a limit."""
    async with connected(round_trip, 1e9) as (_, session):
        started = time.perf_counter()
        await send(session, SIZE)
        return SIZE / 1e6 / (time.perf_counter() - started)


async def frames(*, sending: bool) -> list[float]:
    """Milliseconds from output of the host to its frame at the client: median and 95th of 100."""
    async with connected(0.02, SLOW) as (client, session):
        assert isinstance(session.handler, ScreenHandler)
        transfer = asyncio.create_task(send(session, int(SLOW * 60))) if sending else None
        await asyncio.sleep(2.0)
        times = []
        for _ in range(KEYS):
            started = time.perf_counter()
            session.handler.feed(b"x")
            await client.frame()
            times.append((time.perf_counter() - started) * 1e3)
            await asyncio.sleep(0.05)
        if transfer is not None:
            transfer.cancel()
            await asyncio.wait([transfer])
    return [statistics.median(times), statistics.quantiles(times, n=20)[-1]]


def main() -> None:
    """Print the tables."""
    rates = [[f"{trip * 1e3:.0f} ms", asyncio.run(rate(trip))] for trip in ROUND_TRIPS]
    print_table("A file to a client, by the link's round trip", ["", "MB/s"], rates)
    rows = [
        [name, *asyncio.run(frames(sending=sending))]
        for name, sending in (("nothing else", False), ("a file on its way", True))
    ]
    print_table("A frame over 1 MB/s and 20 ms", ["", "ms, median", "95th"], rows)


if __name__ == "__main__":
    main()
