"""Messages about sound and the microphone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from handlers.rdp.channel.codec import U8, U16, U32, Message, Part

# ---- from the daemon


@dataclass(frozen=True, slots=True)
class Recorded(Message):
    """The speech of a user, in the format of the last `MicrophoneOpened`."""

    TYPE: ClassVar[int] = 37
    data: Part


# ---- from the worker


@dataclass(frozen=True, slots=True)
class SoundBegun(Message):
    """The server begins to play samples of 16 bits: samples per second of each channel, and the
    number of channels."""

    TYPE: ClassVar[int] = 100
    rate: U32
    channels: U8


@dataclass(frozen=True, slots=True)
class SoundVolume(Message):
    """The volume of each channel, at most 0xFFFF."""

    TYPE: ClassVar[int] = 101
    left: U16
    right: U16


@dataclass(frozen=True, slots=True)
class Sounded(Message):
    """Samples, with those of all channels interleaved, little-endian."""

    TYPE: ClassVar[int] = 102
    data: Part


@dataclass(frozen=True, slots=True)
class SoundEnded(Message):
    """The server plays nothing any more."""

    TYPE: ClassVar[int] = 103


@dataclass(frozen=True, slots=True)
class Beeped(Message):
    """The server's bell has rung (MS-RDPBCGR 2.2.9.1.1.5)."""

    TYPE: ClassVar[int] = 104


@dataclass(frozen=True, slots=True)
class MicrophoneOpened(Message):
    """The server begins to record samples of 16 bits: samples per second of each channel, and the
    number of channels."""

    TYPE: ClassVar[int] = 105
    rate: U32
    channels: U8


@dataclass(frozen=True, slots=True)
class MicrophoneClosed(Message):
    """The server records no longer."""

    TYPE: ClassVar[int] = 106
