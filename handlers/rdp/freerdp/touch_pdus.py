"""The messages of the touch channel (MS-RDPEI 2.2), without I/O."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import IntEnum

from handlers.rdp.channel.touch import CONTACTS_MAX, DOWN, MOVED, UP, Touch

V100, V101 = 0x00010000, 0x00010001
"""Versions of the protocol; later ones are about pens."""
HEADER = struct.Struct("<HI")
"""The event and the length of the message with the header (2.2.2.6)."""
VISUALS, NO_TIMESTAMPS = 1, 2
"""Flags of a client (2.2.3.2): the host marks touches on the screen; it injects them as they come,
because the network has changed the time between them."""
RECTANGLE, ORIENTATION, PRESSURE = 1, 2, 4
"""Fields of a contact that are present (2.2.3.3.1.1)."""
_ENGAGED = 0x0008 | 0x0010
"""In range, and in contact."""
_FLAGS = {DOWN: 0x0001 | _ENGAGED, MOVED: 0x0002 | _ENGAGED, UP: 0x0004}
SHORT, LONG, LONGEST = 1, 2, 3
"""Bits that count the further bytes of a number with at most 2, 4 or 8 bytes (2.2.2.1 to 2.2.2.5).
"""


class Event(IntEnum):
    """The types of messages."""

    SERVER_READY = 1
    CLIENT_READY = 2
    TOUCH = 3
    SUSPEND = 4
    RESUME = 5
    DISMISS_HOVERING = 6


class TouchError(Exception):
    """A message of the server is incomplete."""


def parse(data: bytes) -> tuple[int, int]:
    """Return the event of a server's message, and the version if it is `SERVER_READY`.

    Raises:
        TouchError: the message is incomplete.
    """
    if len(data) < HEADER.size:
        raise TouchError("a message about touches has no header")
    event, length = HEADER.unpack_from(data)
    if not HEADER.size <= length <= len(data):
        raise TouchError(f"a message about touches has {len(data)} instead of {length} bytes")
    if event != Event.SERVER_READY:
        return event, 0
    if length < HEADER.size + 4:
        raise TouchError("a server has not said which touches it accepts")
    return event, struct.unpack_from("<I", data, HEADER.size)[0]


def client_ready(version: int) -> bytes:
    """Return the answer to a `SERVER_READY` of this version."""
    used = V101 if version >= V101 else V100
    flags = VISUALS | (NO_TIMESTAMPS if used >= V101 else 0)
    return _message(Event.CLIENT_READY, struct.pack("<IIH", flags, used, CONTACTS_MAX))


def touch(touches: Iterable[Touch], elapsed: int) -> bytes:
    """Return a message with one frame, `elapsed` microseconds after the previous one."""
    contacts = [_contact(touch) for touch in touches]
    frame = _number(len(contacts), SHORT) + _number(elapsed, LONGEST) + b"".join(contacts)
    return _message(Event.TOUCH, _number(0, LONG) + _number(1, SHORT) + frame)


def _contact(touch: Touch) -> bytes:
    has_shape = touch.radius_x > 0 and touch.radius_y > 0
    fields = PRESSURE | (RECTANGLE | ORIENTATION if has_shape else 0)
    data = bytes((touch.slot,)) + _number(fields, SHORT)
    data += _signed(touch.x, LONG) + _signed(touch.y, LONG) + _number(_FLAGS[touch.phase], LONG)
    if has_shape:  # a rectangle around the contact, before it is rotated
        for side in (-touch.radius_x, -touch.radius_y, touch.radius_x, touch.radius_y):
            data += _signed(side, SHORT)
        data += _number(touch.angle, LONG)
    return data + _number(touch.pressure, LONG)


def _message(event: Event, body: bytes) -> bytes:
    return HEADER.pack(event, HEADER.size + len(body)) + body


def _number(value: int, count_bits: int) -> bytes:
    """Return an unsigned number, whose first byte begins with the count of further bytes."""
    return _encoded(value, count_bits, 0)


def _signed(value: int, count_bits: int) -> bytes:
    """Return a signed number; a bit for its sign follows the count."""
    return _encoded(abs(value), count_bits, 1, is_negative=value < 0)


def _encoded(value: int, count_bits: int, sign_bits: int, *, is_negative: bool = False) -> bytes:
    free = 8 - count_bits - sign_bits
    more = max(value.bit_length() - free + 7, 0) // 8
    if more >= 1 << count_bits:
        raise OverflowError(f"{value} is too large")
    first, *rest = value.to_bytes(more + 1, "big")
    first |= more << (8 - count_bits) | is_negative << free
    return bytes((first, *rest))
