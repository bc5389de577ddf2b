"""Functions that cost more than a turn: others have theirs, and nothing is lost or out of order."""

from __future__ import annotations

from contextlib import closing

import pytest

from terminal.engines.emulator import Emulator
from tests.terminal.conformance.case import ENGINES, open_engine, screen_of
from tests.terminal.engine import Heard

COLUMNS, ROWS = 200, 50
COSTLY = {
    "DECCARA": "\x1b[1;1;50;200;1$r",
    "DECFRA": "\x1b[42;1;1;50;200$x",
    "DECCRA": "\x1b[1;1;50;200;1;2;2;1$v",
    "DECIC": "\x1b[2'}",
}
PYTE = {"ED": "\x1b[2J", "RIS": "\x1bc", "DECALN": "\x1b#8", "IL": "\x1b[H\x1b[99L",
        "REP": "x\x1b[9999b", "DECSET 1049": "\x1b[?1049h"}  # fmt: skip


def _left(emulator: Emulator) -> bool:
    return emulator.pending is not None


@pytest.mark.parametrize(
    ("engine", "name"),
    [
        *((engine, name) for engine in ENGINES for name in COSTLY),
        *(("pyte", name) for name in PYTE),
    ],
)
def test_costly_functions_leave_others_their_turn(engine: str, name: str) -> None:
    heard = Heard()
    with closing(open_engine(engine, heard, COLUMNS, ROWS)) as emulator:
        waiting = ({**COSTLY, **PYTE}[name] * 60 + "\x1b[H\x1b[Jend\x1b[6n").encode()
        turns = 0
        while waiting or _left(emulator):
            emulator.feed(waiting)
            turns, waiting = turns + 1, b""
        assert screen_of(emulator)[0] == "end"
        assert heard.replies == b"\x1b[1;4R"
        assert turns > 2


@pytest.mark.parametrize("engine", ENGINES)
def test_what_follows_costly_functions_comes_after_them(engine: str) -> None:
    costly = (COSTLY["DECFRA"] * 200).encode()
    with closing(open_engine(engine, Heard(), COLUMNS, ROWS)) as emulator:
        emulator.feed(costly + b"\x1b[2")
        assert _left(emulator)
        emulator.feed(b"J\x1b[Hafter")
        while _left(emulator):
            emulator.feed(b"")
        assert [row for row in screen_of(emulator) if row] == ["after"]
        emulator.feed(costly)
        emulator.reset()
        assert not _left(emulator)
        assert not any(screen_of(emulator))
