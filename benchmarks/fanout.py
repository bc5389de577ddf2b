"""Frames to many viewers: what one more viewer of the same terminal costs."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.screen import ScreenHandler
from benchmarks.table import print_table
from guacr.protocol.client import ClientInfo
from guacr.protocol.status import Status
from guacr.session.protocols import Protocols
from guacr.session.registry import SessionRegistry
from guacr.session.session import Session
from guacr.settings.models import Settings
from guacr.transport.base import Receiver, Transport

VIEWERS = (1, 2, 5, 20, 60)
FRAMES = 300
SCREEN = "".join(
    f"\x1b[{row};1H\x1b[3{row % 8}m" + "lorem ipsum dolor sit amet " * 4 for row in range(1, 40)
)


class Sink(Transport):
    """A viewer that takes everything at once, and whose replies to `sync` come at once."""

    receiver: Receiver

    def __init__(self) -> None:
        self.bytes = 0

    @property
    def peer(self) -> str:
        """Nobody."""
        return "a sink"

    @property
    def buffered(self) -> int:
        """Nothing ever is."""
        return 0

    def write(self, data: bytes) -> None:
        """Count."""
        self.bytes += len(data)

    def pause_reading(self) -> None:
        """It sends nothing."""

    def resume_reading(self) -> None:
        """It sends nothing."""

    def close(self, status: Status = Status.SUCCESS) -> None:
        """Nothing is left to send."""

    def abort(self) -> None:
        """Nothing is left to send."""


def watched(registry: SessionRegistry, viewers: int) -> tuple[Session, list[Sink]]:
    """A session of the screen handler with so many viewers."""
    info = ClientInfo(width=1024, height=768, image=("image/png",))
    sinks = [Sink() for _ in range(viewers)]
    session = registry.open("screen", {}, info, sinks[0]).session
    for sink in sinks[1:]:
        registry.open(session.id, {}, info, sink)
    return session, sinks


async def measure(viewers: int) -> list[object]:
    """CPU milliseconds and bytes of a frame for so many viewers."""
    executor = ThreadPoolExecutor(1)
    registry = SessionRegistry(Protocols({"screen": ScreenHandler}), Settings(), executor)
    session, sinks = watched(registry, viewers)
    handler = session.handler
    assert isinstance(handler, ScreenHandler)
    await asyncio.sleep(0.05)
    before, started = sinks[-1].bytes, time.process_time()
    for number in range(FRAMES):
        handler.feed(SCREEN.replace("o", "oaeiu"[number % 5]).encode())
        sent = sinks[-1].bytes
        while sinks[-1].bytes == sent:  # noqa: ASYNC110 - the clock paces it
            await asyncio.sleep(0.001)
    taken = time.process_time() - started
    await registry.close()
    executor.shutdown()
    return [viewers, taken / FRAMES * 1e3, (sinks[-1].bytes - before) / FRAMES / 1e3]


def main() -> None:
    """Print the table."""
    rows = [asyncio.run(measure(viewers)) for viewers in VIEWERS]
    print_table("A full screen of 99x39 cells a frame", ["viewers", "CPU ms", "KB each"], rows)


if __name__ == "__main__":
    main()
