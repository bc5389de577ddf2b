"""Text that can be told from its background."""

from __future__ import annotations

import pytest

from guacr.display.geometry import Rect
from terminal.drawing.contrast import BLACK, WHITE, contrast, readable
from tests.terminal.desk import Desk

DARK_BLUE = (0, 0, 170)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast(BLACK, WHITE) == contrast(WHITE, BLACK) == pytest.approx(21)
    assert contrast(DARK_BLUE, DARK_BLUE) == 1
    assert contrast((0x76, 0x76, 0x76), WHITE) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("minimum", [1.5, 3, 4.5, 7])
@pytest.mark.parametrize("background", [BLACK, WHITE, DARK_BLUE, (128, 128, 128)])
def test_a_colour_is_changed_as_little_as_will_do(
    minimum: float, background: tuple[int, int, int]
) -> None:
    best = max(contrast(BLACK, background), contrast(WHITE, background))
    for foreground in (BLACK, WHITE, DARK_BLUE, (200, 0, 0), (0, 100, 0)):
        shown = readable(foreground, background, minimum)
        assert contrast(shown, background) >= min(minimum, best)
        if contrast(foreground, background) >= minimum:
            assert shown == foreground


def test_hidden_text_stays_hidden_and_dark_text_is_lifted() -> None:
    desk = Desk(minimum_contrast=7, colour_scheme="black-white")
    desk.terminal.feed(b"\x1b[?25l\x1b[8mhidden")
    desk.terminal.surface.take_damage()
    assert len(_colours(desk)) == 1
    desk.terminal.feed(b"\x1b[0;97mpale")
    desk.terminal.surface.take_damage()
    assert _best_contrast(desk) >= 7
    desk.terminal.minimum_contrast = 1
    desk.terminal.surface.take_damage()
    assert _best_contrast(desk) < 7
    desk.terminal.close()


def _best_contrast(desk: Desk) -> float:
    """Of any pixel to white."""
    return max(contrast(colour, WHITE) for colour in _colours(desk))


def _colours(desk: Desk) -> set[tuple[int, int, int]]:
    """The colours in the picture."""
    pixels = desk.terminal.surface.pixels(Rect(0, 0, *desk.terminal.surface.size)).bgrx()
    words = set(pixels.words().ravel().tolist())
    return {(word >> 16 & 255, word >> 8 & 255, word & 255) for word in words}
