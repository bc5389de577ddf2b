"""Bitmaps of each kind, and damaged ones."""

from __future__ import annotations

import random
from contextlib import suppress

import numpy as np
import pytest

from handlers.rdp.aardwolf import drawing
from handlers.rdp.aardwolf.drawing import COMPRESSED, WITHOUT_HEADER
from handlers.rdp.aardwolf.errors import DEPTH, EndError

BOTH = COMPRESSED | WITHOUT_HEADER
BLUE, RED = 0x0000FF, 0xFF0000


def shown(pixels: drawing.Pixels) -> list[list[int]]:
    rows: list[list[int]] = (pixels & 0xFFFFFF).tolist()
    return rows


def test_raw_pixels() -> None:
    lower, upper = np.array([[BLUE, RED], [RED, RED]], "<u4")
    data = lower.tobytes() + upper.tobytes()
    assert shown(drawing.decode(data, 2, 2, 32, 0)) == [[RED, RED], [BLUE, RED]]


def test_raw_pixels_of_16_bits() -> None:
    row = np.array([0xF800, 0x001F, 0xFFFF, 0], "<u2").tobytes()  # three, and the end of the row
    assert shown(drawing.decode(row, 3, 1, 16, 0)) == [[RED, BLUE, 0xFFFFFF]]


def test_planes_without_compression() -> None:
    alpha, red, green, blue = bytes(4), bytes((0, 0, 0xFF, 0xFF)), bytes(4), bytes((0xFF, 0, 0, 0))
    data = b"\0" + alpha + red + green + blue
    assert shown(drawing.decode(data, 2, 2, 32, BOTH)) == [[RED, RED], [BLUE, 0]]


def test_planes_with_compression() -> None:
    """Of one row with a run: MS-RDPEGDI 3.1.9.2."""
    data = b"\x10" + b"".join(bytes((0x13, value)) for value in (0, 0xFF, 0, 0))
    assert shown(drawing.decode(data, 4, 1, 32, BOTH)) == [[RED] * 4]
    header = bytes(8)
    assert shown(drawing.decode(header + data, 4, 1, 32, COMPRESSED)) == [[RED] * 4]


def test_runs_of_16_bits() -> None:
    """MS-RDPBCGR 3.1.9: a run of four pixels of a colour."""
    data = bytes((0x64, 0x00, 0xF8))
    assert shown(drawing.decode(data, 4, 1, 16, BOTH)) == [[RED] * 4]


@pytest.mark.parametrize("depth", [8, 15, 24])
def test_other_depths(depth: int) -> None:
    with pytest.raises(EndError) as raised:
        drawing.decode(bytes(64), 4, 4, depth, 0)
    assert raised.value.name == DEPTH


@pytest.mark.parametrize("depth", [16, 32])
@pytest.mark.parametrize("flags", [0, BOTH])
def test_damaged_bitmaps(depth: int, flags: int) -> None:
    """Nothing but an `EndError` comes of them, not even aardwolf's panics."""
    source = random.Random(depth + flags)
    for _ in range(500):
        data = bytes((0x10,)) * (depth == 32) + source.randbytes(source.randrange(60))
        width, height = source.randrange(0, 20), source.randrange(0, 20)
        with suppress(EndError):
            assert drawing.decode(data, width, height, depth, flags).shape == (height, width)
