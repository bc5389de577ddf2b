"""The places of the text and the scroll bar in a window."""

from __future__ import annotations

import pytest

from guacr.display.geometry import Rect
from terminal.drawing.layout import Layout
from tests.terminal.desk import Desk


def test_as_many_cells_as_guacd_has() -> None:
    layout = Layout.of((1024, 768), 96, (10, 19))
    assert (layout.columns, layout.rows, layout.margin) == (99, 39, 7)
    assert layout.text == Rect(7, 7, 990, 741)
    assert layout.scrollbar == Rect(1008, 0, 16, 768)


def test_a_terminal_of_that_size_with_the_default_font() -> None:
    layout = Desk().terminal.layout
    assert (layout.cell_width, layout.cell_height) == (10, 19)
    assert (layout.columns, layout.rows) == (99, 39)


@pytest.mark.parametrize("window", [(1, 1), (16, 16), (30, 30), (8192, 1), (1, 8192)])
def test_any_window_has_a_cell(window: tuple[int, int]) -> None:
    layout = Layout.of(window, 96, (10, 19))
    assert layout.columns >= 1
    assert layout.rows >= 1
    assert layout.margin >= 0
    assert layout.cell_at(0, 0) == (0, 0)


def test_a_window_gets_no_more_cells_than_an_engine_has() -> None:
    layout = Layout.of((8192, 8192), 96, (3, 4))
    assert (layout.columns, layout.rows) == (1024, 1024)


def test_pixels_outside_belong_to_the_nearest_cell() -> None:
    layout = Layout.of((1024, 768), 96, (10, 19))
    assert layout.cell_at(0, 0) == (0, 0)
    assert layout.cell_at(17, 26) == (1, 1)
    assert layout.cell_at(1023, 767) == (98, 38)
