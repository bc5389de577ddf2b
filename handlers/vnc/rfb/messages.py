"""The client's messages after the handshake (RFC 6143, 7.5, and rfbproto.rst)."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from handlers.vnc.rfb.pixel_format import PixelFormat

_UPDATE = Struct(">BBHHHH")
_KEY = Struct(">BB2xI")
_POINTER = Struct(">BBHH")
_CUT_TEXT = Struct(">B3xi")
_SIZE = Struct(">BxHHBx")
_SCREEN = Struct(">IHHHHI")
_FENCE = Struct(">B3xIB")
_SOUND, _SOUND_FORMAT = Struct(">BBH"), Struct(">BBHBBI")
_QEMU_KEY = Struct(">BBHII")


def set_pixel_format(pixel_format: PixelFormat) -> bytes:
    """Request pixels in a format."""
    return b"\0\0\0\0" + pixel_format.encode()


def set_encodings(encodings: Sequence[int]) -> bytes:
    """Announce the supported encodings, the preferred ones first."""
    numbers = Struct(f">{len(encodings)}i").pack(*encodings)
    return Struct(">BxH").pack(2, len(encodings)) + numbers


def request_update(width: int, height: int, x: int = 0, y: int = 0, *, incremental: bool) -> bytes:
    """Request a rectangle of the desktop, or only its changes."""
    return _UPDATE.pack(3, incremental, x, y, width, height)


def enable_continuous_updates(width: int, height: int) -> bytes:
    """Return a request for all updates of a desktop from now on."""
    return _UPDATE.pack(150, True, 0, 0, width, height)


def key(keysym: int, pressed: bool) -> bytes:
    """Press or release a key."""
    return _KEY.pack(4, pressed, keysym)


def extended_key(keysym: int, keycode: int, pressed: bool) -> bytes:
    """Press or release a key, with its position on the keyboard (QEMU's extension)."""
    return _QEMU_KEY.pack(255, 0, pressed, keysym, keycode)


def request_sound(channels: int, rate: int) -> bytes:
    """Request what the host plays, in signed samples of 16 bits, little-endian (QEMU's
    extension)."""
    signed_16_bits = 3
    layout = _SOUND_FORMAT.pack(255, 1, 2, signed_16_bits, channels, rate)
    return layout + _SOUND.pack(255, 1, 0)


def pointer(x: int, y: int, buttons: int, *, extended: bool) -> bytes:
    """Move the pointer to (x, y), with a mask of the buttons that are down.

    Those beyond the seventh are sent only if the server supports `extended` messages
    (ExtendedMouseButtons). The highest bit marks these. It is clear in all others, because the
    server may understand it before it has said so.
    """
    lower, higher = buttons & 0x7F, buttons >> 7
    if extended and higher:
        return _POINTER.pack(5, 0x80 | lower, x, y) + bytes([higher])
    return _POINTER.pack(5, lower, x, y)


def cut_text(text: bytes) -> bytes:
    """Send a clipboard."""
    return _CUT_TEXT.pack(6, len(text)) + text


def extended_clipboard(flags: int, data: bytes = b"") -> bytes:
    """Send a message of the extended clipboard."""
    return _CUT_TEXT.pack(6, -(4 + len(data))) + flags.to_bytes(4, "big") + data


def set_desktop_size(width: int, height: int, screen: bytes) -> bytes:
    """Request one screen of this size; `screen` is the first one of the server, whose id and flags
    are repeated."""
    number, _, _, _, _, flags = _SCREEN.unpack(screen) if screen else (0, 0, 0, 0, 0, 0)
    return _SIZE.pack(251, width, height, 1) + _SCREEN.pack(number, 0, 0, width, height, flags)


def fence(flags: int, payload: bytes) -> bytes:
    """Answer a fence, or request an answer."""
    return _FENCE.pack(248, flags, len(payload)) + payload


def block_local_input() -> bytes:
    """Make the server ignore its own keyboard and pointer (UltraVNC's SetServerInput)."""
    return b"\x09\1\0\0"
