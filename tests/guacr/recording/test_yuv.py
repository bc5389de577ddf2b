"""Conversion to YUV, against its definition in ITU-R BT.709."""

from __future__ import annotations

import numpy as np
import pytest

from guacr.recording.yuv import PIXELS, Planes

WIDTH, HEIGHT = 70, 34


def planes_of(picture: np.ndarray, width: int, height: int) -> list[np.ndarray]:
    """Y, Cb and Cr by definition."""
    colours = picture[..., :3].astype(float)
    squares = colours.reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3))
    shares = np.array([0.2126, 0.7152, 0.0722])
    luma = squares @ shares
    return [
        16 + colours @ shares * 219 / 255,
        128 + (squares[..., 2] - luma) / 1.8556 * 224 / 255,
        128 + (squares[..., 0] - luma) / 1.5748 * 224 / 255,
    ]


def check(planes: Planes, picture: np.ndarray) -> None:
    height, width = picture.shape[:2]
    parts = np.split(planes.data, [width * height, width * height * 5 // 4])
    for part, wanted in zip(parts, planes_of(picture, width, height), strict=True):
        assert np.abs(part.reshape(wanted.shape) - wanted).max() < 1.1


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)


def test_a_picture(picture: np.ndarray) -> None:
    planes = Planes(WIDTH, HEIGHT)
    planes.update(picture, (0, 0, WIDTH, HEIGHT))
    check(planes, picture)


def test_areas_alone(picture: np.ndarray) -> None:
    planes = Planes(WIDTH, HEIGHT)
    shown = np.zeros_like(picture)
    check(planes, shown)
    for left, top, right, bottom in [(0, 0, 2, 2), (6, 4, 20, 34), (60, 0, 70, 8)]:
        shown[top:bottom, left:right] = picture[top:bottom, left:right]
        planes.update(picture, (left, top, right, bottom))
        check(planes, shown)


@pytest.mark.parametrize("size", [(2, 40), (PIXELS // 2 + 2, 6), (PIXELS // 8, 18)])
def test_sizes_that_are_converted_in_several_parts(size: tuple[int, int]) -> None:
    width, height = size
    picture = np.random.default_rng(2).integers(0, 256, (height, width, 4), np.uint8)
    planes = Planes(width, height)
    planes.update(picture, (0, 0, width, height))
    check(planes, picture)


def test_greys_have_no_colour() -> None:
    picture = np.repeat(np.arange(256, dtype=np.uint8), 16).reshape(2, 512, 4)
    planes = Planes(512, 2)
    planes.update(picture, (0, 0, 512, 2))
    assert planes.data[0] == 16
    assert planes.data[1023] == 235
    assert (planes.data[1024:] == 128).all()
