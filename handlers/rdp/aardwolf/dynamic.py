"""Dynamic channels (MS-RDPEDYC), of which there is one: that for sizes (MS-RDPEDISP)."""

from __future__ import annotations

import struct
from collections.abc import Callable

from handlers.rdp.aardwolf.errors import invalid
from handlers.rdp.aardwolf.reading import Reader
from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import Layout, Resizable

CHANNEL = "drdynvc"
SIZES = b"Microsoft::Windows::RDS::DisplayControl"
MESSAGE_MAX = 1 << 13
"""Bytes of a message; longer ones do not matter here."""
_CREATE, _DATA, _CLOSE, _CAPABILITIES = 1, 3, 4, 5
"""Commands."""
_VERSION_MAX = 3
_DONE, _NO_LISTENER = 0, 0xC0000001
_CAPS, _LAYOUT = 5, 2
"""Types of messages about sizes."""
_PRIMARY, _MONITOR_SIZE = 1, 40


class DynamicChannels:
    """The dynamic channels of one client.

    Args:
        send: sends a message on their static channel.
        notify: sends a message to the daemon.
    """

    def __init__(self, send: Callable[[bytes], None], notify: Callable[[Message], None]) -> None:
        self._send = send
        self._notify = notify
        self._is_continued = False
        """True if the next piece belongs to a message that is too long."""
        self._sizes: int | None = None
        """The channel for sizes."""

    def receive(self, message: bytes, is_last: bool) -> None:
        """Handle a message of the server, unless it is a piece of a longer one."""
        is_piece, self._is_continued = self._is_continued or not is_last, not is_last
        if is_piece:
            return
        reader = Reader(message)
        head = reader.u8()
        command = head >> 4
        if command == _CAPABILITIES:
            reader.u8()
            version = min(reader.u16(), _VERSION_MAX)
            self._send(struct.pack("<BBH", _CAPABILITIES << 4, 0, version))
            return
        channel = _number(reader, head & 3)
        if command == _CREATE:
            name = reader.rest().partition(b"\0")[0]
            if name == SIZES:
                self._sizes = channel
            status = _DONE if name == SIZES else _NO_LISTENER
            self._send(_head(_CREATE, channel) + struct.pack("<I", status))
        elif command == _CLOSE:
            if channel == self._sizes:
                self._sizes = None
            self._send(_head(_CLOSE, channel))
        elif command == _DATA and channel == self._sizes and reader.u32() == _CAPS:
            reader.u32()
            self._notify(Resizable(reader.u32(), reader.u32(), reader.u32()))

    def request(self, layout: Layout) -> None:
        """Ask for a size."""
        if self._sizes is None:
            return
        count, width = layout.monitors, layout.width // layout.monitors
        rest = (
            *(width, layout.height, layout.physical_width // count, layout.physical_height, 0),
            *(layout.desktop_scale, layout.device_scale),
        )
        monitors = b"".join(
            struct.pack("<IiiIIIIIII", 0 if left else _PRIMARY, left, 0, *rest)
            for left in layout.columns()
        )
        body = struct.pack("<II", _MONITOR_SIZE, count) + monitors
        head = struct.pack("<II", _LAYOUT, 8 + len(body))
        self._send(_head(_DATA, self._sizes) + head + body)


def _number(reader: Reader, size: int) -> int:
    if size == 3:
        raise invalid("a dynamic channel has no number")
    return (reader.u8, reader.u16, reader.u32)[size]()


def _head(command: int, channel: int) -> bytes:
    """Return a header, which contains the number in four bytes."""
    return struct.pack("<BI", command << 4 | 2, channel)
