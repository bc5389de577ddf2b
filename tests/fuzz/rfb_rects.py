"""Fuzzes rectangles of the VNC client whose data are compressed, so that a change reaches what is
inside."""

from __future__ import annotations

import zlib
from struct import pack

from handlers.vnc.rfb import numbers
from tests.fuzz.driver import main
from tests.fuzz.rfb import READY, VERSION, compare

ENCODINGS = (numbers.ZRLE, numbers.ZLIB, numbers.TIGHT, numbers.HEXTILE, numbers.RRE)
HEAD = 4
"""Bytes of an input before its payload: depth, encoding, width and height less one."""
SAMPLES = [
    b"\2\0\x47\x43" + b"\1\5\5\5" + b"\x80\1\2\3\xff\xff\x01" + b"\x80\1\2\3\x03" * 99,
    b"\2\0\x0f\x0f" + b"\x82\1\2\3\4\5\6\x80\xff\1",
    b"\2\0\x0f\x0f" + b"\x04" + bytes(range(12)) + b"\x1b" * 64,
    b"\1\0\x0f\x0f" + b"\x02abcd" + b"\x55\xaa" * 16,
    b"\0\0\x05\x05" + b"\x82ab" + b"\x81\x05\x80\x1d",
    b"\0\0\x05\x05" + b"\x80a\x10b\x12",
    b"\2\1\x09\x09" + bytes(400),
    b"\2\2\x09\x09" + b"\1\3" + bytes(range(12)) + b"\0\1\2\3" * 25,
    b"\2\2\x09\x09" + b"\1\1" + bytes(range(6)) + b"\x5a\x40" * 10,
    b"\2\2\x09\x09" + b"\2\x10\x20\x30" + bytes(range(99)) * 3,
    b"\1\2\x09\x09" + b"\0" + bytes(200),
    b"\2\3\x14\x14"
    + b"\x0e\1\2\3\4\5\6\7\x08\2\x00\x00\x11\x11"
    + b"\x1a\2abcd\0\x11abcd\x22\x33\0\0",
    b"\1\3\x05\x05" + b"\1" + bytes(72),
    b"\2\4\x1f\x1f" + pack(">I4x", 2) + b"abcd" + pack(">4H", 1, 2, 3, 4) * 2,
]


def one_input(data: bytes) -> None:
    """A server that sends the rectangle of an input twice."""
    depth, kind, width, height = data[:HEAD].ljust(HEAD, b"\0")
    encoding = ENCODINGS[kind % len(ENCODINGS)]
    rect = pack(">HHHHi", 3, 4, width + 1, height + 1, encoding)
    compressor = zlib.compressobj(1)
    rects = b"".join(rect + _wrapped(encoding, data[HEAD:], compressor) for _ in range(2))
    compare(depth, VERSION + READY + b"\0\0\0\2" + rects, 1 + sum(data) % 97)


def _wrapped(encoding: int, payload: bytes, compressor: zlib._Compress) -> bytes:
    if encoding in (numbers.HEXTILE, numbers.RRE):
        return payload
    head = b""
    if encoding == numbers.TIGHT:
        control, payload = payload[:1] or b"\0", payload[1:]
        head, payload = b"\x40" + control, payload
        if control == b"\1":
            size = 1 + 3 * (payload[0] + 1) if payload else 0
            head, payload = head + payload[:size], payload[size:]
    data = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    if encoding != numbers.TIGHT:
        return pack(">I", len(data)) + data
    size = len(data)
    return head + bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 255]) + data


if __name__ == "__main__":
    main(one_input, SAMPLES)
