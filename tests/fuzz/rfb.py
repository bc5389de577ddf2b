"""Fuzzes the VNC client: cuts make no difference, and a server gets a picture or a refusal."""

from __future__ import annotations

import hashlib
import time
import zlib
from struct import pack

from guacr.errors import GuacrError
from handlers.vnc.rfb import numbers
from handlers.vnc.rfb.client import ClientOptions, RfbClient
from handlers.vnc.rfb.context import COUNT_MAX
from handlers.vnc.rfb.events import (
    CredentialsWanted,
    CursorShape,
    Drawn,
    Event,
    Pictured,
)
from handlers.vnc.rfb.handshake import Credentials
from handlers.vnc.rfb.input import Wait
from handlers.vnc.rfb.pixel_format import pixel_format_of
from tests.fuzz.driver import main
from tests.fuzz.rfb_captures import DEPTHS, captures

CUT_TEXT_MAX = 1 << 16
HOLD_MAX = 0.25
"""Seconds of computing in one step."""
EVENTS_MAX = 20 * COUNT_MAX
"""Events of one step."""
HUGE = 8000, 8000
VERSION = b"RFB 003.008\n"
READY = b"\1\1\0\0\0\0" + pack(">HH16xI", 300, 200, 4) + b"desk"
INDICES = b"\1\1\0\0\0\0" + pack(">HHBBBB12xI", 300, 200, 8, 8, 0, 0, 4) + b"desk"
"""A server with a colour map."""
MESSAGES = [
    b"\2", b"\1\0\0\1\0\2" + bytes(12), b"\3\0\0\0\0\0\0\3abc",
    b"\3\0\0\0\xff\xff\xff\xf8\x1f\0\0\1\0\1\0\0", b"\3\0\0\0\x80\0\0\0x",
    b"\x96", b"\xf8\0\0\0\x80\0\0\3\4ping",
    b"\xff\1\0\1", b"\xff\1\0\2\0\0\0\4wave", b"\xff\1\0\0",
]  # fmt: skip


TILE = zlib.compress(b"\x82\1\2\3\4\5\6\x80\xff\xff\x82" + b"\x81\xfe" * 9 + b"\0\1" * 9)
"""A tile of ZRLE with runs."""


def _update(encoding: int, data: bytes, size: tuple[int, int] = (64, 48)) -> bytes:
    return pack(">BxHHHHHi", 0, 1, 0, 0, *size, encoding) + data


UPDATES = [
    _update(numbers.RRE, pack(">I4xI4H", 1, 7, 1, 2, 3, 4)),
    _update(numbers.CORRE, pack(">I4xI4B", 1, 7, 1, 2, 3, 4)),
    _update(numbers.COPY_RECT, pack(">HH", 5, 6)),
    _update(numbers.ZRLE, pack(">I", len(TILE)) + TILE),
    _update(numbers.TIGHT_PNG, b"\xa0\x10\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"),
    _update(numbers.TIGHT, b"\x40\2\x10" + bytes(16)),
    _update(numbers.X_CURSOR, bytes(6 + 2 * 2 * 16), (16, 16)),
    _update(numbers.ALPHA_CURSOR, bytes(4 + 4 * 4), (2, 2)),
    _update(numbers.VMWARE_CURSOR, bytes(2 + 2 * 4 * 4), (2, 2)),
    _update(numbers.VMWARE_CURSOR, b"\1\0" + bytes(4 * 4), (2, 2)),
    _update(numbers.VMWARE_CURSOR_STATE, b"\0\1", (0, 0)),
    _update(numbers.VMWARE_CURSOR_POSITION, b"", (0, 0)),
    _update(numbers.DESKTOP_NAME, b"\0\0\0\3new", (0, 0)),
    _update(numbers.EXTENDED_DESKTOP_SIZE, b"\1\0\0\0" + bytes(16), (320, 240)),
    _update(numbers.DESKTOP_SIZE, b"", HUGE) + _update(numbers.ZLIB, b"\0\0\1\0", HUGE),
    _update(numbers.QEMU_LED_STATE, b"\7", (0, 0)),
    _update(numbers.QEMU_SOUND, b"", (0, 0)),
]
LOGINS = [
    b"RFB 003.003\n\0\0\0\2" + bytes(20),
    VERSION + b"\1\2" + bytes(16) + b"\0\0\0\1\0\0\0\3bad",
    VERSION + b"\1\x13\0\2\0\2" + pack(">II", 256, 261) + bytes(4) + READY[6:],
    VERSION + b"\1\x1e\0\2\0\x40" + b"\xc5" * 128 + bytes(4) + READY[6:],
    VERSION + b"\1\x71" + b"\x33" * 24 + bytes(4) + READY[6:],
    VERSION + b"\0\0\0\0\x04full",
]
SAMPLES = [
    *(bytes([DEPTHS.index(capture.depth)]) + capture.data for capture in captures()),
    *(bytes([depth]) + VERSION + READY + b"".join(UPDATES + MESSAGES) for depth in range(3)),
    b"\0" + VERSION + INDICES + b"".join(UPDATES + MESSAGES + UPDATES[:4]),
    *(b"\2" + VERSION + READY + message for message in UPDATES + MESSAGES),
    *(b"\2" + login for login in LOGINS),
]


def one_input(data: bytes) -> None:
    """A server that sends `data` after its first byte, which chooses the depth."""
    depth, sent = (data or b"\0")[0], data[1:]
    compare(depth, sent, 1 + sum(data[:2]) % 997)


def compare(depth: int, sent: bytes, step: int) -> None:
    """Receive something whole, and in parts; `depth` may be any number."""
    chosen = DEPTHS[depth % len(DEPTHS)]
    whole = receive(chosen, [sent])
    parts = receive(chosen, [sent[at : at + step] for at in range(0, len(sent), step)])
    assert whole == parts


def receive(depth: int, chunks: list[bytes]) -> list[str]:
    """Return what a client makes of a server's bytes, and its refusal, if there is one."""
    credentials = Credentials()
    options = ClientOptions(pixel_format_of(depth), [], CUT_TEXT_MAX)
    client = RfbClient(options, credentials)
    seen: list[str] = []
    try:
        for chunk in chunks:
            client._input.feed(chunk)
            _step(client, credentials, seen)
            while client.waits_for is not Wait.INPUT:
                _step(client, credentials, seen)
    except GuacrError as error:
        seen += [*map(_described, client._events), str(error)]
    return seen


def _step(client: RfbClient, credentials: Credentials, seen: list[str]) -> None:
    inline = client.waits_for is not Wait.THREAD
    began = time.thread_time()
    events = client.go_on(inline=inline)
    assert not inline or time.thread_time() - began < HOLD_MAX
    assert len(events) <= EVENTS_MAX
    client.take_output()
    for event in events:
        if isinstance(event, CredentialsWanted):
            credentials.username = credentials.password = "x"
        seen.append(_described(event))


def _described(event: Event) -> str:
    """The event with its pixels."""
    if isinstance(event, Drawn):
        assert event.pixels.shape == (event.rect.height, event.rect.width, 4)
        return f"{event.rect} {_digest(event.pixels[..., :3].tobytes())}"
    if isinstance(event, CursorShape):
        return f"{event.rgba.shape} {_digest(event.rgba.tobytes())} {event.hot_x} {event.hot_y}"
    if isinstance(event, Pictured):
        return f"{event.x} {event.y} {_digest(event.image.array[..., :3].tobytes())}"
    return str(event)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


if __name__ == "__main__":
    main(one_input, SAMPLES)
