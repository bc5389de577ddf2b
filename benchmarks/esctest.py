"""esctest in a terminal of guacr's: `python -m benchmarks esctest DIRECTORY [ENGINE] [REGEX]`.

esctest is a test suite for terminals that asks the terminal what it shows (DECRQCRA). It is not
part of guacr: https://github.com/ThomasDickey/esctest2 has it, and DIRECTORY is where its
esctest.py is. The engine has 80 by 25 cells, and what hosts do not get by default
(`screen_reports`). It is told that its host is an xterm, so that tests which xterm is known to fail
count as failed where they pass.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import sys
import tempfile
import termios
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.table import print_table
from benchmarks.terminal import COLOURS, ENGINES
from terminal.engines.available import engine
from terminal.engines.emulator import Emulator, EmulatorListener, EmulatorOptions

COLUMNS, ROWS = 80, 25
LONGEST = 900.0
"""Seconds after which a run is given up."""
OPTIONS = (
    *("--expected-terminal", "xterm", "--max-vt-level", "5", "--no-print-logs"),
    *("--options", "xtermWinopsEnabled", "--xterm-reverse-wrap", "383", "--timeout", "2"),
)
"""Reverse wrap stops at lines that were not wrapped since xterm 383, and in guacr."""
INK, PAPER = (0, 0, 0), (255, 255, 255)
"""xterm's default colours, which a test expects."""
_SUMMARY = re.compile(r"\*\*\* (\d+) tests? passed, (\d+) known bugs?, (\d+) TESTS? FAILED \*\*\*")
_FAILED = re.compile(r"\*\*\* TEST (\S+) FAILED:")


class _Host(EmulatorListener):
    """The side of the pseudo terminal that the engine is on."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._clipboard = b""

    def clipboard_written(self, data: bytes) -> None:
        self._clipboard = data

    def clipboard_read(self) -> bytes:
        return self._clipboard

    def reply(self, data: bytes) -> None:
        os.write(self._master, data)

    def title_changed(self, title: str) -> None: ...
    def bell(self) -> None: ...
    def osc(self, number: int, text: str) -> None: ...


def run(directory: Path, name: str, pattern: str = ".*") -> str:
    """Run the suite against an engine; returns its log.

    Raises:
        TimeoutError: it did not end.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        command = [sys.executable, str(directory / "esctest.py"), *OPTIONS]
        process, master = pty.fork()
        if process == 0:
            os.environ.update(TERM="xterm-256color", LANG="C.UTF-8")
            command += ["--include", pattern, "--logfile", str(log)]
            os.execv(sys.executable, command)
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        options = EmulatorOptions(
            columns=COLUMNS,
            rows=ROWS,
            colours=replace(COLOURS, foreground=INK, background=PAPER),
            screen_reports=True,
        )
        emulator = engine(name)(options, _Host(master))
        try:
            _serve(emulator, master)
        finally:
            emulator.close()
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, 9)
            os.close(master)
            os.waitpid(process, 0)
        return log.read_text(errors="replace")


def _serve(emulator: Emulator, master: int) -> None:
    ends = time.monotonic() + LONGEST
    while time.monotonic() < ends:
        if select.select([master], [], [], 1)[0]:
            try:
                emulator.feed(os.read(master, 65536))
            except OSError:  # the program has ended
                return
    raise TimeoutError(f"esctest did not end within {LONGEST:.0f} seconds")


def main(arguments: list[str]) -> None:
    """Run the suite against both engines, or one, and print what fails."""
    if not arguments or not Path(arguments[0], "esctest.py").is_file():
        sys.exit("usage: python -m benchmarks esctest DIRECTORY-OF-ESCTEST.PY [ENGINE] [REGEX]")
    table: list[list[object]] = []
    for name in arguments[1:2] or ENGINES:
        log = run(Path(arguments[0]), name, *arguments[2:3])
        for failed in _FAILED.findall(log):
            sys.stdout.write(f"{name}: {failed}\n")
        found = _SUMMARY.search(log.replace(" failed ***", " TESTS FAILED ***"))
        table.append([name, *(map(int, found.groups()) if found else ("?", "?", "?"))])
    print_table("esctest", ["", "passed", "known bugs of xterm", "failed"], table)
