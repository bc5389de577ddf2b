"""Messages about touches (MS-RDPEI)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from handlers.rdp.channel.codec import ChannelError, Flag, Message, Part

CONTACTS_MAX = 10
"""Fingers on the screen at a time."""
DOWN, MOVED, UP = range(3)
"""The phases of a contact."""
PRESSURE_MAX = 1024
"""The strongest pressure (MS-RDPEI 2.2.3.3.1.1)."""
_CONTACT = struct.Struct("<BBHHHHHH")


class Touch(NamedTuple):
    """One contact in a frame."""

    slot: int
    """Its number, less than `CONTACTS_MAX`, which no other contact has at the same time."""
    phase: int
    x: int
    y: int
    radius_x: int
    """The radii of the touched ellipse in pixels; zeros if they are unknown."""
    radius_y: int
    angle: int
    """The rotation of the ellipse in degrees, counter-clockwise, from 0 to 359."""
    pressure: int
    """At most `PRESSURE_MAX`."""


@dataclass(frozen=True, slots=True)
class TouchFrame(Message):
    """All contacts that are on the screen, or have just left it."""

    TYPE: ClassVar[int] = 52
    contacts: Part

    @classmethod
    def of(cls, touches: Iterable[Touch]) -> TouchFrame:
        """Make a message of contacts."""
        return cls(b"".join(_CONTACT.pack(*touch) for touch in touches))

    def touches(self) -> list[Touch]:
        """Return the contacts.

        Raises:
            ChannelError: they are incomplete, or too many.
        """
        size = len(self.contacts)
        if size % _CONTACT.size or size > CONTACTS_MAX * _CONTACT.size:
            raise ChannelError(f"there are no contacts in {size} bytes")
        return [Touch(*fields) for fields in _CONTACT.iter_unpack(self.contacts)]


@dataclass(frozen=True, slots=True)
class Touchable(Message):
    """True if the server accepts touches from now on."""

    TYPE: ClassVar[int] = 116
    accepted: Flag
