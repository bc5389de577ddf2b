"""Messages of the extended clipboard (rfbproto.rst, pseudo-encoding 0xC0A1E5CE), only for text."""

from __future__ import annotations

import zlib

from handlers.vnc.rfb import messages

TEXT = 1 << 0
"""The format that guacr supports; the others are RTF, HTML, bitmaps and files."""
CAPS, REQUEST, PEEK, NOTIFY, PROVIDE = (1 << bit for bit in range(24, 29))
ACTIONS = CAPS | REQUEST | PEEK | NOTIFY | PROVIDE

STORED_AT = 1 << 18
"""Texts of at least this many bytes are sent uncompressed, so as not to hold the event loop."""


def caps(limit: int) -> bytes:
    """Return a message that allows texts of up to `limit` bytes without a request."""
    return messages.extended_clipboard(TEXT | ACTIONS, limit.to_bytes(4, "big"))


def text_limit(data: bytes) -> int:
    """Return the limit for text in the server's `caps`: the first one, as text is bit 0."""
    return int.from_bytes(data[:4], "big")


def provide(text: str) -> bytes:
    """Return a message with a text."""
    data = text.replace("\r\n", "\n").replace("\n", "\r\n").encode() + b"\0"
    stream = zlib.compressobj(1 if len(data) < STORED_AT else 0)
    compressed = stream.compress(len(data).to_bytes(4, "big") + data)
    # libvncserver 0.9.14 closes the connection if the stream ends.
    compressed += stream.flush(zlib.Z_SYNC_FLUSH)
    return messages.extended_clipboard(PROVIDE | TEXT, compressed)


def provided(data: bytes, limit: int) -> bytes | None:
    """Return the text of the server's `provide` in UTF-8 with LF, or None if it is invalid or
    longer than `limit` bytes."""
    # each LF may have become two bytes, and a NUL follows
    most = 2 * limit + 1
    stream = zlib.decompressobj()
    try:
        size = int.from_bytes(stream.decompress(data, 4), "big")
        if not 0 < size <= most:
            return None if size else b""
        whole = stream.decompress(stream.unconsumed_tail, size)
    except zlib.error:
        return None
    text = whole.split(b"\0", 1)[0].replace(b"\r\n", b"\n")
    return text if len(whole) == size and len(text) <= limit else None
