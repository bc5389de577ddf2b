"""PNG files (RFC 2083): a writer for pictures that are known exactly, and a reader for files from
untrusted hosts.

Compression uses ISA-L, which is many times faster than zlib at nearly the same size for such
pictures; docs/benchmarks.md has the figures.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from zlib import crc32

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray
from PIL import Image

from guacr.errors import UpstreamError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY_RGB_RGBA_INDEXED = {"rgb": 2, "indexed": 3, "rgba": 6}
_FILTER_NONE, _FILTER_UP = 0, 2
_SAMPLES = {0: 1, 2: 3, 3: 1}
"""Bytes per pixel by the colour type of a file without transparency."""
_CHUNK_MIN = 12
"""Bytes of an empty chunk."""
_PLAIN = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_FOUR_TO_ONE = np.uint32(1 << 30 | 1 << 20 | 1 << 10 | 1)
"""The factor that moves four indices, in four bytes of a word, to its highest byte; the first one,
which is in the lowest byte, to the highest bits."""
DEFLATE_LEVEL = 1
"""ISA-L's levels 1 and 2 have the same cost and size here; 3 takes twice as long for 1 %."""


def indexed_png(indices: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """Return a palette image of indices (height, width) and a palette (colours, 3), at most 256
    colours. Few colours share bytes: this saves most of the work, and a third of the size."""
    height, width = indices.shape
    depth = next(bits for bits in (1, 2, 4, 8) if len(palette) <= 1 << bits)
    packed = _packed(indices, depth)
    rows = np.empty((height, packed.shape[1] + 1), np.uint8)
    rows[:, 0] = _FILTER_NONE
    rows[:, 1:] = packed
    palette_chunk = _chunk(b"PLTE", np.ascontiguousarray(palette).tobytes())
    return _file(width, height, "indexed", palette_chunk, rows, depth)


def _packed(indices: NDArray[np.uint8], depth: int) -> NDArray[np.uint8]:
    """Return rows of whole bytes, the leftmost pixel in the highest bits."""
    if depth == 1:
        return np.packbits(indices, axis=1)
    height, width = indices.shape
    pixels = 8 // depth
    packed = np.zeros((height, -(-width // pixels) * pixels), np.uint8)
    packed[:, :width] = indices
    if depth == 2:
        return (packed.view("<u4") * _FOUR_TO_ONE >> 24).astype(np.uint8)
    if depth == 4:
        pairs = packed.view("<u2")  # the left one is in the lower byte
        return (pairs << 4 | pairs >> 8).astype(np.uint8)
    return packed


def rgb_png(bgrx: NDArray[np.uint8]) -> bytes:
    """Return a true-colour image from blue, green, red and an unused byte: (height, width, 4).

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
    """Return an image with transparency from (height, width, 4)."""
    height, width = rgba.shape[:2]
    rows = np.zeros((height, width * 4 + 1), np.uint8)
    rows[:, 1:] = rgba.reshape(height, width * 4)
    return _file(width, height, "rgba", b"", rows)


def decode_png(data: bytes, width: int, height: int) -> NDArray[np.uint8]:
    """Decode a complete, valid file of 8 bits per sample, neither transparent nor interlaced, to
    (height, width, 4): blue, green, red and a byte of any value.

    Raises:
        UpstreamError: the file is corrupt, incomplete or not of this size, or contains anything
            else.
    """
    chunks = _plain_chunks(data)
    columns, rows, depth, kind, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    if (columns, rows) != (width, height):
        raise UpstreamError(f"the host sent a PNG of {columns}x{rows} pixels for {width}x{height}")
    if depth != 8 or kind not in _SAMPLES or rest != [0, 0, 0]:
        raise UpstreamError("the host sent a PNG of a kind that is not supported")
    idat = b"".join(part for name, part in chunks if name == b"IDAT")
    _check_deflated(idat, height * (1 + width * _SAMPLES[kind]))
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            rgba = np.asarray(image.convert("RGBA"))
    except (OSError, SyntaxError, ValueError) as error:
        raise UpstreamError(f"the host sent a PNG that cannot be read: {error}") from None
    return np.ascontiguousarray(rgba[..., [2, 1, 0, 3]])


def _plain_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return names and contents of the chunks; only valid chunks for opaque pixels are allowed."""
    at, chunks = len(_SIGNATURE), []
    while at + _CHUNK_MIN <= len(data):
        end = at + _CHUNK_MIN + int.from_bytes(data[at : at + 4])
        if crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            raise UpstreamError("the host sent a PNG that is corrupt")
        chunks.append((data[at + 4 : at + 8], data[at + 8 : end - 4]))
        at = end
    names = [name for name, _ in chunks]
    whole = data.startswith(_SIGNATURE) and at == len(data)
    if not whole or names[:1] != [b"IHDR"] or names[-1:] != [b"IEND"] or len(chunks[0][1]) != 13:
        raise UpstreamError("the host sent a PNG that is incomplete")
    if not set(names) <= _PLAIN or names.count(b"IHDR") > 1:
        raise UpstreamError("the host sent a PNG with more in it than opaque pixels")
    return chunks


def _check_deflated(data: bytes, size: int) -> None:
    """Check that it inflates to exactly `size` bytes: browsers refuse anything else."""
    inflater = zlib.decompressobj()
    try:
        inflated = len(inflater.decompress(data, size + 1))
    except zlib.error as error:
        raise UpstreamError(f"the host sent a PNG that cannot be read: {error}") from None
    if inflated != size or not inflater.eof:
        raise UpstreamError("the host sent a PNG whose data does not match its size")


def _file(
    width: int, height: int, kind: str, extra: bytes, rows: NDArray[np.uint8], depth: int = 8
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, _GREY_RGB_RGBA_INDEXED[kind], 0, 0, 0)
    data = isal_zlib.compress(rows, DEFLATE_LEVEL)
    return b"".join(
        (_SIGNATURE, _chunk(b"IHDR", header), extra, _chunk(b"IDAT", data), _chunk(b"IEND", b""))
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join(
        (struct.pack(">I", len(data)), kind, data, struct.pack(">I", crc32(data, crc32(kind))))
    )
