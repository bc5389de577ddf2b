"""The pointer's pictures, byte by byte."""

from __future__ import annotations

from struct import pack

import pytest

from handlers.vnc.rfb import numbers
from handlers.vnc.rfb.events import Beeped, CursorShape
from tests.handlers.vnc.rfb.test_limits import ready, update

BELL = bytes([numbers.BELL])


def shape(encoding: int, size: tuple[int, int], data: bytes, x: int = 0, y: int = 0) -> CursorShape:
    """Return the only shape of an update, which ends exactly after `data`."""
    head = pack(">HHHHi", x, y, *size, encoding)
    _, found, _, bell = ready().feed(update(head + data) + BELL)
    assert bell == Beeped()
    assert isinstance(found, CursorShape)
    return found


def test_a_cursor_of_pixels_and_a_mask() -> None:
    pixels = bytes(range(1, 25))  # blue, green, red, unused
    found = shape(numbers.CURSOR, (3, 2), pixels + b"\xbf\x5f", 2, 1)
    assert found.rgba.tolist() == [
        [[3, 2, 1, 255], [7, 6, 5, 0], [11, 10, 9, 255]],
        [[15, 14, 13, 0], [19, 18, 17, 255], [23, 22, 21, 0]],
    ]
    assert (found.hot_x, found.hot_y) == (2, 1)


def test_a_cursor_of_two_colours() -> None:
    """Bits that are set have the first colour; rows are padded to whole bytes."""
    bitmap, mask = b"\xaa\xff\x55\x7f", b"\xf0\x7f\x0f\xff"
    found = shape(numbers.X_CURSOR, (9, 2), b"\1\2\3" + b"\4\5\6" + bitmap + mask)
    first, second = [1, 2, 3], [4, 5, 6]
    assert found.rgba[..., :3].tolist() == [
        [first, second] * 4 + [first],
        [second, first] * 4 + [second],
    ]
    assert found.rgba[..., 3].tolist() == [[255] * 4 + [0] * 5, [0] * 4 + [255] * 5]


def test_a_cursor_with_alpha() -> None:
    """Colours are divided by their alpha, and no result exceeds the maximum."""
    pixels = (
        bytes([64, 32, 16, 128]) + bytes([10, 20, 30, 255]) + bytes(4) + bytes([200, 5, 0, 100])
    )
    found = shape(numbers.ALPHA_CURSOR, (2, 2), pack(">I", numbers.RAW) + pixels, 1, 0)
    assert found.rgba.tolist() == [
        [[127, 63, 31, 128], [10, 20, 30, 255]],
        [[0, 0, 0, 0], [255, 12, 0, 100]],
    ]
    assert (found.hot_x, found.hot_y) == (1, 0)


@pytest.mark.parametrize(
    ("encoding", "data"),
    [(numbers.CURSOR, b""), (numbers.X_CURSOR, b""), (numbers.ALPHA_CURSOR, bytes(4))],
)
def test_an_empty_cursor_hides_the_pointer(encoding: int, data: bytes) -> None:
    found = shape(encoding, (0, 0), data)
    assert found.rgba.shape == (0, 0, 4)
    assert (found.hot_x, found.hot_y) == (0, 0)


def test_a_hot_spot_outside_of_the_cursor_is_moved_into_it() -> None:
    found = shape(numbers.ALPHA_CURSOR, (2, 3), bytes(4 + 2 * 3 * 4), 9, 9)
    assert (found.hot_x, found.hot_y) == (1, 2)
