"""Pixels in true colour as files."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from guacr.display.palette import COLOURS_MAX
from guacr.display.pixels import BgrxPixels
from guacr.display.png import rgb_png


def picture(colours: int, width: int = 70, height: int = 50) -> BgrxPixels:
    """Pixels of so many colours, each of which is there."""
    random = np.random.default_rng(colours)
    palette = random.choice(1 << 24, colours, replace=False).astype(np.uint32)
    indices = random.integers(0, colours, width * height)
    indices[:colours] = np.arange(colours)
    words = palette[indices].reshape(height, width)
    return BgrxPixels(words.view(np.uint8).reshape(height, width, 4))


@pytest.mark.parametrize("colours", [1, 2, 5, 17, COLOURS_MAX, COLOURS_MAX + 1, 300])
@pytest.mark.parametrize("part", [False, True])
def test_a_file_shows_exactly_the_pixels(colours: int, part: bool) -> None:
    pixels = picture(colours)
    array = pixels.array[3:40, 5:60] if part else pixels.array
    with Image.open(BytesIO(BgrxPixels(array).png())) as image:
        shown = np.asarray(image.convert("RGB"))
        few = len(np.unique(array.reshape(-1, 4), axis=0)) <= COLOURS_MAX
        assert image.mode == ("P" if few else "RGB")
    assert (shown == array[..., 2::-1]).all()


def test_one_pixel() -> None:
    pixels = picture(1, 1, 1)
    with Image.open(BytesIO(pixels.png())) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), pixels.array[..., 2::-1])


def test_text_is_smaller_with_a_palette() -> None:
    pixels = picture(4)
    assert len(pixels.png()) < 0.4 * len(rgb_png(pixels.array))
