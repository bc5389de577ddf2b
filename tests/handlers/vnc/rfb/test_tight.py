"""Text in Tight: many small rectangles, which are read at once wherever they are complete."""

from __future__ import annotations

import zlib
from struct import pack

import numpy as np
import pytest

from guacr.api import Array8, Rect, UpstreamError
from handlers.vnc.rfb import numbers
from handlers.vnc.rfb.client import RfbClient
from handlers.vnc.rfb.events import Drawn, Event, Filled
from handlers.vnc.rfb.input import Wait
from tests.handlers.vnc.rfb.test_limits import compressed_length, finish, ready, update

WHITE, BLACK, RED = b"\xff\xff\xff", b"\0\0\0", b"\xff\0\0"
ROWS = 12
WIDTH, HEIGHT = 250, 20


class Encoder:
    """Encodes rectangles as TigerVNC does: with one stream for the pixels of all of a kind."""

    def __init__(self) -> None:
        self._streams = [zlib.compressobj() for _ in range(4)]

    def basic(self, stream: int, header: bytes, data: bytes) -> bytes:
        """Return a rectangle of pixels or of indices."""
        if len(data) < 12:
            return bytes([stream << 4]) + header + data
        compressor = self._streams[stream & 3]
        packed = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
        return bytes([stream << 4]) + header + compressed_length(packed) + packed

    def two(self, bits: Array8) -> bytes:
        """Return a rectangle of black on white."""
        data = np.packbits(bits, axis=1).tobytes()
        return self.basic(1 | 4, b"\1\1" + WHITE + BLACK, data)

    def three(self, indices: Array8) -> bytes:
        """Return a rectangle of white, black and red."""
        return self.basic(2 | 4, b"\1\2" + WHITE + BLACK + RED, indices.tobytes())

    def full(self, colours: Array8) -> bytes:
        """Return a rectangle in red, green and blue."""
        return self.basic(0, b"", colours.tobytes())


def placed(rect: Rect, data: bytes) -> bytes:
    return pack(">HHHHi", *rect, numbers.TIGHT) + data


def a_page() -> tuple[bytes, Array8]:
    """An update, and its picture of blue, green and red."""
    random, encoder, rects = np.random.default_rng(1), Encoder(), []
    colours = np.array([(255, 255, 255), (0, 0, 0), (0, 0, 255)], np.uint8)
    picture = np.zeros((ROWS * HEIGHT, 4 * WIDTH, 3), np.uint8)
    for y in range(0, ROWS * HEIGHT, HEIGHT):
        indices = random.integers(0, 3, (HEIGHT, 4 * WIDTH)).astype(np.uint8)
        indices[:, :WIDTH] &= 1
        indices[:, 3 * WIDTH :] = 2
        row = picture[y : y + HEIGHT]
        row[:] = colours[indices]
        row[3:5, 2 * WIDTH : 3 * WIDTH] = (1, 2, 3)
        full = row[:, 2 * WIDTH : 3 * WIDTH, ::-1].copy()
        parts = (
            encoder.two(indices[:, :WIDTH]),
            encoder.three(indices[:, WIDTH : 2 * WIDTH]),
            encoder.full(full),
            b"\x80" + RED,
        )
        for number, data in enumerate(parts):
            rects.append(placed(Rect(number * WIDTH, y, WIDTH, HEIGHT), data))
    return update(*rects), picture


def shown(events: list[Event], like: Array8) -> Array8:
    """Return the picture that events draw."""
    picture = np.zeros_like(like)
    for event in events:
        if isinstance(event, (Drawn, Filled)):
            rect = event.rect
            colours = event.pixels[..., :3] if isinstance(event, Drawn) else event.colour[::-1]
            picture[rect.y : rect.bottom, rect.x : rect.right] = colours
    return picture


def feed(client: RfbClient, message: bytes, step: int) -> list[Event]:
    """Feed a message in parts of `step` bytes."""
    events: list[Event] = []
    for at in range(0, len(message), step):
        events += client.feed(message[at : at + step]) + finish(client)
    return events


def test_a_page_of_text_needs_no_thread() -> None:
    message, picture = a_page()
    client = ready(4 * WIDTH, ROWS * HEIGHT)
    events = client.feed(message)
    assert client.waits_for is Wait.INPUT
    assert (shown(events, picture) == picture).all()
    for event in events:
        if isinstance(event, Drawn):
            assert event.clean
            assert not event.pixels[..., 3].any()


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_it_is_the_same_wherever_the_input_is_cut(step: int) -> None:
    message, picture = a_page()
    client = ready(4 * WIDTH, ROWS * HEIGHT)
    events = feed(client, message, step)
    assert (shown(events, picture) == picture).all()


def packed(size: int, byte: bytes = b"\0") -> bytes:
    """So many bytes, compressed, with their length."""
    data = zlib.compress(byte * size)
    return compressed_length(data) + data


BROKEN = {
    "index": (
        b"\x60\1\2" + WHITE + BLACK + RED + packed(128, b"\3"),
        "a pixel whose colour is not in the palette",
    ),
    "too many pixels": (
        b"\x50\1\1" + WHITE + BLACK + packed(1000),
        "more than 16 bytes of pixels in a rectangle",
    ),
    "too few pixels": (b"\0" + packed(100), "100 bytes of pixels instead of 384"),
    "no zlib": (
        b"\0" + compressed_length(b"nonsense") + b"nonsense",
        "compressed data that cannot be read",
    ),
    "too long": (b"\0\xff\xff\xff", "compressed bytes for 384 bytes of pixels"),
    "one colour": (b"\x60\1\0" + WHITE, "a palette of one colour"),
    "filter": (b"\x60\3", "the unknown Tight filter 3"),
}


@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize("name", BROKEN)
def test_nonsense_is_refused_wherever_the_input_is_cut(name: str, step: int) -> None:
    data, sentence = BROKEN[name]
    client, message = ready(), update(placed(Rect(0, 0, 16, 8), data))
    with pytest.raises(UpstreamError, match=sentence):
        feed(client, message, step)
