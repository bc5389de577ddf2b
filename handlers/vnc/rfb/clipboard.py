"""Messages of the extended clipboard (rfbproto.rst, pseudo-encoding 0xC0A1E5CE)."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from handlers.clipboard.images import BITMAP_MAX
from handlers.vnc.rfb import messages

TEXT, HTML, BITMAP = 1 << 0, 1 << 2, 1 << 3
"""The formats that guacr supports; the others are RTF, and files, which are not defined."""
SUPPORTED = TEXT | HTML | BITMAP
FORMATS = (1 << 16) - 1
CAPS, REQUEST, PEEK, NOTIFY, PROVIDE = (1 << bit for bit in range(24, 29))
ACTIONS = CAPS | REQUEST | PEEK | NOTIFY | PROVIDE

STORED_AT = 1 << 18
"""Contents of at least this many bytes are sent uncompressed, so as not to hold the event loop."""
HEAD = 4
"""Bytes of the length before each content."""
HEADERS = 1 << 16
"""Bytes of HTML on a host in addition to those that users get."""


def caps(limit: int) -> bytes:
    """Return a message that allows texts of up to `limit` bytes without a request."""
    sizes = b"".join(size.to_bytes(4, "big") for size in (limit, 0, 0))
    return messages.extended_clipboard(SUPPORTED | ACTIONS, sizes)


def text_limit(data: bytes) -> int:
    """Return the limit for text in the server's `caps`: the first one, as text is bit 0."""
    return int.from_bytes(data[:4], "big")


def encoded_text(text: str) -> bytes:
    """Return a text as a message contains it: with CR LF, and a NUL at the end."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode() + b"\0"


def provide(contents: Mapping[int, bytes]) -> bytes:
    """Return a message with contents by their formats."""
    data = b"".join(
        len(contents[kind]).to_bytes(4, "big") + contents[kind] for kind in sorted(contents)
    )
    stream = zlib.compressobj(1 if len(data) < STORED_AT else 0)
    compressed = stream.compress(data)
    # libvncserver 0.9.14 closes the connection if the stream ends.
    compressed += stream.flush(zlib.Z_SYNC_FLUSH)
    return messages.extended_clipboard(PROVIDE | sum(contents), compressed)


def provided(flags: int, data: bytes, limit: int) -> dict[int, bytes]:
    """Return what the server's `provide` contains by its formats: text in UTF-8 with LF, HTML and
    bitmaps as Windows has them. What follows something invalid or too long is left out; `limit` are
    the bytes of a text."""
    # each LF may have become two bytes, and a NUL follows
    limits = {TEXT: 2 * limit + 1, HTML: limit + HEADERS, BITMAP: BITMAP_MAX}
    stream, found = zlib.decompressobj(), dict[int, bytes]()
    for kind in (1 << bit for bit in range(16) if flags & 1 << bit):
        try:
            head = stream.decompress(data, HEAD)
            size = int.from_bytes(head, "big")
            if len(head) < HEAD or size > limits.get(kind, limit):
                break
            content = stream.decompress(stream.unconsumed_tail, size) if size else b""
        except zlib.error:
            break
        data = stream.unconsumed_tail
        if len(content) != size:
            break
        if kind == TEXT:
            content = content.split(b"\0", 1)[0].replace(b"\r\n", b"\n")
            if len(content) > limit:
                continue
        if kind & SUPPORTED:
            found[kind] = content
    return found
