"""Fuzzes what the daemon makes of a worker's bytes: cuts make no difference, messages can be
written again, and a desktop that shows them only has errors that end the session."""

from __future__ import annotations

import mmap
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from guacr.budget import Budget
from guacr.display.display import Display
from guacr.errors import GuacrError
from handlers.rdp.channel.codec import ChannelError, Message, Parser
from handlers.rdp.channel.memory import BYTES, SIDE_MAX
from handlers.rdp.channel.messages import (
    CURSOR_SIDE_MAX,
    FROM_WORKER,
    Certificate,
    Connected,
    CredentialsWanted,
    CursorDefault,
    CursorMoved,
    CursorShape,
    Ended,
    Indicators,
    LoggedOn,
    LogonNoted,
    Painted,
    Remark,
    RemoteAppRefused,
    Resizable,
    Sized,
)
from handlers.rdp.channel.redirection import Redirected
from handlers.rdp.channel.touch import Touchable
from handlers.rdp.desktop import Desktop
from handlers.rdp.login import Login
from handlers.rdp.options import geometry_of, settings_of
from handlers.rdp.params import RdpParams
from handlers.rdp.redirection import check_address, redirection_of
from handlers.rdp.touch import Touches
from tests.fuzz.driver import main

PIXELS = memoryview(mmap.mmap(-1, SIDE_MAX * SIDE_MAX * BYTES))
"""Of all inputs; nothing is written to them, so that they take no memory."""
PARAMS = RdpParams.parse({"hostname": "broker.example"})
LOGIN, GEOMETRY = Login.of(PARAMS), geometry_of(PARAMS, 640, 480, 96)
BUDGET = 64 << 20
"""Bytes of the pictures of one input."""


def _of(*messages: Message) -> bytes:
    return b"".join(message.encode() for message in messages)


SAMPLES = [
    _of(Certificate(b"-----BEGIN CERTIFICATE-----\n"), Connected(), Sized(64, 48), LoggedOn()),
    _of(LogonNoted(0xFFFFFFFE, 0)),
    _of(Sized(64, 48), Painted.of(1, [(0, 0, 64, 48), (1, 2, 3, 4)]), Painted.of(2, [])),
    _of(CursorShape(2, 2, 1, 1, bytes(range(16))), CursorShape(0, 0, 0, 0, b""), CursorDefault()),
    _of(
        Sized(8192, 1), CursorMoved(5, 5), Resizable(16, 3840, 2400), Indicators(2), Remark("näme")
    ),
    _of(Remark("ZeroDivisionError", is_error=True)),
    _of(Sized(9, 9), CursorShape(400, 1, 0, 0, bytes(1600))),
    _of(Sized(9, 9), CursorShape(2, 2, 9, 65535, b"\xff" * 16)),
    _of(Sized(9, 9), Touchable(True), Touchable(False)),
    _of(
        Redirected(
            0x4B, "a", "192.0.2.1", "A", "::1", b"msts=1", "u", "d", b"p\0\0\0", b"", b"", False
        )
    ),
    _of(RemoteAppRefused(3), CredentialsWanted(), Ended("ERRCONNECT_LOGON_FAILURE", True, 2)),
]


def one_input(data: bytes) -> None:
    """Feed `data` whole and in parts, and show what it contains."""
    whole, is_whole = _parse([data])
    step = 1 + sum(data[:2]) % 13
    parts, _ = _parse([data[at : at + step] for at in range(0, len(data), step)])
    assert whole == parts
    written = b"".join(message.encode() for message in whole)
    assert data.startswith(written) or not is_whole
    assert _parse([written]) == (whole, True)
    _show(whole)
    _follow(whole)


def _parse(chunks: list[bytes]) -> tuple[list[Message], bool]:
    """The messages, and whether they were all valid."""
    parser, found = Parser(FROM_WORKER), []
    try:
        for chunk in chunks:
            for message in parser.feed(chunk):
                found.append(message)  # noqa: PERF402 - those before an error count
    except ChannelError:
        return found, False
    return found, True


def _follow(messages: list[Message]) -> None:
    """Prepare connections to where a server redirects to."""
    for message in messages:
        if isinstance(message, Redirected):
            with suppress(GuacrError):
                found = redirection_of(PARAMS, message, is_verified=True)
                settings_of(PARAMS, found.login(LOGIN), GEOMETRY, "any", found)
                for host in found.hosts:
                    check_address(host, "192.0.2.1")


def _show(messages: list[Message]) -> None:
    session: Any = SimpleNamespace(
        display=Display(),
        memory=Budget(BUDGET, "session.max_memory"),
        changed=lambda: None,
        move_pointer=lambda _x, _y: None,
    )
    desktop, engine = Desktop(session), SimpleNamespace(pixels=PIXELS, painting=0)
    touches = Touches(session, lambda _message: None)
    desktop.begin(engine)  # type: ignore[arg-type]
    try:
        for message in messages:
            desktop.handle(message)
            touches.handle(message)
            if desktop.is_shown:
                session.display.plan(0.0)
                shape = session.display._cursor
                width, height = shape.size
                assert max(width, height) <= CURSOR_SIDE_MAX
                assert shape.hot_x < width
                assert shape.hot_y < height
    except (ChannelError, GuacrError):
        pass


if __name__ == "__main__":
    main(one_input, SAMPLES)
