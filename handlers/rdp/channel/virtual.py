"""Messages about RDP's virtual channels: the clipboard, sound, the microphone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from handlers.rdp.channel.codec import U8, U16, U32, Flag, Message, Name, Part

# ---- from the daemon


@dataclass(frozen=True, slots=True)
class ClipboardTerms(Message):
    """What the clipboard may be; sent before `Start`."""

    TYPE: ClassVar[int] = 32
    limit: U32
    """Maximum bytes of a text in UTF-8."""
    line_ends: Name
    """A value of the parameter normalize-clipboard."""


@dataclass(frozen=True, slots=True)
class ClipboardOffer(Message):
    """A user has copied a text."""

    TYPE: ClassVar[int] = 33


@dataclass(frozen=True, slots=True)
class ClipboardRequest(Message):
    """Get the text of the server's last `ClipboardOffered`."""

    TYPE: ClassVar[int] = 34


@dataclass(frozen=True, slots=True)
class ClipboardGiven(Message):
    """An answer to a `ClipboardWanted`: a part of a user's text in UTF-8."""

    TYPE: ClassVar[int] = 35
    data: Part
    last: Flag


@dataclass(frozen=True, slots=True)
class ClipboardRefused(Message):
    """The other answer to a `ClipboardWanted`: there is no text."""

    TYPE: ClassVar[int] = 36


@dataclass(frozen=True, slots=True)
class Recorded(Message):
    """What a user says, in the format of the last `MicrophoneOpened`."""

    TYPE: ClassVar[int] = 37
    data: Part


# ---- from the worker


@dataclass(frozen=True, slots=True)
class ClipboardOffered(Message):
    """A text has been copied on the server."""

    TYPE: ClassVar[int] = 96


@dataclass(frozen=True, slots=True)
class ClipboardCopied(Message):
    """An answer to a `ClipboardRequest`: a part of the server's text in UTF-8."""

    TYPE: ClassVar[int] = 97
    data: Part
    last: Flag


@dataclass(frozen=True, slots=True)
class ClipboardTooLong(Message):
    """Another answer to a `ClipboardRequest`: the text exceeds the limit. A server that cannot
    provide it is not answered for."""

    TYPE: ClassVar[int] = 98


@dataclass(frozen=True, slots=True)
class ClipboardWanted(Message):
    """The server wants the users' text; answered by one or more `ClipboardGiven`s, or by a
    `ClipboardRefused`."""

    TYPE: ClassVar[int] = 99


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


CLIPBOARD = (ClipboardTerms, ClipboardOffer, ClipboardRequest, ClipboardGiven, ClipboardRefused)
"""What the daemon sends about the clipboard."""
