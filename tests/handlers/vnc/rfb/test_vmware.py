"""VMware's pointers: shapes of both types, hidden and shown, and moved."""

from __future__ import annotations

from struct import pack

import numpy as np
import pytest

from guacr.api import UpstreamError
from handlers.vnc.rfb import numbers
from handlers.vnc.rfb.client import RfbClient
from handlers.vnc.rfb.events import CursorShape, Event, PointerMoved
from tests.handlers.vnc.rfb.test_limits import ready, update

ALPHA = pack(">HHHHi", 1, 0, 2, 1, numbers.VMWARE_CURSOR) + b"\1\0" + bytes(range(1, 9))


def state(flags: int) -> bytes:
    return pack(">HHHHiH", 0, 0, 0, 0, numbers.VMWARE_CURSOR_STATE, flags)


def shapes(client: RfbClient, *rects: bytes) -> list[CursorShape]:
    events: list[Event] = client.feed(update(*rects))
    return [event for event in events if isinstance(event, CursorShape)]


def test_red_green_blue_alpha() -> None:
    (shape,) = shapes(ready(), ALPHA)
    assert shape.rgba.tolist() == [[[1, 2, 3, 4], [5, 6, 7, 8]]]
    assert (shape.hot_x, shape.hot_y) == (1, 0)


def test_two_masks() -> None:
    """A pixel that is left alone, one with a colour, and one that is inverted."""
    white, black, orange = b"\xff\xff\xff\0", bytes(4), b"\x10\x80\xff\0"
    masks = white + black + white + black + orange + white
    (shape,) = shapes(ready(), pack(">HHHHi", 0, 0, 3, 1, numbers.VMWARE_CURSOR) + b"\0\0" + masks)
    assert shape.rgba.tolist() == [[[0, 0, 0, 0], [0xFF, 0x80, 0x10, 255], [0, 0, 0, 255]]]


def test_a_hidden_pointer_is_shown_again() -> None:
    client = ready()
    first, hidden, again = shapes(client, ALPHA, state(0), state(3))
    assert not hidden.rgba.size
    assert np.array_equal(again.rgba, first.rgba)
    assert (again.hot_x, again.hot_y) == (1, 0)
    hidden, later, shown = shapes(client, state(2), ALPHA, state(1))
    assert not later.rgba.size
    assert np.array_equal(shown.rgba, first.rgba)


def test_a_moved_pointer() -> None:
    moved = pack(">HHHHi", 7, 9, 0, 0, numbers.VMWARE_CURSOR_POSITION)
    assert PointerMoved(7, 9) in ready().feed(update(moved))


@pytest.mark.parametrize(
    ("size", "kind", "told"),
    [((65535, 65535), 1, "a cursor of 65535x65535 pixels"), ((2, 2), 2, "the unknown type 2")],
)
def test_pointers_that_are_refused(size: tuple[int, int], kind: int, told: str) -> None:
    head = pack(">HHHHi", 0, 0, *size, numbers.VMWARE_CURSOR)
    with pytest.raises(UpstreamError, match=told):
        ready().feed(update(head + bytes([kind, 0])))
