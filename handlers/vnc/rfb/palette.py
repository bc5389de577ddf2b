"""The palettes of Tight (rfbproto.rst, 7): pixels as indices of one bit, or of eight."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from guacr.api import Array8
from handlers.vnc.rfb.context import broken
from handlers.vnc.rfb.pixel_format import BGRX, PixelFormat

CACHED = 128
"""Palettes that are kept, since text has the same ones again and again; each takes up to 9 KB."""

_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
"""The bits of each byte."""


class Palette:
    """Colours, of which two are indexed by bits, and more by bytes."""

    __slots__ = ("_octets", "_words")

    def __init__(self, words: NDArray[np.uint32]) -> None:
        self._words = words
        self._octets = words[_BITS] if len(words) == 2 else None
        """The eight pixels of each byte, (256, 8)."""

    def row_size(self, width: int) -> int:
        """Return the bytes of a row."""
        return (width + 7) // 8 if self._octets is not None else width

    def pixels(self, data: bytes | bytearray, width: int, height: int) -> Array8:
        """Return (height, width, 4) of blue, green, red and 0.

        Raises:
            UpstreamError: an index is not in the palette.
        """
        indices = np.frombuffer(data, np.uint8)
        if self._octets is not None:
            words = self._octets.take(indices, axis=0).reshape(height, -1)[:, :width]
        else:
            try:
                words = self._words.take(indices).reshape(height, width)
            except IndexError:
                raise broken("a pixel whose colour is not in the palette") from None
        return words.view(np.uint8).reshape(height, width, 4)


def palette_of(pixel_format: PixelFormat, data: bytes) -> Palette:
    """Return the palette of two or more TPIXELs."""
    return _true_colours(data) if pixel_format.bits == 32 else _made(pixel_format, data)


def _made(pixel_format: PixelFormat, data: bytes) -> Palette:
    colours = pixel_format.tight_colours(data)
    return Palette(np.ascontiguousarray(colours).view(np.uint32)[:, 0])


@lru_cache(CACHED)
def _true_colours(data: bytes) -> Palette:
    return _made(BGRX, data)
