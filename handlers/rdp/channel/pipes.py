"""Messages about static channels, whose contents the daemon reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from handlers.rdp.channel.codec import U32, Flag, Message, Name, Part

WINDOW = 1 << 18
"""The cost of `PipeReceived`s from which on the worker waits for a `PipeTaken`."""
OVERHEAD = 64
"""Bytes that each message costs besides its data."""


@dataclass(frozen=True, slots=True)
class PipeOffer(Message):
    """Offer a channel to the server; sent before `Start`."""

    TYPE: ClassVar[int] = 48
    name: Name
    shows_protocol: Flag
    """True if the server wants to see the headers of the parts of messages (MS-RDPBCGR
    2.2.1.3.4.1)."""


@dataclass(frozen=True, slots=True)
class PipeGiven(Message):
    """A message for the server, or a part of a long one."""

    TYPE: ClassVar[int] = 49
    name: Name
    data: Part
    last: Flag


@dataclass(frozen=True, slots=True)
class PipeTaken(Message):
    """Messages of this cost have been processed."""

    TYPE: ClassVar[int] = 50
    size: U32


@dataclass(frozen=True, slots=True)
class PipeOpened(Message):
    """A channel can be written to."""

    TYPE: ClassVar[int] = 112
    name: Name


@dataclass(frozen=True, slots=True)
class PipeReceived(Message):
    """A message of the server, or a part of a long one."""

    TYPE: ClassVar[int] = 113
    name: Name
    data: Part
    last: Flag

    @property
    def cost(self) -> int:
        """The bytes for which it counts: a host may send many without data."""
        return len(self.data) + OVERHEAD


@dataclass(frozen=True, slots=True)
class PipeWritten(Message):
    """The oldest message of a channel for which this was not said has been sent."""

    TYPE: ClassVar[int] = 114
    name: Name
