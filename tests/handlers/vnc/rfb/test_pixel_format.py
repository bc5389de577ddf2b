"""The pixel format that is requested of a server, and pixels in it."""

from __future__ import annotations

from struct import pack

import pytest

from guacr.api import UpstreamError
from handlers.vnc.rfb import numbers
from handlers.vnc.rfb.client import ClientOptions, RfbClient
from handlers.vnc.rfb.events import Beeped, Drawn, Event, Recoloured, UpdateBegun, UpdateEnded
from handlers.vnc.rfb.handshake import Credentials
from handlers.vnc.rfb.pixel_format import (
    BGR233,
    BGRX,
    RGB565,
    PixelFormat,
    pixel_format_of,
    requested,
)
from tests.handlers.vnc.rfb.test_limits import SECURITY, VERSION, rect, update

BELL = bytes([numbers.BELL])


def layout(bits: int, *maxima: int, big_endian: int = 0, true_colour: int = 1) -> bytes:
    return pack(">BBBBHHH6x", bits, min(bits, 24), big_endian, true_colour, *maxima)


MAP = layout(8, 7, 7, 3, true_colour=0)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (layout(32, 255, 255, 255), BGRX),
        (layout(32, 255, 255, 255, big_endian=1), BGRX),
        (layout(24, 255, 255, 255), BGRX),
        (layout(16, 31, 63, 31), RGB565),
        (layout(16, 31, 63, 31, big_endian=1), RGB565),
        (layout(16, 31, 31, 31), RGB565),
        (layout(16, 63, 31, 31), BGRX),
        (layout(8, 7, 7, 3), BGR233),
        (layout(8, 3, 3, 3), BGR233),
        (layout(8, 255, 255, 255), BGRX),
        (MAP, BGRX),
        (bytes(16), BGRX),
    ],
)
def test_the_default_has_all_of_the_servers_colours(own: bytes, expected: PixelFormat) -> None:
    found = requested(None, own)
    assert found == expected
    assert found.colour_map is None


@pytest.mark.parametrize("depth", [8, 16, 24, 32])
def test_a_depth_is_requested_of_every_server(depth: int) -> None:
    for own in (layout(32, 255, 255, 255), layout(16, 31, 63, 31), layout(8, 7, 7, 3)):
        assert requested(pixel_format_of(depth), own) == pixel_format_of(depth)


@pytest.mark.parametrize(("depth", "true_colour"), [(0, 1), (8, 0), (16, 1), (24, 1)])
def test_indices_are_requested_where_8_bits_are_wanted(depth: int, true_colour: int) -> None:
    assert requested(pixel_format_of(depth), MAP).encode()[3] == true_colour


def colours(first: int, *entries: tuple[int, int, int]) -> bytes:
    data = b"".join(pack(">HHH", *(0x101 * each for each in entry)) for entry in entries)
    return pack(">BxHH", numbers.COLOUR_MAP, first, len(entries)) + data


def indexed() -> RfbClient:
    client = RfbClient(ClientOptions(BGR233, [], 0), Credentials())
    client.feed(VERSION + SECURITY + pack(">HH16sI", 256, 256, MAP, 0))
    return client


def drawn(events: list[Event]) -> list[list[int]]:
    (event,) = [each for each in events if isinstance(each, Drawn)]
    pixels: list[list[int]] = event.pixels[0, :, 2::-1].tolist()
    return pixels


def test_indices_are_drawn_in_the_servers_colours() -> None:
    client = indexed()
    assert client.feed(colours(254, (1, 2, 3), (4, 5, 6))) == []
    pixels = update(rect(3, 1, numbers.RAW, b"\xff\xfe\xc0"))
    assert drawn(client.feed(pixels)) == [[4, 5, 6], [1, 2, 3], [0, 0, 255]]
    assert client.feed(colours(255, (7, 8, 9))) == [Recoloured()]
    assert drawn(client.feed(pixels)) == [[7, 8, 9], [1, 2, 3], [0, 0, 255]]


def test_colours_beyond_the_last_index_are_refused() -> None:
    client = indexed()
    assert client.feed(colours(0, *[(0, 0, 0)] * 256) + BELL) == [Beeped()]
    assert client.feed(pack(">BxHH", numbers.COLOUR_MAP, 0xFFFF, 0)[:5]) == []
    with pytest.raises(UpstreamError, match="a colour map of 65535 colours"):
        client.feed(b"\0")
    client = indexed()
    with pytest.raises(UpstreamError, match="a colour map of 257 colours"):
        client.feed(colours(1, *[(0, 0, 0)] * 256))


def test_colours_before_the_first_pixels_change_nothing_that_is_shown() -> None:
    client = indexed()
    events = client.feed(update() + colours(0, (1, 1, 1)))
    assert events == [UpdateBegun(), UpdateEnded()]
