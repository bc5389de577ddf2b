"""Decodes the pictures of bitmap updates (MS-RDPBCGR 2.2.9.1.1.3.1.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from aardwolf import _rle

from handlers.rdp.aardwolf.errors import DEPTH, EndError, invalid

COMPRESSED, WITHOUT_HEADER = 0x0001, 0x0400
"""Flags of a bitmap."""
COMPRESSION_HEADER = 8
PLANES = 4
RAW_PLANES = 0x00
"""The format header of a picture of four planes that are not compressed (MS-RDPEGDI 2.2.2.5.1)."""

Pixels = npt.NDArray[np.uint32]
"""Rows of pixels, each of which is blue, green, red and an undefined byte."""


def decode(data: bytes, width: int, height: int, depth: int, flags: int) -> Pixels:
    """Return the pixels of a bitmap, with the upper row first.

    Raises:
        EndError: it is invalid, or of a depth that aardwolf does not decode.
    """
    if depth not in (16, 32):
        raise EndError(DEPTH, f"{depth} bits per pixel")
    if flags & COMPRESSED and not flags & WITHOUT_HEADER:
        data = data[COMPRESSION_HEADER:]
    if not flags & COMPRESSED:
        return _raw(data, width, height, depth)
    if depth == 32 and data[:1] == bytes((RAW_PLANES,)):
        return _raw_planes(data, width, height)
    try:
        found = _rle.bitmap_decompress(data, width, height, depth, 1)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 -- its panics are no `Exception`
        raise invalid(f"a bitmap cannot be decoded: {error}") from None
    if len(found) != width * height * 4:
        raise invalid(f"a bitmap of {width}x{height} pixels has {len(found)} bytes")
    pixels = np.frombuffer(found, np.uint32).reshape(height, width)
    return pixels if depth == 32 else _reversed(pixels)


def _reversed(rgba: Pixels) -> Pixels:
    """Exchange red and blue, as aardwolf returns 16 bits per pixel as red, green and blue."""
    found = rgba.copy()
    octets = found.view(np.uint8).reshape(*rgba.shape, 4)
    octets[..., 0], octets[..., 2] = octets[..., 2].copy(), octets[..., 0].copy()
    return found


def _raw(data: bytes, width: int, height: int, depth: int) -> Pixels:
    """Return pixels that are not compressed; the lowest row comes first, and rows end at multiples
    of four bytes."""
    kind: Any = np.dtype("<u2") if depth == 16 else np.dtype("<u4")
    stride = (width * kind.itemsize + 3) // 4 * 4
    if len(data) < stride * height:
        raise invalid(f"a bitmap of {width}x{height} pixels has {len(data)} bytes")
    rows = np.frombuffer(data, np.uint8, stride * height).reshape(height, stride)
    pixels: Any = rows[::-1, : width * kind.itemsize].copy().view(kind)
    return pixels if depth == 32 else _from_565(pixels)


def _from_565(pixels: npt.NDArray[np.uint16]) -> Pixels:
    """Return pixels of 5, 6 and 5 bits with 8 bits for each colour, as aardwolf does."""
    value = pixels.astype(np.uint32)
    red, green, blue = value >> 11, (value >> 5) & 0x3F, value & 0x1F
    red, green, blue = red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2
    return (red << 16 | green << 8 | blue).astype(np.uint32)


def _raw_planes(data: bytes, width: int, height: int) -> Pixels:
    """Return a picture of planes that are not compressed, which aardwolf does not decode: alpha,
    red, green and blue, with the lowest row first."""
    if len(data) < 1 + PLANES * width * height:
        raise invalid(f"a bitmap of {width}x{height} pixels has {len(data)} bytes")
    planes = np.frombuffer(data, np.uint8, PLANES * width * height, 1)
    pixels = np.empty((height, width, PLANES), np.uint8)
    pixels[...] = planes.reshape(PLANES, height, width)[::-1, ::-1].transpose(1, 2, 0)
    return pixels.view(np.uint32)[..., 0]
