"""Servers that send what costs much: little is done in one step, and too much is refused."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from struct import pack

import pytest

from guacr.api import UnsupportedError, UpstreamError
from handlers.vnc.rfb import numbers
from handlers.vnc.rfb.client import ClientOptions, RfbClient
from handlers.vnc.rfb.context import BAND_AREA, COUNT_MAX, THREAD_AREA
from handlers.vnc.rfb.events import Drawn, Event, TlsWanted, UpdateEnded
from handlers.vnc.rfb.handshake import Credentials
from handlers.vnc.rfb.input import Wait
from handlers.vnc.rfb.pixel_format import BGRX

VERSION = b"RFB 003.008\n"
SECURITY = b"\1\1\0\0\0\0"
"""No security, and no objection to it."""


def ready(width: int = 256, height: int = 256) -> RfbClient:
    """A client after the handshake."""
    client = RfbClient(ClientOptions(BGRX, [], 1 << 20), Credentials())
    client.feed(VERSION + SECURITY + pack(">HH16xI", width, height, 0))
    return client


def update(*rects: bytes) -> bytes:
    return pack(">BxH", numbers.FRAMEBUFFER_UPDATE, len(rects)) + b"".join(rects)


def rect(width: int, height: int, encoding: int, data: bytes) -> bytes:
    return pack(">HHHHi", 0, 0, width, height, encoding) + data


def finish(client: RfbClient) -> list[Event]:
    """Go on until more is to be received."""
    events: list[Event] = []
    while client.waits_for is not Wait.INPUT:
        events += client.go_on(inline=client.waits_for is not Wait.THREAD)
    return events


@pytest.mark.parametrize(
    "message", [bytes([numbers.BELL]), update(), update(rect(1, 1, numbers.RAW, b"bgrx"))]
)
def test_few_messages_are_read_in_one_step(message: bytes) -> None:
    client = ready()
    events = client.feed(message * 1000)
    assert client.waits_for is Wait.TURN
    assert len(events) <= 3 * COUNT_MAX
    finish(client)
    assert client.feed(update())  # nothing is left over


def test_tiles_that_arrive_later_are_decoded_on_a_thread_as_well() -> None:
    client = ready(4096, 4096)
    client.feed(update(rect(4096, 4096, numbers.HEXTILE, b"")))
    for _ in range(3):
        client.feed(b"\0" * 1000)  # tiles of 256 pixels
        assert client.waits_for is Wait.THREAD
        finish(client)


def test_a_thread_is_given_back_between_tiles() -> None:
    client = ready(1024, 1024)
    runs = bytes([130]) + b"\1\2\3\4\5\6" + b"\0\1" * 2048
    data = zlib.compress(runs * (16 * 16), 1)
    client.feed(update(rect(1024, 1024, numbers.ZRLE, pack(">I", len(data)) + data)))
    steps = 0
    while client.waits_for is Wait.THREAD:
        client.go_on(inline=False)
        steps += 1
    assert steps > 1024 * 1024 * 50 // THREAD_AREA


def test_rectangles_of_rre_are_drawn_as_they_come() -> None:
    client = ready()
    client.feed(update(rect(256, 256, numbers.RRE, pack(">I", 60_000) + b"\1\2\3\0")))
    finish(client)
    seen: list[Event] = []
    for _ in range(60):
        seen += client.feed((b"\4\5\6\0" + pack(">HHHH", 3, 4, 1, 1)) * 1000) + finish(client)
        assert client._input.available < 1024 * 12
    drawn = next(event for event in seen if isinstance(event, Drawn))
    assert drawn.pixels[4, 3].tolist() == [4, 5, 6, 0]
    assert drawn.pixels[3, 4].tolist() == [1, 2, 3, 0]
    assert isinstance(seen[-1], UpdateEnded)


def test_rectangles_of_rre_that_cover_each_other_many_times_are_refused() -> None:
    client = ready(512, 512)
    records = (b"\4\5\6\0" + pack(">HHHH", 0, 0, 512, 512)) * 1000
    client.feed(update(rect(512, 512, numbers.RRE, pack(">I", 1000) + b"\1\2\3\0")))
    client.feed(records)
    with pytest.raises(UpstreamError, match="cover each other"):
        finish(client)


def compressed_length(data: bytes) -> bytes:
    """The length of data as Tight has it."""
    size = len(data)
    return bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14])


def tight(control: bytes, data: bytes) -> bytes:
    return control + compressed_length(data) + data


def compressed(data: bytes) -> bytes:
    return pack(">I", len(data)) + data


SIDE = 2048
BOMBS: dict[str, tuple[int, Callable[[bytes], bytes], int]] = {
    "zlib": (numbers.ZLIB, compressed, SIDE * SIDE * 4),
    "zrle": (numbers.ZRLE, compressed, (1 + 64 * 64 * 3) * 32 * 32),
    "tight": (numbers.TIGHT, partial(tight, b"\0"), SIDE * SIDE * 3),
    "palette": (numbers.TIGHT, partial(tight, b"\x40\1\2" + bytes(9)), SIDE * SIDE),
    "bits": (numbers.TIGHT, partial(tight, b"\x40\1\1" + bytes(6)), SIDE * SIDE // 8),
}
"""Encodings, what precedes the compressed data, and the zeros that it expands to."""


@pytest.mark.parametrize("kind", BOMBS)
def test_a_large_rectangle_is_decoded_in_parts(kind: str) -> None:
    client = ready(SIDE, SIDE)
    encoding, message, size = BOMBS[kind]
    client.feed(update(rect(SIDE, SIDE, encoding, message(zlib.compress(bytes(size))))))
    areas = [event.rect.area for event in finish(client) if isinstance(event, Drawn)]
    assert sum(areas) == SIDE * SIDE
    assert max(areas) <= BAND_AREA


def test_a_gradient_that_would_take_much_memory_is_refused() -> None:
    client = ready(8192, 8192)
    with pytest.raises(UpstreamError, match="a gradient of 8192x8192 pixels"):
        client.feed(update(rect(8192, 8192, numbers.TIGHT, b"\x40\2")))


@pytest.mark.parametrize("injected", [b"", b"\0\0\0\0"])
def test_nothing_may_come_between_the_consent_to_tls_and_tls(injected: bytes) -> None:
    client = RfbClient(ClientOptions(BGRX, [], 1 << 20), Credentials())
    client.feed(VERSION + bytes([1, numbers.VENCRYPT]) + b"\0\2\0\1" + pack(">I", 260))
    if not injected:
        assert [type(event) for event in client.feed(b"\1")] == [TlsWanted]
        return
    with pytest.raises(UpstreamError, match="the start of TLS"):
        client.feed(b"\1" + injected)


@pytest.mark.parametrize(
    "offer",
    [
        bytes([110]) + bytes(range(140, 250)),
        bytes([1, numbers.VENCRYPT]) + b"\0\2\0\xff" + pack(">255I", *range(1000, 1255)),
    ],
)
def test_an_error_names_few_of_many_security_types(offer: bytes) -> None:
    client = RfbClient(ClientOptions(BGRX, [], 1 << 20), Credentials())
    with pytest.raises(UnsupportedError) as failure:
        client.feed(VERSION + offer)
    assert "and others" in str(failure.value)
    assert len(str(failure.value)) < 200


def test_more_data_than_the_last_row_of_tiles_can_have() -> None:
    client = ready()
    data = zlib.compress(b"\1abc" * 2 + b"\1def" + bytes(20_000))
    events = client.feed(update(rect(64, 129, numbers.ZRLE, compressed(data)))) + finish(client)
    drawn = [event for event in events if isinstance(event, Drawn)]
    assert [event.rect.height for event in drawn] == [64, 64, 1]
    assert bytes(drawn[2].pixels[0, 0, :3]) == b"def"
