"""The answers to DECRQCRA, which are those of xterm 379, and the cases without an answer."""

from __future__ import annotations

import time

import pytest

from terminal.engines.available import engine
from terminal.engines.emulator import EmulatorOptions
from tests.terminal.conformance.case import ENGINES
from tests.terminal.desk import Desk
from tests.terminal.engine import COLOURS, Heard

XTERM = {
    "a": "FF9F",
    "a b": "FF1D",
    "ab  ": "FEFD",
    "  ab": "FEFD",
    "a\r\n b": "FF1D",
    "\x1b[1ma b": "FD9D",
    '\x1b[1"qab': "FF3D",
    "\x1b[7m  \x1b[0mb": "FF1E",
    "\x1b[4ma\x1b[5mb\x1b[8mc": "FE6D",
    "é漢": "FDF6",
    "e\u0301": "FF17",
    "a\x1b[3Cb": "FF3D",
    "\x1bVab\x1bWc": "FEDA",
    "  \r\n  b": "FF1E",
    "a   b   \r\nc": "FE1A",
    "\x1b[31ma b": "FF1D",
    "\x1b[2ma\x1b[3mb\x1b[9mc": "FEDA",
}


def _replies(name: str, data: str, *, screen_reports: bool = True) -> str:
    heard = Heard()
    options = EmulatorOptions(columns=80, rows=24, colours=COLOURS, screen_reports=screen_reports)
    emulator = engine(name)(options, heard)
    emulator.feed(data.encode())
    emulator.close()
    return heard.replies.decode()


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("data", XTERM)
def test_checksums_are_those_of_xterm(name: str, data: str) -> None:
    reply = _replies(name, f"{data}\x1b[7;0;1;1;2;10*y")
    assert reply == f"\x1bP7!~{XTERM[data]}\x1b\\"


@pytest.mark.parametrize("name", ENGINES)
def test_reports_of_the_screen_are_off_by_default(name: str) -> None:
    asked = "a\x1b]2;title\x07\x1b[1;1;1;1;1;1*y\x1b[20t\x1b[21t"
    assert _replies(name, asked, screen_reports=False) == ""
    assert "title" in _replies(name, asked)
    desk = Desk(engine=name)
    desk.terminal.feed(asked.encode())
    assert desk.replies == []


@pytest.mark.parametrize("name", ENGINES)
def test_in_origin_mode_a_rectangle_begins_at_the_margins(name: str) -> None:
    asked = "\x1b[2;2Ha\x1b[?69h\x1b[2;9s\x1b[2;9r\x1b[?6h\x1b[1;0;1;1;1;1*y"
    assert _replies(name, asked) == "\x1bP1!~FF9F\x1b\\"


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    "sequence",
    ["\x1b[1;0;1;1;{n};{n}*y", "\x1b[42;1;1;{n};{n}$x", "\x1b[1;1;{n};{n};1;2;2;1$v",
     "\x1b[1;1;{n};{n};1$r", "\x1b[1;1;{n};{n};1$t", "\x1b[1;1;{n};{n}$z", "\x1b[1;1;{n};{n}${{",
     "\x1b[{n}'}}", "\x1b[{n}'~", "\x1b[{n} @", "\x1b[{n} A"],
)  # fmt: skip
def test_the_size_that_a_host_gives_costs_nothing(name: str, sequence: str) -> None:
    data = sequence.format(n=999_999_999)
    started = time.process_time()
    _replies(name, f"x{data * 50}")
    assert time.process_time() - started < 2  # 2,000 cells each
