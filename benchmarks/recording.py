"""Recorded sessions: how much more processor time they take; whether many hold the event loop."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.console import ENTER, Client
from benchmarks.daemon_process import DaemonProcess, daemon_process
from benchmarks.fanout import SCREEN
from benchmarks.motion import Viewer, longest_holds
from benchmarks.screen import ScreenHandler
from benchmarks.table import print_table
from guacr.protocol.client import ClientInfo
from guacr.recording.session_recording import session_recording
from guacr.session.protocols import Protocols
from guacr.session.registry import SessionRegistry
from guacr.settings.models import Settings
from handlers.testcard import TestcardHandler
from tests.support.openssh import openssh_server

PAIRS = 5
"""Runs without and with a recording, one after the other; the quickest of each are compared."""
SSH_PAIRS = 14
FRAMES = 200
DESKTOP_SECONDS = 3.0
MANY, RATE, MANY_SECONDS = 100, 30, 5.0
SEQ = b"".join(b"%d\r\n" % number for number in range(1_500_000))

Work = Callable[[SessionRegistry], Awaitable[float]]


def registry_of(directory: Path | None, *, text: bool = True) -> SessionRegistry:
    """A registry that records every session in a directory, if there is one; with the text of
    terminals or without."""
    recording = {"path": directory, "min_free_disk": 0, "text": text}
    settings = Settings.model_validate({"recording": recording})
    protocols = Protocols({"screen": ScreenHandler, "testcard": TestcardHandler})
    registry = SessionRegistry(protocols, settings, ThreadPoolExecutor(os.cpu_count()))
    registry.extensions.append(session_recording(registry.events))
    return registry


async def opened(registry: SessionRegistry) -> tuple[ScreenHandler, Viewer]:
    """A terminal that has drawn its first frame."""
    viewer = Viewer()
    info = ClientInfo(width=1024, height=768, image=("image/png", "image/jpeg"))
    handler = registry.open("screen", {}, info, viewer).session.handler
    assert isinstance(handler, ScreenHandler)
    while not viewer.frames:  # noqa: ASYNC110 - once
        await asyncio.sleep(0.01)
    return handler, viewer


async def screens(registry: SessionRegistry) -> float:
    """Full screens, as many as frames."""
    handler, viewer = await opened(registry)
    started = time.process_time()
    for number in range(FRAMES):
        handler.feed(SCREEN.replace("o", "oaeiu"[number % 5]).encode())
        seen = viewer.frames
        while viewer.frames == seen:  # noqa: ASYNC110 - the clock paces it
            await asyncio.sleep(0.001)
    return time.process_time() - started


async def seq(registry: SessionRegistry) -> float:
    """Numbers, as fast as they can be shown."""
    handler, _ = await opened(registry)
    started = time.process_time()
    for start in range(0, len(SEQ), 32768):
        handler.feed(SEQ[start : start + 32768])
        await asyncio.sleep(0.004)
    return time.process_time() - started


async def desktop(registry: SessionRegistry, motion: str) -> float:
    """A desktop of 1920x1080 whose picture moves."""
    info = ClientInfo(width=1920, height=1080, image=("image/png", "image/jpeg"))
    viewer = Viewer()
    registry.open("testcard", {"motion": motion, "frame-rate": "30"}, info, viewer)
    await asyncio.sleep(2.0)  # it is drawn
    started, frames = time.process_time(), viewer.frames
    await asyncio.sleep(DESKTOP_SECONDS)
    return (time.process_time() - started) / (viewer.frames - frames)


async def run(work: Work, directory: Path | None, *, text: bool) -> float:
    """The processor seconds of one run."""
    registry = registry_of(directory, text=text)
    try:
        return await work(registry)
    finally:
        await registry.close()


def compare(name: str, work: Work, *, text: bool = False) -> list[object]:
    """The row of a kind of session; other programs can only add to the time of a run."""
    plain, recorded = [], []
    for _ in range(PAIRS):
        with TemporaryDirectory() as directory:
            plain.append(asyncio.run(run(work, None, text=text)))
            recorded.append(asyncio.run(run(work, Path(directory), text=text)))
            size = sum(path.stat().st_size for path in Path(directory).iterdir())
    return _row(name, plain, recorded, size)


def over_ssh(name: str) -> list[object]:
    """The row of `seq` in a shell of an OpenSSH server, for daemons in processes of their own."""
    with (
        TemporaryDirectory() as directory,
        openssh_server() as server,
        daemon_process() as plain,
        daemon_process(Path(directory)) as recording,
    ):
        key = server.make_key("-t", "ed25519")
        parameters = server.address | {"username": server.user, "private-key": key}
        before, after = asyncio.run(_flooded((plain, recording), parameters))
        size = sum(path.stat().st_size for path in Path(directory).iterdir()) // SSH_PAIRS
    return _row(name, before, after, size)


async def _flooded(
    daemons: Sequence[DaemonProcess], parameters: dict[str, Any]
) -> list[list[float]]:
    """The processor seconds of each daemon for each run, in turns."""
    clients = [await Client.connect(one.port, "ssh", **parameters) for one in daemons]
    times: list[list[float]] = [[] for _ in daemons]
    turns = list(zip(clients, daemons, times, strict=True))
    for _ in range(SSH_PAIRS):
        turns.reverse()
        for client, daemon, found in turns:
            before = daemon.cpu_time()
            client.frames.clear()
            client.press(*b"seq 1500000", ENTER)
            await client.rest(1.0)
            found.append(daemon.cpu_time() - before)
    for client in clients:
        await client.close()
    return times


def _row(name: str, plain: list[float], recorded: list[float], size: int) -> list[object]:
    ratios = sorted(after / before for before, after in zip(plain, recorded, strict=True))
    percent = [f"{(ratio - 1) * 100:+.1f}" for ratio in (ratios[0], ratios[-1])]
    more = (min(recorded) / min(plain) - 1) * 100
    return [name, min(plain) * 1000, f"{more:+.1f}", " to ".join(percent), size / 1e6]


async def many(directory: Path | None) -> list[object]:
    """The longest time for which 100 sessions held the event loop."""
    registry = registry_of(directory)
    sessions = [await opened(registry) for _ in range(MANY)]
    is_over = asyncio.Event()

    async def feed(handler: ScreenHandler, number: int) -> None:
        await asyncio.sleep(number / MANY / RATE)
        while not is_over.is_set():
            number += 1
            handler.feed(b"\x1b[%d;1H%d lorem ipsum dolor" % (number % 39 + 1, number))
            await asyncio.sleep(1 / RATE)

    tasks = [asyncio.create_task(feed(one, number)) for number, (one, _) in enumerate(sessions)]
    started, before = time.process_time(), sum(viewer.frames for _, viewer in sessions)
    longest, busiest = await longest_holds(MANY_SECONDS)
    cpu = time.process_time() - started
    frames = sum(viewer.frames for _, viewer in sessions) - before
    is_over.set()
    await asyncio.gather(*tasks)
    await registry.close()
    return [
        "recorded" if directory else "not recorded",
        longest * 1e3,
        busiest * 1e3,
        cpu / frames * 1e6,
    ]


def main() -> None:
    """Print the tables."""
    logging.disable(logging.WARNING)
    screens_name, seq_name = f"{FRAMES} full screens of 99x39 cells", "1,500,000 numbers (seq)"
    rows = [
        compare(screens_name, screens),
        compare(screens_name + ", with their text", screens, text=True),
        compare(seq_name, seq),
        compare(seq_name + ", with their text", seq, text=True),
        over_ssh("the same, over SSH"),
        compare("a frame of a test card of 1920x1080", lambda one: desktop(one, "none")),
        compare("the same, every pixel moves", lambda one: desktop(one, "photo")),
    ]
    columns = ["", "CPU ms without", "% more, recorded", "of the pairs", "MB recorded"]
    print_table(f"Processor time, {PAIRS} pairs of runs", columns, rows)
    with TemporaryDirectory() as directory:
        rows = [asyncio.run(many(None)), asyncio.run(many(Path(directory)))]
    columns = ["", "longest hold, ms", "of it computed, ms", "CPU µs a frame"]
    print_table(f"{MANY} terminals with {RATE} frames/s each", columns, rows)


if __name__ == "__main__":
    main()
