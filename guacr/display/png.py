"""A writer of PNG files (RFC 2083), made for pictures that are known exactly.

Deflating is done by ISA-L, many times faster than zlib at nearly the same size for such
pictures; docs/benchmarks.md has the figures.
"""

from __future__ import annotations

import struct
from zlib import crc32

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY_RGB_RGBA_INDEXED = {"rgb": 2, "indexed": 3, "rgba": 6}
_FILTER_NONE, _FILTER_UP = 0, 2
DEFLATE_LEVEL = 1
"""Levels 1 and 2 of ISA-L cost and save the same here; 3 takes twice as long for 1 %."""


def indexed_png(indices: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """A palette image: indices (height, width), palette (colours, 3) of at most 256 colours."""
    height, width = indices.shape
    rows = np.empty((height, width + 1), np.uint8)
    rows[:, 0] = _FILTER_NONE
    rows[:, 1:] = indices
    palette_chunk = _chunk(b"PLTE", np.ascontiguousarray(palette).tobytes())
    return _file(width, height, "indexed", palette_chunk, rows)


def rgb_png(bgrx: NDArray[np.uint8]) -> bytes:
    """A true-colour image from blue, green, red and an unused byte: (height, width, 4).

    Each row is stored as its difference from the one above, which suits screens: windows and
    backgrounds become zeros.
    """
    height, width = bgrx.shape[:2]
    pixels = bgrx[..., 2::-1].reshape(height, width * 3)
    rows = np.empty((height, width * 3 + 1), np.uint8)
    rows[:, 0] = _FILTER_UP
    rows[0, 1:] = pixels[0]
    np.subtract(pixels[1:], pixels[:-1], out=rows[1:, 1:])
    return _file(width, height, "rgb", b"", rows)


def rgba_png(rgba: NDArray[np.uint8]) -> bytes:
    """An image with transparency: (height, width, 4)."""
    height, width = rgba.shape[:2]
    rows = np.zeros((height, width * 4 + 1), np.uint8)
    rows[:, 1:] = rgba.reshape(height, width * 4)
    return _file(width, height, "rgba", b"", rows)


def _file(width: int, height: int, kind: str, extra: bytes, rows: NDArray[np.uint8]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, _GREY_RGB_RGBA_INDEXED[kind], 0, 0, 0)
    data = isal_zlib.compress(rows, DEFLATE_LEVEL)
    return b"".join(
        (_SIGNATURE, _chunk(b"IHDR", header), extra, _chunk(b"IDAT", data), _chunk(b"IEND", b""))
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join(
        (struct.pack(">I", len(data)), kind, data, struct.pack(">I", crc32(data, crc32(kind))))
    )
