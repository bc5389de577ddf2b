"""Messages about touches, against a reader of their own."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rdp.channel.touch import DOWN, MOVED, PRESSURE_MAX, UP, Touch
from handlers.rdp.freerdp import touch_pdus
from handlers.rdp.freerdp.touch_pdus import V100, V101, Event, TouchError
from tests.support.rdpei import Finger, Frame, frame_of

SIDES = st.integers(0, 0xFFFF)
TOUCHES = st.builds(
    Touch,
    st.integers(0, 9),
    st.sampled_from((DOWN, MOVED, UP)),
    SIDES,
    SIDES,
    st.integers(0, 1024),
    st.integers(0, 1024),
    st.integers(0, 359),
    st.integers(0, PRESSURE_MAX),
)


def test_the_first_examples() -> None:
    down = Touch(1, DOWN, 100, 63, 0, 0, 0, 512)
    assert touch_pdus.touch([down], 0).hex() == "030013000000" + "0001010001044064403f194200"
    moved = Touch(0, MOVED, 0, 0, 20, 64, 90, 0)
    assert touch_pdus.touch([moved], 0).hex()[20:] == "000700001a54c040148040405a00"


@given(st.lists(TOUCHES, max_size=10), st.integers(0, (1 << 61) - 1))
def test_frames_can_be_read(touches: list[Touch], elapsed: int) -> None:
    flags = {DOWN: 0x19, MOVED: 0x1A, UP: 0x04}
    fingers = []
    for touch in touches:
        finger = Finger(touch.slot, touch.x, touch.y, flags[touch.phase], pressure=touch.pressure)
        if touch.radius_x and touch.radius_y:
            x, y = touch.radius_x, touch.radius_y
            finger.rectangle, finger.orientation = [-x, -y, x, y], touch.angle
        fingers.append(finger)
    assert frame_of(touch_pdus.touch(touches, elapsed)) == Frame(elapsed, fingers)


def test_numbers_have_limits() -> None:
    with pytest.raises(OverflowError):
        touch_pdus.touch([], 1 << 61)


def ready(version: int) -> bytes:
    """What a server says first."""
    return struct.pack("<HII", Event.SERVER_READY, 10, version)


@pytest.mark.parametrize(
    ("version", "flags", "used"),
    [(V100, 1, V100), (V101, 3, V101), (0x00020000, 3, V101), (0xFFFFFFFF, 3, V101), (0, 1, V100)],
)
def test_the_latest_common_version_is_used(version: int, flags: int, used: int) -> None:
    assert touch_pdus.parse(ready(version)) == (Event.SERVER_READY, version)
    answer = touch_pdus.client_ready(version)
    assert struct.unpack("<HIIIH", answer) == (Event.CLIENT_READY, 16, flags, used, 10)


def test_later_versions_say_more() -> None:
    message = struct.pack("<HIII", Event.SERVER_READY, 14, 0x00030000, 1)
    assert touch_pdus.parse(message) == (Event.SERVER_READY, 0x00030000)
    assert touch_pdus.parse(struct.pack("<HI", Event.SUSPEND, 6)) == (Event.SUSPEND, 0)


@pytest.mark.parametrize("size", range(10))
def test_incomplete_messages_are_refused(size: int) -> None:
    with pytest.raises(TouchError):
        touch_pdus.parse(ready(V100)[:size])


def test_a_length_that_is_too_short_is_refused() -> None:
    with pytest.raises(TouchError):
        touch_pdus.parse(struct.pack("<HII", Event.SERVER_READY, 6, V100))


@given(st.binary(max_size=20))
def test_nothing_else_is_raised(data: bytes) -> None:
    try:
        event, version = touch_pdus.parse(data)
    except TouchError:
        return
    assert len(data) >= 6
    assert event == Event.SERVER_READY or not version
