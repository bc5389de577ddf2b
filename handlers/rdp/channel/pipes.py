"""Messages about static channels that users see as named pipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from handlers.rdp.channel.codec import U32, Message, Name, Part

WINDOW = 1 << 18
"""Bytes of `PipeReceived`s from which on the worker waits for a `PipeTaken`."""


@dataclass(frozen=True, slots=True)
class PipeOffer(Message):
    """Offer a channel to the server; sent before `Start`."""

    TYPE: ClassVar[int] = 48
    name: Name


@dataclass(frozen=True, slots=True)
class PipeGiven(Message):
    """A user's message for the server."""

    TYPE: ClassVar[int] = 49
    name: Name
    data: Part


@dataclass(frozen=True, slots=True)
class PipeTaken(Message):
    """So many bytes have been passed on to the users."""

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


@dataclass(frozen=True, slots=True)
class PipeWritten(Message):
    """The oldest `PipeGiven` of a channel for which this was not said has been sent."""

    TYPE: ClassVar[int] = 114
    name: Name
