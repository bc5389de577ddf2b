"""The terminal: parsing a flood, finding what changed, drawing it, and what an idle one holds."""

from __future__ import annotations

import functools
import itertools
import os
import random
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.table import print_table, seconds
from guacr.display.geometry import Rect
from terminal.drawing.atlas import atlas_for, font_pixels
from terminal.drawing.surface import TerminalSurface
from terminal.engines.available import engine
from terminal.engines.contents import Colours
from terminal.engines.emulator import Emulator, EmulatorListener, EmulatorOptions

ENGINES = ("ghostty", "pyte")
PORTION = 65_536
"""Bytes that an engine is fed at once."""
SIZES = ((80, 24), (99, 39))
IDLE_TERMINALS = 200
DAMAGE_ROUNDS = 400
SCROLLBACK = 100_000
PROMPT = b"\x1b[32muser@host\x1b[0m:\x1b[34m~\x1b[0m$ "
COLOURS = Colours((153, 153, 153), (0, 0, 0), None, bytes(index // 3 for index in range(768)))


class _Deaf(EmulatorListener):
    """Hears nothing."""

    def reply(self, data: bytes) -> None: ...
    def title_changed(self, title: str) -> None: ...
    def bell(self) -> None: ...
    def clipboard_written(self, data: bytes) -> None: ...

    def clipboard_read(self) -> bytes | None: ...
    def osc(self, number: int, text: str) -> None: ...


Terminal = tuple[Emulator, TerminalSurface]


def new_terminal(
    columns: int, rows: int, name: str = "auto", *, scrollback: int = 1000
) -> Terminal:
    """An engine, and its picture."""
    atlas = atlas_for("monospace", font_pixels(12, 96))
    options = EmulatorOptions(
        columns=columns,
        rows=rows,
        cell_width=atlas.metrics.width,
        cell_height=atlas.metrics.height,
        colours=COLOURS,
        scrollback_rows=scrollback,
    )
    emulator = engine(name)(options, _Deaf())
    surface = TerminalSurface(emulator, atlas)
    surface.take_damage()
    return emulator, surface


def _words(columns: int, rows: int, seed: int) -> bytes:
    """A whole screen of words in eight colours."""
    source = random.Random(seed)
    lines = []
    for row in range(rows):
        words, length = [], 0
        while length < columns - 10:
            word = "".join(source.choices("abcdefghijklmnopqrstuvwxyz", k=source.randint(2, 9)))
            words.append(f"\x1b[{source.randint(30, 37)}m{word}")
            length += len(word) + 1
        lines.append(f"\x1b[{row + 1};1H\x1b[K" + " ".join(words))
    return "".join(lines).encode()


def _floods(columns: int, rows: int) -> dict[str, bytes]:
    listing = (f"\x1b[0m\x1b[01;3{n % 7 + 1}mfile{n}\x1b[0m  {n * 37}\r\n" for n in range(20_000))
    return {
        "numbers": "".join(f"{number}\r\n" for number in range(100_000)).encode(),
        "coloured listing": "".join(listing).encode(),
        "full screens": b"".join(_words(columns, rows, seed) for seed in range(100)),
    }


def _feed_seconds(columns: int, rows: int, data: bytes, name: str) -> float:
    emulator, _ = new_terminal(columns, rows, name)
    portions = [data[start : start + PORTION] for start in range(0, len(data), PORTION)]

    def feed() -> None:
        for portion in portions:
            emulator.feed(portion)

    taken = seconds(feed)
    emulator.close()
    return taken


def _feed_rows() -> list[list[object]]:
    table: list[list[object]] = []
    for columns, rows in SIZES:
        for name, data in _floods(columns, rows).items():
            taken = [_feed_seconds(columns, rows, data, engine_name) for engine_name in ENGINES]
            rates = [len(data) / figure / 1e6 for figure in taken]
            table.append([f"{columns}x{rows} {name}", *rates])
    return table


def _damage_seconds(terminal: Terminal, inputs: list[bytes]) -> float:
    """Return the median time of `take_damage`, after each of the inputs in turn."""
    emulator, surface = terminal
    turns = itertools.cycle(inputs)
    taken = []
    for _ in range(DAMAGE_ROUNDS):
        emulator.feed(next(turns))
        started = time.perf_counter()
        surface.take_damage()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _screen_rows() -> list[list[object]]:
    table: list[list[object]] = []
    for columns, rows in SIZES:
        emulator, surface = terminal = new_terminal(columns, rows)
        emulator.feed(b"\x1b[5;1H" + PROMPT)
        inputs = {
            "a key": [b"\x1b[5;40Hx", b"\x1b[5;40Hy"],
            "a screen": [_words(columns, rows, seed) for seed in range(2)],
            "a new line": [b"\x1b[%d;1H\r\nline %d" % (rows, number) for number in range(7)],
        }
        for name, data in inputs.items():
            taken = _damage_seconds(terminal, data)
            table.append([f"{columns}x{rows} update and damage of {name}", taken * 1e6])
        emulator.feed(_words(columns, rows, 0))
        surface.take_damage()
        width, height = surface.size
        for name, rect in (("a row", Rect(0, 76, width, 19)), ("all", Rect(0, 0, width, height))):
            taken = seconds(functools.partial(surface.pixels, rect))
            table.append([f"{columns}x{rows} pixels of {name}", taken * 1e6])
        emulator.close()
    return table


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _idle_kib(columns: int, rows: int, keys: int, resting: bool) -> float:
    """KiB of a terminal that shows a prompt, at which so many keys were pressed."""
    new_terminal(columns, rows)
    before = _resident()
    kept = []
    for _ in range(IDLE_TERMINALS):
        emulator, surface = terminal = new_terminal(columns, rows)
        emulator.feed(b"Welcome\r\n" + PROMPT)
        for key in range(keys):
            emulator.feed(b"%c" % (0x21 + key % 90))
            for rect in surface.take_damage().rects:
                surface.pixels(rect)
        surface.take_damage()
        if resting:
            emulator.trim()
            surface.trim()
        kept.append(terminal)
    return (_resident() - before) / IDLE_TERMINALS / 1024


def _idle_rows() -> list[list[object]]:
    with _fresh_processes() as processes:
        return [
            [
                f"{columns}x{rows}, {keys} keys",
                *(
                    processes.submit(_idle_kib, columns, rows, keys, resting).result()
                    for resting in (True, False)
                ),
            ]
            for columns, rows in SIZES
            for keys in (0, 200)
        ]


def _fresh_processes() -> ProcessPoolExecutor:
    """One a task: they have no freed memory to use again."""
    return ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1)


def _lines(style: str) -> list[bytes]:
    """Lines of words, as programs log them."""
    source = random.Random(1)
    words = ["".join(source.choices("etaoinshrdlu", k=source.randint(2, 9))) for _ in range(500)]
    return [
        " ".join(style % source.randint(31, 36) + word for word in source.choices(words, k=11))
        .encode() + b"\r\n"
        for _ in range(5000)
    ]  # fmt: skip


def _scrollback_mib(name: str, style: str) -> tuple[float, float]:
    """MiB of a long scrollback, as it came and packed."""
    emulator, _ = new_terminal(99, 39, name, scrollback=SCROLLBACK)
    lines = itertools.islice(itertools.cycle(_lines(style)), SCROLLBACK + 39)
    before = _resident()
    for line in lines:
        emulator.feed(line)
    came = _resident() - before
    while not emulator.pack():
        pass
    return came / 2**20, (_resident() - before) / 2**20


def _scrollback_rows() -> list[list[object]]:
    with _fresh_processes() as processes:
        return [
            [name, kind, *processes.submit(_scrollback_mib, name, style).result()]
            for name in ENGINES
            for kind, style in (("plain", "%.0s"), ("coloured", "\x1b[%dm"))
        ]


def main() -> None:
    """Print the tables."""
    print_table("Terminal: memory of an idle one", ["", "KiB at rest", "KiB"], _idle_rows())
    columns = ["engine", "lines", "MiB", "MiB packed"]
    print_table(f"Terminal: {SCROLLBACK:,} rows of scrollback", columns, _scrollback_rows())
    print_table("Terminal: feed, MB/s by engine", ["", *ENGINES], _feed_rows())
    print_table("Terminal: from cells to pixels", ["", "us"], _screen_rows())


if __name__ == "__main__":
    main()
