"""Text that can be told from its background."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from guacr.display.geometry import Rect
from guacr.display.pixels import BgrxPixels
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
    assert len(np.unique(_picture(desk).reshape(-1, 3), axis=0)) == 1
    desk.terminal.feed(b"\x1b[0;97mpale")
    desk.terminal.surface.take_damage()
    assert _best_contrast(desk) >= 7
    desk.terminal.minimum_contrast = 1
    desk.terminal.surface.take_damage()
    assert _best_contrast(desk) < 7
    desk.terminal.close()


def _best_contrast(desk: Desk) -> float:
    """Of any pixel to white."""
    pixels = _picture(desk).reshape(-1, 3).tolist()
    return max(contrast((red, green, blue), WHITE) for red, green, blue in pixels)


def _picture(desk: Desk) -> NDArray[np.uint8]:
    pixels = desk.terminal.surface.pixels(Rect(0, 0, *desk.terminal.surface.size))
    array = pixels.array if isinstance(pixels, BgrxPixels) else pixels.bgrx().array
    return array[..., 2::-1]
