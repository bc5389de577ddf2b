"""Rectangles without pixels, whose data has to be read nevertheless."""

from __future__ import annotations

import zlib
from struct import pack

import pytest

from guacr.api import UpstreamError
from handlers.vnc.rfb import numbers
from handlers.vnc.rfb.events import Beeped, Drawn, UpdateBegun, UpdateEnded
from tests.handlers.vnc.rfb.test_limits import (
    compressed,
    compressed_length,
    finish,
    ready,
    rect,
    update,
)

BELL = bytes([numbers.BELL])
PIXEL = b"\1\2\3\0"


class Stream:
    """A zlib stream of a connection."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def part(self, data: bytes) -> bytes:
        return compressed(self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH))


STREAMS = {"zlib": Stream(), "zrle": Stream()}
EMPTY = {
    "raw": (numbers.RAW, b""),
    "copy": (numbers.COPY_RECT, pack(">HH", 3, 4)),
    "rre": (numbers.RRE, pack(">I", 0) + PIXEL),
    "corre": (numbers.CORRE, pack(">I", 0) + PIXEL),
    "hextile": (numbers.HEXTILE, b""),
    "zlib": (numbers.ZLIB, STREAMS["zlib"].part(b"")),
    "zrle": (numbers.ZRLE, STREAMS["zrle"].part(b"")),
    "tight": (numbers.TIGHT, b"\x0f"),
    "tight, fill": (numbers.TIGHT, b"\x80abc"),
    "tight, palette": (numbers.TIGHT, b"\x40\1\1" + bytes(6)),
    "tight, gradient": (numbers.TIGHT, b"\x40\2"),
    "tight, jpeg": (numbers.TIGHT, b"\x90" + compressed_length(b"some") + b"some"),
    "tight, png": (numbers.TIGHT_PNG, b"\xa0\0"),
}
AFTERWARDS = {
    numbers.ZLIB: STREAMS["zlib"].part(PIXEL),
    numbers.ZRLE: STREAMS["zrle"].part(b"\1" + PIXEL[:3]),
}
"""A pixel in the stream of the encoding."""


@pytest.mark.parametrize("size", [(0, 0), (0, 7), (7, 0)])
@pytest.mark.parametrize("kind", EMPTY)
def test_nothing_is_drawn_and_everything_is_read(kind: str, size: tuple[int, int]) -> None:
    encoding, data = EMPTY[kind]
    number = encoding if encoding in AFTERWARDS else numbers.RAW
    pixel = rect(1, 1, number, AFTERWARDS.get(encoding, PIXEL))
    client = ready()
    events = client.feed(update(rect(*size, encoding, data), pixel) + BELL) + finish(client)
    assert [type(event) for event in events] == [UpdateBegun, Drawn, UpdateEnded, Beeped]
    (drawn,) = [event for event in events if isinstance(event, Drawn)]
    assert drawn.pixels[0, 0, :3].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        (numbers.RRE, pack(">I", 1)),
        (numbers.ZLIB, compressed(zlib.compress(b"a"))),
        (numbers.ZRLE, compressed(zlib.compress(b"a"))),
    ],
)
def test_pixels_of_no_pixels_are_refused(encoding: int, data: bytes) -> None:
    client = ready()
    with pytest.raises(UpstreamError):
        client.feed(update(rect(0, 5, encoding, data)))
