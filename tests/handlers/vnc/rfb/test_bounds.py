"""What a server may send at most: the limit is accepted, and one beyond it is refused."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from struct import pack

import pytest

from guacr.api import UpstreamError
from handlers.vnc.rfb import numbers
from handlers.vnc.rfb.client import ClientOptions, RfbClient
from handlers.vnc.rfb.events import Beeped, CutText
from handlers.vnc.rfb.handshake import Credentials
from handlers.vnc.rfb.pixel_format import BGRX
from tests.handlers.vnc.rfb.test_limits import (
    SECURITY,
    VERSION,
    compressed,
    compressed_length,
    finish,
    ready,
    rect,
    tight,
    update,
)

LOGGED_IN = VERSION + SECURITY
STARTED = LOGGED_IN + pack(">HH16xI", 256, 256, 0)
BELL = bytes([numbers.BELL])
BLACK = bytes(4)


def rectangle(encoding: int, data: bytes, width: int = 4, height: int = 4) -> bytes:
    return STARTED + update(rect(width, height, encoding, data))


def at(x: int, y: int, encoding: int, data: bytes) -> bytes:
    return STARTED + update(pack(">HHHHi", x, y, 4, 4, encoding) + data)


def rre(x: int, y: int) -> bytes:
    return pack(">I", 1) + BLACK + BLACK + pack(">HHHH", x, y, 2, 2)


def corre(x: int, y: int) -> bytes:
    return pack(">I", 1) + BLACK + BLACK + bytes([x, y, 2, 2])


def hextile(x: int, y: int) -> bytes:
    """A tile with one rectangle of 2 by 2 pixels."""
    return bytes([8, 1, x << 4 | y, 0x11])


def tiles(size: int) -> bytes:
    """Compressed data of ZRLE: a tile of one colour, and bytes that nobody needs."""
    return compressed(zlib.compress(b"\1abc".ljust(size, b"\0")))


def picture(size: int) -> bytes:
    return compressed_length(bytes(size))


def size_sentence(width: int, height: int) -> str:
    return (
        f"the VNC server has a desktop of {width}x{height} pixels: "
        "1 to 8192 pixels are supported in each direction"
    )


Build = Callable[[int], bytes]

LIMITS: dict[str, tuple[Build, str]] = {
    # the handshake
    "reason for no login": (
        lambda n: VERSION + b"\0" + pack(">I", 4096 + n),
        "a reason of 4097 bytes",
    ),
    "reason for no login, version 3.3": (
        lambda n: b"RFB 003.003\n" + pack(">II", 0, 4096 + n),
        "a reason of 4097 bytes",
    ),
    "reason for a failed login": (
        lambda n: VERSION + b"\1\1" + pack(">II", 1, 4096 + n),
        "a reason of 4097 bytes",
    ),
    "first name": (
        lambda n: LOGGED_IN + pack(">HH16xI", 256, 256, 65536 + n),
        "a name of 65537 bytes",
    ),
    "first size": (
        lambda n: LOGGED_IN + pack(">HH16xI", 8192 + n, 8192, 0),
        size_sentence(8193, 8192),
    ),
    # the desktop
    "no width": (
        lambda n: rectangle(numbers.DESKTOP_SIZE, b"", 1 - n, 1),
        size_sentence(0, 1),
    ),
    "no height": (
        lambda n: rectangle(numbers.DESKTOP_SIZE, b"", 1, 1 - n),
        size_sentence(1, 0),
    ),
    "no size": (
        lambda n: rectangle(numbers.DESKTOP_SIZE, b"", 1 - n, 1 - n),
        size_sentence(0, 0),
    ),
    "width": (
        lambda n: rectangle(numbers.DESKTOP_SIZE, b"", 8192 + n, 1),
        size_sentence(8193, 1),
    ),
    "height": (
        lambda n: rectangle(numbers.DESKTOP_SIZE, b"", 1, 8192 + n),
        size_sentence(1, 8193),
    ),
    "largest size": (
        lambda n: rectangle(numbers.DESKTOP_SIZE, b"", *[65535 if n else 8192] * 2),
        size_sentence(65535, 65535),
    ),
    "size with screens": (
        lambda n: rectangle(numbers.EXTENDED_DESKTOP_SIZE, bytes(4), 8192 + n, 1),
        size_sentence(8193, 1),
    ),
    "name": (
        lambda n: rectangle(numbers.DESKTOP_NAME, pack(">I", 65536 + n)),
        "a name of 65537 bytes",
    ),
    # rectangles on the desktop
    "right edge": (
        lambda n: at(252 + n, 0, numbers.RAW, b""),
        "a rectangle up to (257, 4) on a desktop of 256x256 pixels",
    ),
    "bottom edge": (
        lambda n: at(0, 252 + n, numbers.RAW, b""),
        "a rectangle up to (4, 257) on a desktop of 256x256 pixels",
    ),
    "right edge of a copy": (
        lambda n: rectangle(numbers.COPY_RECT, pack(">HH", 252 + n, 0)),
        "a copy from outside of the desktop",
    ),
    "bottom edge of a copy": (
        lambda n: rectangle(numbers.COPY_RECT, pack(">HH", 0, 252 + n)),
        "a copy from outside of the desktop",
    ),
    # data after it has been decompressed
    "zlib, too much": (
        lambda n: rectangle(numbers.ZLIB, compressed(zlib.compress(bytes(64 + n)))),
        "more than 64 bytes of pixels in a rectangle",
    ),
    "zlib, a bomb": (
        lambda n: rectangle(numbers.ZLIB, compressed(zlib.compress(bytes(64 + (n << 20))))),
        "more than 64 bytes of pixels in a rectangle",
    ),
    "zlib, too little": (
        lambda n: rectangle(numbers.ZLIB, compressed(zlib.compress(bytes(64 - n)))),
        "63 bytes of pixels instead of 64",
    ),
    "tight, too much": (
        lambda n: rectangle(numbers.TIGHT, tight(b"\0", zlib.compress(bytes(48 + n)))),
        "more than 48 bytes of pixels in a rectangle",
    ),
    "zrle, too much": (
        lambda n: rectangle(numbers.ZRLE, tiles(16 * 4 + 1 + 127 * 3 + n)),
        "more than 446 bytes of pixels in a rectangle",
    ),
    "zrle, too much after two rows": (
        lambda n: rectangle(numbers.ZRLE, tiles(2 * (64 * 64 * 4 + 1 + 127 * 3) + n), 64, 128),
        "more than 33532 bytes of pixels in a rectangle",
    ),
    # compressed data
    "zlib, compressed": (
        lambda n: rectangle(numbers.ZLIB, pack(">I", 64 + 1 + 4096 + n)),
        "4162 compressed bytes for 64 bytes of pixels",
    ),
    "tight, compressed": (
        lambda n: rectangle(numbers.TIGHT, b"\0" + compressed_length(bytes(48 + 4096 + n))),
        "4145 compressed bytes for 48 bytes of pixels",
    ),
    "zrle, compressed": (
        lambda n: rectangle(numbers.ZRLE, pack(">I", 446 + 6 + 4096 + n)),
        "4549 compressed bytes for 446 bytes of pixels",
    ),
    "jpeg": (
        lambda n: rectangle(numbers.TIGHT, b"\x90" + picture(64 + 65536 + n)),
        "a picture of 65601 bytes for 16 pixels",
    ),
    "png": (
        lambda n: rectangle(numbers.TIGHT_PNG, b"\xa0" + picture(64 + 65536 + n)),
        "a picture of 65601 bytes for 16 pixels",
    ),
    # rectangles within rectangles
    "rre, count": (
        lambda n: rectangle(numbers.RRE, pack(">I", 16 + n)),
        "17 rectangles within 16 pixels",
    ),
    "rre, right edge": (
        lambda n: rectangle(numbers.RRE, rre(2 + n, 0)),
        "a rectangle that reaches beyond the one that contains it",
    ),
    "rre, bottom edge": (
        lambda n: rectangle(numbers.RRE, rre(0, 2 + n)),
        "a rectangle that reaches beyond the one that contains it",
    ),
    "corre, count": (
        lambda n: rectangle(numbers.CORRE, pack(">I", 16 + n)),
        "17 rectangles within 16 pixels",
    ),
    "corre, right edge": (
        lambda n: rectangle(numbers.CORRE, corre(2 + n, 0)),
        "a rectangle that reaches beyond the one that contains it",
    ),
    "corre, bottom edge": (
        lambda n: rectangle(numbers.CORRE, corre(0, 2 + n)),
        "a rectangle that reaches beyond the one that contains it",
    ),
    "hextile, right edge": (
        lambda n: rectangle(numbers.HEXTILE, hextile(2 + n, 0)),
        "a rectangle that reaches beyond its tile",
    ),
    "hextile, bottom edge": (
        lambda n: rectangle(numbers.HEXTILE, hextile(0, 2 + n)),
        "a rectangle that reaches beyond its tile",
    ),
    # pointers
    "cursor, width": (
        lambda n: rectangle(numbers.CURSOR, b"", 512 + n, 1),
        "a cursor of 513x1 pixels",
    ),
    "x cursor, height": (
        lambda n: rectangle(numbers.X_CURSOR, b"", 1, 512 + n),
        "a cursor of 1x513 pixels",
    ),
    "alpha cursor, width": (
        lambda n: rectangle(numbers.ALPHA_CURSOR, b"", 512 + n, 1),
        "a cursor of 513x1 pixels",
    ),
    "alpha cursor, encoding": (
        lambda n: rectangle(numbers.ALPHA_CURSOR, pack(">I", n)),
        "a cursor in the encoding 1, which was not requested",
    ),
    # messages
    "fence": (
        lambda n: STARTED + pack(">B3xIB", numbers.SERVER_FENCE, 0, 64 + n),
        "a fence of 65 bytes",
    ),
    "sound": (
        lambda n: STARTED + pack(">BBHI", numbers.QEMU, 1, 2, 65536 + n),
        "65537 bytes of sound at once",
    ),
    "chat": (
        lambda n: STARTED + pack(">B3xI", numbers.TEXT_CHAT, 65536 + n),
        "65537 bytes of chat at once",
    ),
    "chat, commands": (
        lambda n: STARTED + pack(">B3xI", numbers.TEXT_CHAT, 0xFFFFFFFD - n),
        "4294967292 bytes of chat at once",
    ),
    "file": (
        lambda n: STARTED + pack(">B7xI", numbers.FILE_TRANSFER, (1 << 20) + n),
        "1048577 bytes of a file at once",
    ),
}


def received(data: bytes) -> None:
    client = RfbClient(ClientOptions(BGRX, [], 1 << 20), Credentials())
    client.feed(data)
    finish(client)


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_and_one_beyond_it(limit: str) -> None:
    build, sentence = LIMITS[limit]
    received(build(0))
    with pytest.raises(UpstreamError) as failure:
        received(build(1))
    assert str(failure.value).removeprefix("the VNC server sent ") == sentence


def cut_text(size: int) -> bytes:
    return pack(">B3xi", numbers.CUT_TEXT, size)


def test_a_clipboard_of_the_maximum_size() -> None:
    text = b"a" * (1 << 20)
    assert ready().feed(cut_text(1 << 20) + text + BELL) == [CutText(text), Beeped()]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_longer_clipboard_is_skipped(sign: int) -> None:
    size = (1 << 20) + 1
    assert ready().feed(cut_text(sign * size) + b"a" * size + BELL) == [Beeped()]


def test_a_clipboard_of_two_gigabytes_takes_no_memory() -> None:
    client = ready()
    client.feed(cut_text(-1 << 31))
    for _ in range(8):
        assert not client.feed(b"a" * (1 << 16))
        assert client._input.available == 0
