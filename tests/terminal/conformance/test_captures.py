"""The output of real programs looks the same on both engines; `capture` shows how it was recorded
down."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terminal.conformance.capture import CAPTURES, COLUMNS, ROWS
from tests.terminal.conformance.case import ENGINES, Picture, open_engine, picture
from tests.terminal.engine import Heard

FILES = sorted(CAPTURES.glob("*.bin"))


def _shown(name: str, data: bytes, size: int) -> Picture:
    emulator = open_engine(name, Heard(), COLUMNS, ROWS)
    for start in range(0, len(data), size):
        emulator.feed(data[start : start + size])
    shown = picture(emulator.update(full=True))
    emulator.close()
    return shown


def test_there_are_captures() -> None:
    assert {"vim", "emacs", "less", "mc", "htop", "tmux"} <= {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_capture_looks_the_same_on_both_engines(path: Path) -> None:
    data = path.read_bytes()
    for end in (len(data) // 3, len(data) // 2, len(data)):
        first, second = (_shown(name, data[:end], 4096) for name in ENGINES)
        assert first == second
        assert any(cell.strip("\0 ") for row in first.text for cell in row)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_capture_may_be_cut_anywhere(path: Path) -> None:
    data = path.read_bytes()
    assert _shown("pyte", data, 7) == _shown("pyte", data, len(data))
