"""PNG files are read back by Pillow as what they were made from."""

import io

import numpy as np
import pytest
from PIL import Image

from guacr.display.png import indexed_png, rgb_png, rgba_png

RANDOM = np.random.default_rng(5)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=["PNG"])
    image.load()
    return image


@pytest.mark.parametrize("colours", [1, 2, 17, 256])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (33, 2), (190, 70)])
def test_indexed(colours: int, size: tuple[int, int]) -> None:
    width, height = size
    indices = RANDOM.integers(0, colours, (height, width), dtype=np.uint8)
    palette = RANDOM.integers(0, 256, (colours, 3), dtype=np.uint8)
    image = opened(indexed_png(indices, palette))
    assert image.mode == "P"
    assert (np.asarray(image.convert("RGB")) == palette[indices]).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (33, 2), (190, 70)])
def test_true_colour(size: tuple[int, int]) -> None:
    width, height = size
    bgrx = RANDOM.integers(0, 256, (height, width, 4), dtype=np.uint8)
    image = opened(rgb_png(bgrx))
    assert image.mode == "RGB"
    assert (np.asarray(image) == bgrx[..., 2::-1]).all()


def test_true_colour_of_a_strided_view() -> None:
    whole = RANDOM.integers(0, 256, (64, 64, 4), dtype=np.uint8)
    view = whole[10:30, 5:25]
    assert (np.asarray(opened(rgb_png(view))) == view[..., 2::-1]).all()


def test_transparency() -> None:
    rgba = RANDOM.integers(0, 256, (20, 11, 4), dtype=np.uint8)
    image = opened(rgba_png(rgba))
    assert image.mode == "RGBA"
    assert (np.asarray(image) == rgba).all()
