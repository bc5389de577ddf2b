"""The parts of a pyte screen, and how they fit together."""

from __future__ import annotations

import gc
import weakref

import pytest

from terminal.engines.emulator import EmulatorOptions
from terminal.engines.pyte.screen import PyteScreen
from terminal.engines.pyte.stream import PyteStream
from tests.terminal.engine import COLOURS, Heard


def _screen() -> PyteScreen:
    return PyteScreen(
        EmulatorOptions(columns=20, rows=5, cell_width=8, cell_height=16, colours=COLOURS), Heard()
    )


@pytest.mark.parametrize(
    "name",
    sorted({*PyteStream.controls.values(), *PyteStream.escape.values(), *PyteStream.csi.values()}),
)
def test_each_function_of_the_parser_belongs_to_one_part(name: str) -> None:
    assert callable(_screen().function(name))


def test_parts_do_not_keep_each_other_in_memory() -> None:
    gc.disable()
    try:
        screen = _screen()
        stream = PyteStream(screen)
        stream.feed("\x1b[?1049h\x1b[?2048htext\r\n\x1b[c\x1b]2;title\x07\x1b[!p\x1bc")
        kept = [weakref.ref(part) for part in (screen, screen.grid, screen.modes, screen.calls)]
        del screen, stream
        assert [part() for part in kept] == [None] * 4
    finally:
        gc.enable()
