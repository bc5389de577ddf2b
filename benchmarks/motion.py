"""A whole picture that moves: frames a second, their cost, how long they hold the event loop."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from benchmarks.fanout import Sink
from benchmarks.table import print_table, seconds
from guacr.display.moves import Words, find_move
from guacr.protocol.client import ClientInfo
from guacr.protocol.instruction import encode
from guacr.session.protocols import Protocols
from guacr.session.registry import SessionRegistry
from guacr.settings.models import Settings
from handlers.testcard import TestcardHandler
from handlers.testcard.card import Card
from handlers.testcard.params import TestcardParams

SIZES = ((1920, 1080), (3840, 2160))
MOTIONS = ("none", "scroll", "photo", "noise")
SECONDS = 5.0
RATE = 30
NAIVE_ROWS = 64
"""Distances that the naive search tries."""


class Viewer(Sink):
    """Takes everything at once, and acknowledges frames as a client does."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = 0

    def write(self, data: bytes) -> None:
        """Count, and answer a `sync`, which comes last."""
        super().write(data)
        at = data.rfind(b"4.sync,")
        if at >= 0:
            self.frames += 1
            timestamp = data[at:].split(b",")[1].split(b".")[1].decode()
            asyncio.get_running_loop().call_soon(self._reply, timestamp)

    def _reply(self, timestamp: str) -> None:
        self.receiver.data_received(encode("sync", timestamp))


async def longest_holds(seconds: float) -> tuple[float, float]:
    """The longest time that the event loop was held within so many seconds, and the most that it
    computed meanwhile: other programs and threads may take the processor from it."""
    longest = busiest = 0.0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        before, computed = time.perf_counter(), time.thread_time()
        await asyncio.sleep(0)
        longest = max(longest, time.perf_counter() - before)
        busiest = max(busiest, time.thread_time() - computed)
        await asyncio.sleep(0.0005)
    return longest, busiest


async def _measure(size: tuple[int, int], motion: str) -> list[object]:
    executor = ThreadPoolExecutor(os.cpu_count())
    registry = SessionRegistry(Protocols({"testcard": TestcardHandler}), Settings(), executor)
    viewer = Viewer()
    info = ClientInfo(width=size[0], height=size[1], image=("image/png", "image/jpeg"))
    values = {"motion": motion, "frame-rate": str(RATE)}
    registry.open("testcard", values, info, viewer)
    await asyncio.sleep(3.0)  # the card is drawn
    frames, sent = viewer.frames, viewer.bytes
    cpu, start = time.process_time(), time.perf_counter()
    longest, busiest = await longest_holds(SECONDS)
    cpu, took = time.process_time() - cpu, time.perf_counter() - start
    row = [
        f"{size[0]}x{size[1]} {motion}",
        (viewer.frames - frames) / took,
        100 * cpu / took,
        1000 * longest,
        1000 * busiest,
        (viewer.bytes - sent) / max(1, viewer.frames - frames) / 1e6,
    ]
    await registry.close()
    executor.shutdown()
    return row


def _naive(before: Words, after: Words) -> int:
    """The rows by which most pixels have moved up, found by trying."""
    height = len(before)
    counts = [int((before[rows:] == after[: height - rows]).sum()) for rows in range(NAIVE_ROWS)]
    return int(np.argmax(counts))


def _searches() -> list[list[object]]:
    """Return the milliseconds that it takes to find a scroll by 37 rows."""
    found: list[list[object]] = []
    for width, height in SIZES:
        before = Card(width, height, TestcardParams()).surface.array.view(np.uint32)[..., 0]
        after = np.roll(before, -37, axis=0)
        ours = seconds(partial(find_move, before, after))
        tried = seconds(partial(_naive, before, after))
        found.append([f"{width}x{height}", 1000 * ours, 1000 * tried])
    return found


def main() -> None:
    """Measure and print."""
    heads = ["", "find_move", f"trying {NAIVE_ROWS} distances"]
    print_table("Motion: finding a scroll, ms", heads, _searches())
    rows = [asyncio.run(_measure(size, motion)) for size in SIZES for motion in MOTIONS]
    heads = ["", "frames/s", "% of a core", "longest hold, ms", "computing, ms", "MB a frame"]
    print_table(f"Motion: the test card at {RATE} frames/s", heads, rows)
