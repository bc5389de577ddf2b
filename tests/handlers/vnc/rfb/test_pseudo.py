"""What a server says about its desktop, and what ends an update."""

from __future__ import annotations

from struct import pack

import pytest

from handlers.vnc.rfb import numbers
from handlers.vnc.rfb.events import (
    Beeped,
    Event,
    Named,
    PointerMoved,
    ResizeAnswered,
    Resized,
    Screens,
    UpdateBegun,
    UpdateEnded,
)
from tests.handlers.vnc.rfb.test_limits import finish, ready, update

BELL = bytes([numbers.BELL])
LAYOUT = bytes(range(32))
"""Two screens."""


def head(x: int, y: int, width: int, height: int, encoding: int) -> bytes:
    return pack(">HHHHi", x, y, width, height, encoding)


def around(*events: Event) -> list[Event]:
    """Return the events of an update with these ones, and of a bell after it."""
    return [UpdateBegun(), *events, UpdateEnded(), Beeped()]


@pytest.mark.parametrize(
    ("reason", "result", "changes"),
    [
        (0, 0, [Resized(640, 480)]),
        (1, 0, [Resized(640, 480), ResizeAnswered(0)]),
        (2, 0, [Resized(640, 480)]),
        (1, 1, [ResizeAnswered(1)]),
        (1, 3, [ResizeAnswered(3)]),
    ],
)
def test_a_size_with_screens(reason: int, result: int, changes: list[Event]) -> None:
    """A refusal leaves the size as it is; only this client's requests are answered."""
    client = ready(256, 128)
    size = head(reason, result, 640, 480, numbers.EXTENDED_DESKTOP_SIZE) + b"\2\xff\xff\xff"
    assert client.feed(update(size + LAYOUT) + BELL) == around(Screens(LAYOUT), *changes)
    refused = reason == 1 and result != 0
    assert client.size == ((256, 128) if refused else (640, 480))


def test_a_size() -> None:
    client = ready(256, 128)
    size = head(7, 9, 640, 480, numbers.DESKTOP_SIZE)
    assert client.feed(update(size, size) + BELL) == around(Resized(640, 480))
    assert client.size == (640, 480)


def test_a_moved_pointer() -> None:
    moved = head(7, 9, 0, 0, numbers.POINTER_POSITION)
    assert ready().feed(update(moved) + BELL) == around(PointerMoved(7, 9))


@pytest.mark.parametrize(
    ("data", "name"), [("Büro".encode(), "Büro"), (b"B\xfcro", "B\ufffdro"), (b"", "")]
)
def test_a_name(data: bytes, name: str) -> None:
    named = head(0, 0, 0, 0, numbers.DESKTOP_NAME) + pack(">I", len(data)) + data
    assert ready().feed(update(named) + BELL) == around(Named(name))


@pytest.mark.parametrize("count", [0, 1, 65535])
def test_a_colour_map_is_skipped(count: int) -> None:
    colours = pack(">BxHH", numbers.COLOUR_MAP, 3, count) + b"\x07" * 6 * count
    client = ready()
    assert client.feed(colours[:-1]) == []
    assert client.feed(colours[-1:] + BELL) == [Beeped()]


@pytest.mark.parametrize("count", [65535, 10])
def test_the_last_rectangle_ends_an_update(count: int) -> None:
    moved = head(7, 9, 0, 0, numbers.POINTER_POSITION)
    rects = moved * 2 + head(0, 0, 0, 0, numbers.LAST_RECT)
    data = pack(">BxH", numbers.FRAMEBUFFER_UPDATE, count) + rects + BELL
    assert ready().feed(data) == around(PointerMoved(7, 9), PointerMoved(7, 9))


def test_an_update_of_unknown_length_may_have_more_rectangles_than_can_be_counted() -> None:
    client = ready()
    rects = head(0, 0, 0, 0, numbers.RAW) * 65536 + head(0, 0, 0, 0, numbers.LAST_RECT)
    events = client.feed(pack(">BxH", numbers.FRAMEBUFFER_UPDATE, 65535) + rects + BELL)
    assert events + finish(client) == around()
