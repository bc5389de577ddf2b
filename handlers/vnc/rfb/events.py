"""A server's messages, as events for the rest of guacr."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from guacr.api import Array8, EncodedImage, Rect


@dataclass(frozen=True, slots=True)
class CredentialsWanted:
    """The server requires a user name, a password or both; they are put into the `Credentials`."""

    username: bool
    password: bool


@dataclass(frozen=True, slots=True)
class TlsWanted:
    """The connection must be encrypted before anything else is read; `RfbClient.go_on` follows.

    `anonymous` servers have no certificate.
    """

    anonymous: bool


@dataclass(frozen=True, slots=True)
class KeyShown:
    """The server has shown its RSA key: SHA-256 of its DER form, in hexadecimal digits. Nothing
    secret is sent before `RfbClient.go_on`."""

    fingerprint: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The handshake is over."""

    width: int
    height: int
    name: str
    layout: bytes
    """The server's own pixel format, as it sent it."""


@dataclass(frozen=True, slots=True)
class Recoloured:
    """The colours of pixels that have been drawn have changed: the server must send them again."""


@dataclass(frozen=True, slots=True)
class UpdateBegun:
    """The drawing that follows belongs together until `UpdateEnded`."""


@dataclass(frozen=True, slots=True)
class UpdateEnded:
    """The picture is complete."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Pixels: (rect.height, rect.width, 4) of blue, green, red and a byte of any value."""

    rect: Rect
    pixels: Array8
    clean: bool = False
    """True if that byte is 0 everywhere."""


@dataclass(frozen=True, slots=True)
class Filled:
    """One colour: red, green, blue."""

    rect: Rect
    colour: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Copied:
    """Pixels that have moved to (x, y)."""

    source: Rect
    x: int
    y: int


@dataclass(frozen=True, slots=True, eq=False)
class Pictured:
    """A JPEG or PNG at (x, y)."""

    x: int
    y: int
    image: EncodedImage


@dataclass(frozen=True, slots=True)
class Resized:
    """The desktop has a new size."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class ResizeAnswered:
    """The server has answered a SetDesktopSize of this client: 0 if it has changed the size."""

    result: int


@dataclass(frozen=True, slots=True)
class Screens:
    """The server's screens, as it sent them; their size can be changed."""

    layout: bytes


@dataclass(frozen=True, slots=True, eq=False)
class CursorShape:
    """The pointer's picture: (height, width, 4) of red, green, blue, alpha; empty if hidden."""

    rgba: Array8
    hot_x: int
    hot_y: int


@dataclass(frozen=True, slots=True)
class PointerMoved:
    """The host has moved the pointer."""

    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Named:
    """The desktop has a new name."""

    name: str


@dataclass(frozen=True, slots=True)
class Beeped:
    """The host beeps."""


@dataclass(frozen=True, slots=True)
class CutText:
    """The host's clipboard, in the connection's `clipboard-encoding`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ExtendedClipboard:
    """A message of the extended clipboard: its flags, and the data that follows."""

    flags: int
    data: bytes = b""
    contents: Mapping[int, bytes] = field(default_factory=dict)
    """The contents that the message provides, by their formats: text in UTF-8 with LF."""


@dataclass(frozen=True, slots=True)
class Supported:
    """The server supports an extension, identified by its pseudo-encoding."""

    encoding: int


@dataclass(frozen=True, slots=True)
class SoundBegun:
    """The host begins to play."""


@dataclass(frozen=True, slots=True)
class Sounded:
    """A part of what the host plays, in the format that was requested."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SoundEnded:
    """The host stops playing."""


@dataclass(frozen=True, slots=True)
class UpdatesStopped:
    """The server sends updates only on request again."""


@dataclass(frozen=True, slots=True)
class Leds:
    """The lock keys that are on: bit 0 for Scroll Lock, 1 for Num Lock, 2 for Caps Lock."""

    state: int


@dataclass(frozen=True, slots=True)
class Fence:
    """The server requests an echo once everything before it has been processed."""

    flags: int
    payload: bytes


Event = (
    CredentialsWanted
    | TlsWanted
    | KeyShown
    | Ready
    | Recoloured
    | UpdateBegun
    | UpdateEnded
    | Drawn
    | Filled
    | Copied
    | Pictured
    | Resized
    | ResizeAnswered
    | Screens
    | CursorShape
    | PointerMoved
    | Named
    | Beeped
    | CutText
    | ExtendedClipboard
    | Supported
    | UpdatesStopped
    | SoundBegun
    | Sounded
    | SoundEnded
    | Leds
    | Fence
)
