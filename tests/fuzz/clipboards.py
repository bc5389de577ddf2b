"""Fuzzes the contents of clipboards: several types in one, HTML, and images of hosts and users."""

from __future__ import annotations

import contextlib
import struct

from guacr.errors import BadRequestError
from guacr.protocol.clipboard import pack, unpack
from handlers.clipboard import html
from handlers.clipboard.images import ImageError, checked, from_bitmap, to_bitmap
from tests.fuzz.driver import main

LIMIT = 1000
_HEAD = struct.pack("<IiiHHIIiiII", 40, 3, -2, 1, 24, 0, 24, 0, 0, 0, 0)
BITMAP = _HEAD + bytes(range(24))
INDEXED = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 8, 0, 8, 0, 0, 2, 0) + bytes(16)
MASKED = struct.pack("<IiiHHIIiiII", 40, 2, 1, 1, 32, 3, 8, 0, 0, 0, 0) + bytes(12) + bytes(8)
SAMPLES = [
    pack({"text/plain": b"text", "text/html": b"<b>text</b>"}),
    html.encode(b"<p>a</p>"), b"Version:0.9\r\nStartHTML:-1\r\nStartFragment:20\r\n<i>",
    BITMAP, INDEXED, MASKED, from_bitmap(BITMAP), from_bitmap(INDEXED),
]  # fmt: skip


def one_input(data: bytes) -> None:
    """Read `data` as each of them."""
    with contextlib.suppress(BadRequestError):
        contents = unpack(data)
        assert unpack(pack(contents)) == contents
    html.decode(data, LIMIT).decode()
    assert len(html.decode(data, LIMIT)) <= LIMIT
    assert html.decode(html.encode(data), 1 << 30)
    with contextlib.suppress(ImageError):
        checked(from_bitmap(data))
    with contextlib.suppress(ImageError):
        from_bitmap(to_bitmap(data))


if __name__ == "__main__":
    main(one_input, SAMPLES)
