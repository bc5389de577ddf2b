"""JPEG files: an encoder for pixels, and a decoder for files from untrusted hosts."""

from __future__ import annotations

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from guacr.errors import UpstreamError

Array8 = NDArray[np.uint8]

SCANS_MAX = 4
"""Maximum scans of a file. Each costs a pass over the whole picture; progressive files, which have
more, also cost memory."""
_COLOURS = frozenset({"YCbCr", "RGB", "Gray"})

_START, _SCAN = b"\xff\xd8", 0xDA
_PLAIN = frozenset({0xC0, 0xC1, 0xC4, 0xDB, 0xDD, 0xE0, 0xEE, 0xFE})
"""Segments allowed before the first scan, which neither change colours nor rotate the picture:
frames, tables, restart intervals, JFIF, Adobe, comments."""


def encode_jpeg(bgrx: Array8, quality: int, subsampling: str) -> bytes:
    """Encode (height, width, 4); `subsampling` of the colours is `444` or `420`."""
    if bgrx.strides[1:] != (4, 1):
        bgrx = np.ascontiguousarray(bgrx)
    data: bytes = simplejpeg.encode_jpeg(bgrx, quality, "BGRX", subsampling, fastdct=True)
    return data


def decode_jpeg(data: bytes, width: int, height: int) -> Array8:
    """Decode a complete, valid file to (height, width, 4), as browsers do; the fourth byte may have
    any value.

    Raises:
        UpstreamError: the file is corrupt, incomplete, progressive or not of this size.
    """
    if data.count(b"\xff\xda") > SCANS_MAX:
        raise UpstreamError(f"the host sent a JPEG of more than {SCANS_MAX} scans")
    try:
        rows, columns, colours, _ = simplejpeg.decode_jpeg_header(data)
        if (columns, rows) == (width, height) and colours in _COLOURS:
            pixels: Array8 = simplejpeg.decode_jpeg(data, "BGRX")
            return pixels
    except ValueError as error:
        raise UpstreamError(f"the host sent a JPEG that cannot be read: {error}") from None
    except KeyError:  # of simplejpeg: it has no name for the resolution of the colours
        raise UpstreamError("the host sent a JPEG whose colours are sampled unusually") from None
    raise UpstreamError(
        f"the host sent a JPEG of {columns}x{rows} pixels ({colours}) for {width}x{height}"
    )


def is_plain_jpeg(data: bytes) -> bool:
    """Return whether every browser shows the decoded pixels of a valid file: it must have neither a
    rotation nor a colour profile."""
    at = len(_START)
    while at + 4 <= len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if kind == _SCAN:
            return True
        if kind not in _PLAIN:
            return False
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return False
