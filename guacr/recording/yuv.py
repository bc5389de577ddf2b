"""Pictures as H.264 has them: YUV 4:2:0 by ITU-R BT.709 in its limited range (Y from 16 to 235)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from guacr.recording.screen import Picture
from guacr.testing.damage import Box

PIXELS = 1 << 15
"""Pixels that are converted at a time, so that what is computed stays in the processor's cache."""

_RED_BLUE = np.uint32(0x00FF00FF)
_GREEN = np.uint32(0x0000FF00)
_LUMA_RED_BLUE = np.uint32(47 << 16 | 16)
"""Times red and, 16 bits higher, blue: the upper 16 bits are 47 red + 16 blue."""
_LUMA_GREEN = np.uint32(157 << 8)
_LUMA_ROUNDED = np.uint32((16 << 8 | 128) << 16)
_CB = (-412, -1387, 1799)
_CR = (1799, -1634, -165)
"""Shares of red, green and blue, times 4,096."""
_CHROMA_ROUNDED = (128 << 14) + (1 << 13)

_Numbers = NDArray[np.uint32]


class Planes:
    """A picture of an even width and height, which begins black.

    `data` has Y of all pixels, then Cb of squares of 2x2 pixels, then Cr of these.
    """

    def __init__(self, width: int, height: int) -> None:
        size = width * height
        self.data = np.full(size * 3 // 2, 128, np.uint8)
        self.data[:size] = 16
        self._luma = self.data[:size].reshape(height, width)
        self._chroma = self.data[size:].reshape(2, height // 2, width // 2)

    def update(self, picture: Picture, area: Box) -> None:
        """Convert an area of a picture, which starts and ends at even pixels."""
        left, top, right, bottom = area
        pixels = picture.view("<u4")[..., 0]
        rows = max(PIXELS // (right - left) & ~1, 2)
        for start in range(top, bottom, rows):
            end = min(start + rows, bottom)
            strip = pixels[start:end, left:right]
            red_blue, green = strip & _RED_BLUE, strip & _GREEN
            luma = red_blue * _LUMA_RED_BLUE
            luma += green * _LUMA_GREEN
            luma += _LUMA_ROUNDED
            luma >>= np.uint32(24)
            self._luma[start:end, left:right] = luma
            below = self._chroma[:, start // 2 : end // 2, left // 2 : right // 2]
            _convert_squares(red_blue, green, below)


def _convert_squares(red_blue: _Numbers, green: _Numbers, target: NDArray[np.uint8]) -> None:
    """Write Cb and Cr of each 2x2 pixels, (2, rows, columns)."""
    both = _squares(red_blue)
    red, blue = (both & np.uint32(0xFFFF)).view(np.int32), (both >> np.uint32(16)).view(np.int32)
    green_sum = (_squares(green) >> np.uint32(8)).view(np.int32)
    for plane, shares in zip(target, (_CB, _CR), strict=True):
        chroma = red * shares[0]
        chroma += green_sum * shares[1]
        chroma += blue * shares[2]
        chroma += _CHROMA_ROUNDED
        chroma >>= 14
        plane[:] = chroma


def _squares(numbers: _Numbers) -> _Numbers:
    """Return the sums of each 2x2 numbers."""
    rows = numbers[::2] + numbers[1::2]
    return rows[:, ::2] + rows[:, 1::2]
