"""The messages between the daemon and a worker.

A worker shows one desktop. It receives settings and a `Start`, and answers with `Connected` and
what follows, or with `Ended`. The pixels are in shared memory (`handlers.rdp.channel.memory`).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from handlers.rdp.channel.codec import (
    U8,
    U16,
    U32,
    Block,
    ChannelError,
    Flag,
    Message,
    Name,
    Text,
)
from handlers.rdp.channel.pipes import (
    PipeGiven,
    PipeOffer,
    PipeOpened,
    PipeReceived,
    PipeTaken,
    PipeWritten,
)
from handlers.rdp.channel.redirection import Redirected
from handlers.rdp.channel.touch import Touchable, TouchFrame
from handlers.rdp.channel.virtual import (
    Beeped,
    MicrophoneClosed,
    MicrophoneOpened,
    Recorded,
    SoundBegun,
    Sounded,
    SoundEnded,
    SoundVolume,
)

CURSOR_SIDE_MAX = 384
"""Pixels of a side of a cursor, as MS-RDPBCGR 2.2.9.1.1.4.4 to 2.2.9.1.2.1.11 allow."""
BUTTONS, EXTENDED_BUTTONS, BUTTON_DOWN = 0x7000, 0x0003, 0x8000
"""Flags of a `Mouse`: the buttons, and that they are pressed and not released."""
RECTS_MAX = 64
"""Rectangles of one `Painted`."""
NOT_OFFERED = 0
"""The result of a server without RemoteApps."""
_NUMBERS = 4
"""Numbers of a rectangle: x, y, width, height."""

# ---- from the daemon


@dataclass(frozen=True, slots=True)
class Setting(Message):
    """A setting of FreeRDP by its name, without the prefix `FreeRDP_`."""

    TYPE: ClassVar[int] = 1
    name: Name
    value: Text


@dataclass(frozen=True, slots=True)
class BinarySetting(Message):
    """A setting of FreeRDP that is a block of bytes, with a setting for its length."""

    TYPE: ClassVar[int] = 2
    name: Name
    value: Block


@dataclass(frozen=True, slots=True)
class Start(Message):
    """All settings have been sent: connect."""

    TYPE: ClassVar[int] = 3
    hostname: Text
    """The name that the server's credentials are bound to."""
    timezone: Name
    """An IANA name; empty for UTC."""
    asks: Flag
    """True if the connection ends with `CredentialsWanted` when the server wants some that are
    missing."""


@dataclass(frozen=True, slots=True)
class CertificateVerdict(Message):
    """The answer to a `Certificate`."""

    TYPE: ClassVar[int] = 4
    accepted: Flag


@dataclass(frozen=True, slots=True)
class Scancode(Message):
    """A key at a position of the keyboard, in scan code set 1 without its prefix E0."""

    TYPE: ClassVar[int] = 6
    code: U8
    extended: Flag
    pressed: Flag


@dataclass(frozen=True, slots=True)
class UnicodeKey(Message):
    """A key for a UTF-16 code unit."""

    TYPE: ClassVar[int] = 7
    unit: U16
    pressed: Flag


@dataclass(frozen=True, slots=True)
class Locks(Message):
    """The lock keys that are on: 1 Scroll, 2 Num, 4 Caps, 8 Kana."""

    TYPE: ClassVar[int] = 8
    flags: U8


@dataclass(frozen=True, slots=True)
class Mouse(Message):
    """A pointer event with the flags of MS-RDPBCGR 2.2.8.1.1.3.1.1.3, or, if `extended`, of
    2.2.8.1.1.3.1.1.4."""

    TYPE: ClassVar[int] = 9
    extended: Flag
    flags: U16
    x: U16
    y: U16


def is_release(message: Message) -> bool:
    """Return whether a message releases a key or a button, which nothing else will release."""
    match message:
        case Scancode() | UnicodeKey():
            return not message.pressed
        case Mouse():
            buttons = EXTENDED_BUTTONS if message.extended else BUTTONS
            return bool(message.flags & buttons) and not message.flags & BUTTON_DOWN
    return False


