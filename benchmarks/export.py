"""An hour of a recorded terminal, exported: seconds for each format.

The recording is made in less than an hour, on an event loop whose time is moved forward.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.motion import Viewer
from benchmarks.recording import opened, registry_of
from benchmarks.screen import ScreenHandler
from benchmarks.table import print_table
from guacr.cli.main import main as guacr

MINUTES = 60
COLUMNS, ROWS = 113, 38
"""About what a terminal of 1024x768 has."""
PROMPT = "\x1b[32mann@host\x1b[0m:\x1b[34m~/project\x1b[0m$ "
WORDS = ("lorem", "ipsum", "dolor", "sit", "amet", "consectetur", "adipiscing", "elit", "sed")
FORMATS = ("mp4", "cast", "txt")

Step = tuple[float, str]
"""Seconds that pass, and what the host then prints."""


def minute(number: int, chance: random.Random) -> Iterator[Step]:
    """A minute of work: commands that are typed, listings, an editor, a flood every five minutes,
    and pauses."""
    for _ in range(4):
        yield from typed(chance, 15)
        yield 0.1, "\r\n" + listing(chance, chance.randrange(5, 40)) + PROMPT
    yield from editor(chance)
    if number % 5 == 0:  # a build that prints as fast as frames are sent
        for _ in range(60):
            yield 0.04, "".join(line(chance) for _ in range(10))
    yield 32.0, "\r\n" + PROMPT


def typed(chance: random.Random, keys: int) -> Iterator[Step]:
    """Keys, each with its echo."""
    for _ in range(keys):
        yield 0.15, chance.choice("abcdefghijklmnopqrstuvwxyz -/.")


def editor(chance: random.Random) -> Iterator[Step]:
    """A file is opened, scrolled by pages and lines, and edited."""
    yield 0.5, "\x1b[?1049h" + page(chance)
    for _ in range(8):
        yield 0.5, page(chance)
    for _ in range(40):
        yield 0.1, f"\x1b[{ROWS};1H\n{line(chance)}"
    for key, (seconds, text) in enumerate(typed(chance, 60)):
        yield seconds, f"\x1b[12;{key + 5}H{text}\x1b[{ROWS};90H\x1b[7m 12,{key + 5} \x1b[0m"
    yield 0.5, "\x1b[?1049l"


def page(chance: random.Random) -> str:
    """A whole screen of coloured text."""
    return "\x1b[H\x1b[2J" + "".join(line(chance) for _ in range(ROWS - 1))


def listing(chance: random.Random, files: int) -> str:
    """The lines of `ls -l`."""
    return "".join(
        f"-rw-r--r-- 1 ann ann {chance.randrange(1 << 20):8} Nov 29 {chance.choice(WORDS)}\r\n"
        for _ in range(files)
    )


def line(chance: random.Random) -> str:
    """A line, partly coloured."""
    colour = chance.randrange(31, 37)
    first, *others = chance.choices(WORDS, k=chance.randrange(2, 14))
    return f"\x1b[{colour}m{first}\x1b[0m {' '.join(others)}"[:COLUMNS] + "\x1b[K\r\n"


async def record(directory: Path, minutes: int) -> None:
    """Record so many minutes."""
    loop, passed = asyncio.get_running_loop(), 0.0
    real = loop.time
    setattr(loop, "time", lambda: real() + passed)  # noqa: B010 - it is a method
    registry, chance = registry_of(directory), random.Random(1)
    handler, viewer = await opened(registry)
    for number in range(minutes):
        for seconds, text in minute(number, chance):
            passed += seconds
            await shown(handler, viewer, text)
    await registry.close()


async def shown(handler: ScreenHandler, viewer: Viewer, text: str) -> None:
    """Print a text, and wait until it has been sent."""
    seen = viewer.frames
    handler.feed(text.encode())
    while viewer.frames == seen:  # noqa: ASYNC110 - the clock paces it
        await asyncio.sleep(0)


def seconds_of(recording: Path, kind: str) -> list[object]:
    """The row of a format: seconds, those of the processor with its programs, and megabytes."""
    target = recording.with_name(f"exported.{kind}")
    started, before = time.perf_counter(), sum(os.times()[:4])
    if guacr(["export", str(recording), f"--{kind}", "-o", str(target)]):
        sys.exit(1)
    took, computed = time.perf_counter() - started, sum(os.times()[:4]) - before
    return [kind, took, computed, target.stat().st_size / 1e6]


def main(minutes: int = MINUTES) -> None:
    """Print the table."""
    logging.disable(logging.WARNING)
    with TemporaryDirectory() as directory:
        asyncio.run(record(Path(directory), minutes))
        recording = min(Path(directory).iterdir(), key=lambda path: len(path.name))
        frames, size = recording.read_bytes().count(b"4.sync,"), recording.stat().st_size
        rows = [seconds_of(recording, kind) for kind in FORMATS]
    title = f"{minutes} minutes of a terminal of 1024x768, {frames} frames, {size / 1e6:.0f} MB"
    print_table(title, ["exported as", "seconds", "of CPU", "MB"], rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
