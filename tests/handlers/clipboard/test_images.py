"""Images of Windows' clipboard."""

from __future__ import annotations

import contextlib
import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from handlers.clipboard import images
from handlers.clipboard.images import ImageError


def png_of(image: Image.Image) -> bytes:
    written = BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def picture(mode: str = "RGB", width: int = 5, height: int = 3) -> Image.Image:
    pixels = bytes(range(3 * width * height))
    return Image.frombytes("RGB", (width, height), pixels).convert(mode)


def bitmap(
    pixels: bytes, width: int, height: int, depth: int, *, masks: bytes = b"", size: int = 40
) -> bytes:
    """A bitmap with a header of `size` bytes."""
    kind = 3 if masks else 0
    head = struct.pack("<IiiHHIIiiII", size, width, height, 1, depth, kind, 0, 0, 0, 0, 0)
    return (head + masks).ljust(max(size, len(head + masks)), b"\0") + pixels


def shown(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png)).convert("RGB")


@pytest.mark.parametrize("mode", ["RGB", "P", "L", "1"])
def test_an_image_survives(mode: str) -> None:
    image = picture(mode)
    there = images.to_bitmap(png_of(image))
    assert struct.unpack_from("<IiiHH", there) == (40, 5, 3, 1, 24)
    assert shown(images.from_bitmap(there)).tobytes() == image.convert("RGB").tobytes()


def test_transparent_becomes_white() -> None:
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    image.putpixel((1, 0), (255, 0, 0, 255))
    found = shown(images.from_bitmap(images.to_bitmap(png_of(image))))
    assert [found.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (255, 0, 0)]


MASKS = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)


@pytest.mark.parametrize(
    "data",
    [
        bitmap(b"\x03\x02\x01\0" * 2, 2, 1, 32),
        bitmap(b"\x03\x02\x01\0" * 2, 2, -1, 32),
        bitmap(b"\x03\x02\x01\0" * 2, 2, 1, 32, masks=MASKS),
        bitmap(b"\x03\x02\x01\xff" * 2, 2, 1, 32, masks=MASKS + b"\0\0\0\xff", size=124),
        bitmap(b"\x03\x02\x01" * 2 + b"\0\0", 2, 1, 24),
        bitmap(b"\x03\x02\x01\0" + bytes(4), 2, 1, 1)[:32]
        + struct.pack("<II", 1, 0)
        + b"\x03\x02\x01\0"
        + bytes(4),
    ],
)
def test_bitmaps_of_all_kinds(data: bytes) -> None:
    found = shown(images.from_bitmap(data))
    assert found.size == (2, 1)
    assert found.getpixel((1, 0)) == (1, 2, 3)


def test_sizes_are_checked_before_anything_is_decoded() -> None:
    side = 4096
    assert side * side == images.PIXELS_MAX
    for width, height in ((side, side + 1), (0, 1), (1 << 30, 1 << 30)):
        with pytest.raises(ImageError, match="not supported"):
            images.from_bitmap(bitmap(b"", width, height, 32))
    with pytest.raises(ImageError, match="incomplete"):
        images.from_bitmap(bitmap(bytes(7), 2, 1, 32))
    good = bytearray(png_of(picture()))
    for size in ((1 << 20, 1 << 20), (0, 0)):
        good[16:24] = struct.pack(">II", *size)
        for function in (images.checked, images.to_bitmap):
            with pytest.raises(ImageError, match="not supported"):
                function(bytes(good))
    large = png_of(Image.new("1", (side, side)))
    assert images.checked(large) == large


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", png_of(picture())[:-30], png_of(picture())[:20] + bytes(40)]
)
def test_what_is_no_png(data: bytes) -> None:
    with pytest.raises(ImageError):
        images.checked(data)


@given(st.binary(max_size=200), st.sampled_from([1, 4, 8, 16, 24, 32]), st.sampled_from([0, 3]))
def test_any_bytes(data: bytes, depth: int, kind: int) -> None:
    head = struct.pack("<IiiHHI", 40, 4, 4, 1, depth, kind)
    for convert, given_ in (
        (images.from_bitmap, data),
        (images.from_bitmap, head + data),
        (images.checked, png_of(picture())[:33] + data),
    ):
        with contextlib.suppress(ImageError):
            convert(given_)