@dataclass(frozen=True, slots=True)
class Layout(Message):
    """The size of the desktop: pixels, millimetres and scale factors in percent. Before a `Start`,
    it has the connection begin with several monitors (MS-RDPBCGR 2.2.1.3.6); later it is a request
    for another size (MS-RDPEDISP 2.2.2.2.1)."""

    TYPE: ClassVar[int] = 10
    width: U32
    height: U32
    physical_width: U32
    physical_height: U32
    desktop_scale: U32
    device_scale: U32
    monitors: U8
    """Among them the desktop is divided, from left to right; the first is the primary one."""

    def columns(self) -> range:
        """Return the left edges of the monitors."""
        return range(0, self.width, self.width // self.monitors)


@dataclass(frozen=True, slots=True)
class PauseKey(Message):
    """Pause is pressed and released."""

    TYPE: ClassVar[int] = 12


@dataclass(frozen=True, slots=True)
class Stop(Message):
    """Disconnect, and end the process."""

    TYPE: ClassVar[int] = 11


# ---- from the worker


@dataclass(frozen=True, slots=True)
class Certificate(Message):
    """The server's certificate in PEM, or more than one; answered by a `CertificateVerdict`."""

    TYPE: ClassVar[int] = 64
    pem: Block


@dataclass(frozen=True, slots=True)
class CredentialsWanted(Message):
    """The server wants credentials, and some are missing: the connection ends, because no server
    waits for as long as a person may take to enter them."""

    TYPE: ClassVar[int] = 65


@dataclass(frozen=True, slots=True)
class Connected(Message):
    """The desktop is about to be shown."""

    TYPE: ClassVar[int] = 66


@dataclass(frozen=True, slots=True)
class Sized(Message):
    """The size of the desktop, whose rows follow each other in the shared memory."""

    TYPE: ClassVar[int] = 67
    width: U16
    height: U16


@dataclass(frozen=True, slots=True)
class Painted(Message):
    """The parts of the desktop that have changed; `count` is that of the header of the shared
    memory at the end of the change."""

    TYPE: ClassVar[int] = 68
    count: U32
    rects: Block

    @classmethod
    def of(cls, count: int, rects: Sequence[tuple[int, int, int, int]]) -> Painted:
        """Make a message of rectangles: x, y, width, height."""
        numbers = array("H", [number for rect in rects for number in rect])
        return cls(count, numbers.tobytes())

    def parts(self) -> list[tuple[int, int, int, int]]:
        """Return the rectangles.

        Raises:
            ChannelError: they are incomplete, or too many.
        """
        size = _NUMBERS * array("H").itemsize
        if len(self.rects) % size or len(self.rects) > RECTS_MAX * size:
            raise ChannelError(f"there are no rectangles in {len(self.rects)} bytes")
        numbers = iter(array("H", self.rects))
        return list(zip(numbers, numbers, numbers, numbers, strict=True))


@dataclass(frozen=True, slots=True)
class CursorShape(Message):
    """The pointer's picture: rows of red, green, blue and alpha; empty if it is hidden."""

    TYPE: ClassVar[int] = 69
    width: U16
    height: U16
    hot_x: U16
    hot_y: U16
    rgba: Block


@dataclass(frozen=True, slots=True)
class CursorDefault(Message):
    """The pointer has the form of the user's system."""

    TYPE: ClassVar[int] = 70


@dataclass(frozen=True, slots=True)
class CursorMoved(Message):
    """The server has moved the pointer."""

    TYPE: ClassVar[int] = 71
    x: U16
    y: U16


@dataclass(frozen=True, slots=True)
class Resizable(Message):
    """The server accepts `Layout`s of up to so many monitors and pixels (MS-RDPEDISP 2.2.2.1)."""

    TYPE: ClassVar[int] = 72
    monitors: U32
    factor_a: U32
    factor_b: U32
    """The pixels of all monitors together are at most the product of the three numbers; some hosts
    state none."""

    @property
    def area(self) -> int:
        """The maximum number of pixels; 0 if it is not stated."""
        return self.monitors * self.factor_a * self.factor_b


@dataclass(frozen=True, slots=True)
class Indicators(Message):
    """The lock keys that are on at the server, as in `Locks`."""

    TYPE: ClassVar[int] = 73
    flags: U8


@dataclass(frozen=True, slots=True)
class LoggedOn(Message):
    """A user has logged on (MS-RDPBCGR 2.2.10.1)."""

    TYPE: ClassVar[int] = 74


@dataclass(frozen=True, slots=True)
class LogonNoted(Message):
    """The server reports what happens to a logon (MS-RDPBCGR 2.2.10.1.1.4.1.1)."""

    TYPE: ClassVar[int] = 79
    kind: U32
    """The type of the notification."""
    data: U32
    """Why the logon has failed, or the number of a session."""


@dataclass(frozen=True, slots=True)
class RemoteAppRefused(Message):
    """The server has not started the program."""

    TYPE: ClassVar[int] = 78
    result: U16
    """Its reason (MS-RDPERP 2.2.2.3.2), or `NOT_OFFERED`."""


@dataclass(frozen=True, slots=True)
class Ended(Message):
    """The connection has ended, or has not come about; the last message."""

    TYPE: ClassVar[int] = 75
    error: Name
    """The name of FreeRDP's error, such as ERRCONNECT_LOGON_FAILURE or ERRINFO_IDLE_TIMEOUT; empty
    if there is none."""
    tls: Flag
    """True if TLS has been set up."""
    protocol: U32
    """The security protocol that the server has chosen (MS-RDPBCGR 2.2.1.2.1)."""


@dataclass(frozen=True, slots=True)
class Remark(Message):
    """Something for the log, from guacr's own code in the worker."""

    TYPE: ClassVar[int] = 76
    text: Text
    is_error: Flag = False
    """True for an error of that code."""


TO_WORKER: tuple[type[Message], ...] = (
    Setting,
    BinarySetting,
    Start,
    CertificateVerdict,
    Scancode,
    UnicodeKey,
    Locks,
    PauseKey,
    Mouse,
    Layout,
    Stop,
    Recorded,
    PipeOffer,
    PipeGiven,
    PipeTaken,
    TouchFrame,
)
FROM_WORKER: tuple[type[Message], ...] = (
    Certificate,
    CredentialsWanted,
    Connected,
    Sized,
    Painted,
    CursorShape,
    CursorDefault,
    CursorMoved,
    Resizable,
    Indicators,
    LoggedOn,
    LogonNoted,
    Redirected,
    RemoteAppRefused,
    Ended,
    Remark,
    SoundBegun,
    SoundVolume,
    Sounded,
    SoundEnded,
    Beeped,
    MicrophoneOpened,
    MicrophoneClosed,
    PipeOpened,
    PipeReceived,
    PipeWritten,
    Touchable,
)
