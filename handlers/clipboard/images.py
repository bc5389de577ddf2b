"""Images of Windows' clipboard: PNG, and bitmaps without a file header (CF_DIB, MS-RDPECLIP
2.2.5.2). These functions may run on any thread, and take up to a second."""

from __future__ import annotations

import struct
from io import BytesIO

from PIL import Image, UnidentifiedImageError

PIXELS_MAX = 1 << 24
"""Pixels of the largest image: a screen of 5120x2880, and room."""
BITMAP_MAX = PIXELS_MAX * 4 + 1024 + 124
"""Bytes of the largest bitmap, with its colours and its header."""
COMPRESSION = 4
"""Of PNG: 1 is quick, 9 small."""
_SIGNATURE, _FIRST_CHUNK = b"\x89PNG\r\n\x1a\n", struct.Struct(">I4sII")
"""Of a PNG; the chunk has a length, a type, the width and the height."""
_BITMAP = struct.Struct("<IiiHHI")
_SIZES = (40, 52, 56, 108, 124)
"""Sizes of a bitmap's header (BITMAPINFOHEADER to BITMAPV5HEADER)."""
_PLAIN, _MASKS = 0, 3
"""Values of the compression that are supported."""
_DEPTHS = (1, 4, 8, 16, 24, 32)


class ImageError(Exception):
    """An image is damaged, too large, or of a kind that is not supported."""


def from_bitmap(data: bytes) -> bytes:
    """Return a bitmap as PNG.

    Raises:
        ImageError: it cannot be converted.
    """
    if len(data) < _BITMAP.size:
        raise ImageError("the bitmap has no header")
    size, width, height, _, depth, compression = _BITMAP.unpack_from(data)
    if size not in _SIZES or depth not in _DEPTHS or compression not in (_PLAIN, _MASKS):
        raise ImageError(f"bitmaps of {depth} bits with compression {compression} are unknown")
    _check_size(width, abs(height))
    if len(data) < size + (width * depth + 31) // 32 * 4 * abs(height):
        raise ImageError("the bitmap is incomplete")
    return _png(_load(data, "DIB"))


def to_bitmap(png: bytes) -> bytes:
    """Return a PNG as a bitmap of 24 bits; what is transparent becomes white.

    Raises:
        ImageError: it cannot be converted.
    """
    image = _load_png(png)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image)
        image = paper
    written = BytesIO()
    image.convert("RGB").save(written, "DIB")
    return written.getvalue()


def checked(png: bytes) -> bytes:
    """Return a host's PNG unchanged.

    Raises:
        ImageError: it is damaged or too large.
    """
    _load_png(png)
    return png


def _check_size(width: int, height: int) -> None:
    """Raise an error if there are too many pixels, before any is decoded."""
    if width <= 0 or height <= 0 or width * height > PIXELS_MAX:
        raise ImageError(f"images of {width}x{height} pixels are not supported")


def _load_png(data: bytes) -> Image.Image:
    if not data.startswith(_SIGNATURE) or len(data) < len(_SIGNATURE) + _FIRST_CHUNK.size:
        raise ImageError("the image is not a PNG")
    _check_size(*_FIRST_CHUNK.unpack_from(data, len(_SIGNATURE))[2:])
    return _load(data, "PNG")


def _load(data: bytes, kind: str) -> Image.Image:
    try:
        image = Image.open(BytesIO(data), formats=[kind])
        _check_size(*image.size)
        image.load()
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        IndexError,
        OverflowError,
        struct.error,
        UnidentifiedImageError,
        Image.DecompressionBombError,
    ) as error:
        raise ImageError(f"the image is damaged: {error}") from None
    return image


def _png(image: Image.Image) -> bytes:
    written = BytesIO()
    image.save(written, "PNG", compress_level=COMPRESSION)
    return written.getvalue()
