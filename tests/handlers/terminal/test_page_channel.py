"""Messages between guacr's own page and a terminal, and what is shown for them."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest

from guacr.settings.models import Settings
from handlers.terminal import synchronized
from handlers.terminal.fonts import directories
from terminal.drawing.fonts import find_family
from tests.handlers.terminal.echo import Desk, expected_picture, settled
from tests.support.loopback import MemoryTransport, session_of, until, until_seen

CTRL = 0xFFE3


@pytest.fixture
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    engine = getattr(request, "param", "auto")
    desk = Desk(Settings.model_validate({"terminal": {"engine": engine}}))
    yield desk
    await desk.close()


def say(transport: MemoryTransport, **message: object) -> None:
    """A message as guacr's page sends it."""
    transport.send("pipe", 3, "application/json", "guacr")
    transport.send("blob", 3, b64encode(json.dumps(message).encode()).decode())
    transport.send("end", 3)


def told(transport: MemoryTransport) -> list[dict[str, Any]]:
    """The messages that a page has received."""
    streams = [args[0] for args in transport.all("pipe")]
    blobs = {args[0]: args[1] for args in transport.all("blob") if args[0] in streams}
    messages = [json.loads(b64decode(blobs[stream])) for stream in streams]
    assert messages[:1] in ([], [{"ready": ["focus", "search"]}])
    return messages[1:]


# ---- messages


async def test_other_clients_are_told_nothing(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler._listener.copied("x" * 60_000_000)
    assert transport.all("pipe") == []
    say(transport, focus=True)
    handler._listener.copied("x" * 60_000_000)
    (message,) = told(transport)
    assert "60000000 bytes are too much to copy" in message["notice"]


async def test_what_a_program_copies_beyond_the_limit_is_told(desk: Desk) -> None:
    transport, _, handler = desk.join()
    say(transport, focus=True)
    size = handler.session.clipboard_limit + 100_000
    handler.feed(b"\x1b]52;c;" + b64encode(b"x" * size) + b"\x07")
    assert transport.all("clipboard") == []
    await until(lambda: len(told(transport)) == 1)


async def test_whether_a_file_is_wanted_is_told_to_all_and_to_who_comes_later(desk: Desk) -> None:
    transport, user, handler = desk.join()
    say(transport, focus=True)
    handler.want_upload(True)
    other = desk.join(session_of(user).id)[0]
    say(other, focus=True)
    assert told(transport) == told(other) == [{"upload": True}]
    handler.want_upload(False)
    assert told(transport) == told(other) == [{"upload": True}, {"upload": False}]


@pytest.mark.parametrize(("granted", "paste", "reads"), [
    ("", "", False), ("true", "", True), ("true", "true", False),
])  # fmt: skip
async def test_a_program_reads_the_clipboard_if_it_is_allowed(
    desk: Desk, granted: str, paste: str, reads: bool
) -> None:
    _, _, handler = desk.join(allow_clipboard_read=granted, disable_paste=paste)
    handler.start_input()
    handler.terminal.clipboard = "hello"
    handler.feed(b"\x1b]52;c;?\x07")
    assert (b"aGVsbG8=" in handler.sent) is reads


async def test_a_program_hears_of_the_focus_of_all_pages(desk: Desk) -> None:
    transport, user, handler = desk.join()
    joiner, other, _ = desk.join(session_of(user).id)
    handler.start_input()
    say(transport, focus=True)
    assert handler.sent == b""
    handler.feed(b"\x1b[?1004h")
    say(transport, focus=False)
    assert handler.sent == b"\x1b[O"
    say(joiner, focus=True)
    say(transport, focus=True)
    say(transport, focus=False)
    assert handler.sent == b"\x1b[O\x1b[I"
    session_of(other).detach(other)
    assert handler.sent == b"\x1b[O\x1b[I\x1b[O"


async def test_a_link_goes_to_the_page_of_who_clicked(desk: Desk) -> None:
    transport, user, handler = desk.join()
    joiner, _, _ = desk.join(session_of(user).id)
    say(transport, focus=True)
    say(joiner, focus=True)
    handler.feed(b"https://example.org/ \x1b]8;;file:///x\x07file\x1b]8;;\x07")
    joiner.send("key", CTRL, 1)
    for x in (20, 222):
        joiner.send("mouse", x, 15, 1)
        joiner.send("mouse", x, 15, 0)
    opened, refused = told(joiner)
    assert opened == {"open": "https://example.org/"}
    assert "https" in refused["notice"]
    assert told(transport) == []


@pytest.mark.parametrize("message", [b"no json", b"[1]", b'{"other": 1}', b'{"search": 1}',
                                     b'{"search": {"text": 1}}', b"x" * 5000, b"[" * 4096,
                                     b'{"search": {"text": "\\ud800"}}', b"9" * 4096])  # fmt: skip
async def test_nonsense_is_refused(desk: Desk, message: bytes) -> None:
    transport, user, handler = desk.join()
    transport.send("pipe", 3, "application/json", "guacr")
    transport.send("blob", 3, b64encode(message).decode())
    transport.send("end", 3)
    assert transport.all("ack")[-1][2] != "0"
    assert user in handler.session.users


# ---- searching


@pytest.mark.parametrize("desk", ["ghostty", "pyte"], indirect=True)
async def test_a_search_goes_from_match_to_match_and_marks_them(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler.feed(b"".join(b"%d %s\r\n" % (n, b"needle" * (n % 50 == 0)) for n in range(500)))
    say(transport, search={"text": "NEEDLE"})
    await until(lambda: len(told(transport)) == 1)
    assert told(transport)[-1] == {"found": {"number": 1, "total": 10}}
    bar = handler.terminal.emulator.scrollbar
    assert bar.offset <= 450 < bar.offset + bar.visible
    await settled(transport)
    assert (transport.canvas.flatten() != expected_picture(handler))[:, :1000].any()
    say(transport, search={"text": "NEEDLE", "newer": True})
    await until(lambda: len(told(transport)) == 2)
    assert told(transport)[-1] == {"found": {"number": 10, "total": 10}}
    say(transport, search={"text": ""})
    await until(lambda: len(told(transport)) == 3)
    await settled(transport)
    picture = expected_picture(handler)
    assert (transport.canvas.flatten()[:, :1000] == picture[:, :1000]).all()


# ---- frames


async def test_a_screen_that_is_being_drawn_is_not_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synchronized, "HOLD_MAX", 3600)
    find_family("monospace", directories(Settings().terminal))  # one that comes late is shown
    transport, user, handler = desk.join()
    handler.feed(b"old\x1b[?25l")
    await settled(transport)
    before = transport.canvas.flatten()
    handler.feed(b"\x1b[?2026h\x1b[2J\x1b[Hnew")
    await settled(transport)
    assert (transport.canvas.flatten() == before).all()
    joiner, _, _ = desk.join(session_of(user).id)
    await settled(joiner)
    assert (joiner.canvas.flatten() == before).all(), "who joins sees the last whole screen"
    handler.feed(b"er\x1b[?2026l")
    await until_seen(transport, lambda: bool((transport.canvas.flatten() != before).any()))
    await settled(transport)
    assert (transport.canvas.flatten() == expected_picture(handler)).all()


async def test_a_screen_that_is_never_finished_is_shown(desk: Desk) -> None:
    transport, _, handler = desk.join()
    await settled(transport)
    before = transport.canvas.flatten()
    handler.feed(b"\x1b[?2026hnew")
    await until_seen(transport, lambda: bool((transport.canvas.flatten() != before).any()))
    handler.feed(b"er")
    await settled(transport)
    assert (transport.canvas.flatten() == expected_picture(handler)).all()


async def test_the_margin_has_the_hosts_background(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler.feed(b"\x1b]11;#102030\x07")
    await settled(transport)
    assert transport.canvas.flatten()[2, 2].tolist() == [0x10, 0x20, 0x30]


async def test_a_blinking_cursor_goes_and_comes(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler.feed(b"\x1b[5 q")
    await settled(transport)
    shown = transport.canvas.flatten()
    await until_seen(transport, lambda: bool((transport.canvas.flatten() != shown).any()))
    picture = transport.canvas.flatten()
    assert (picture == picture[0, 0]).all()
    await until_seen(transport, lambda: bool((transport.canvas.flatten() == shown).all()))


async def test_contrast_changes_while_connected(desk: Desk) -> None:
    transport, _, handler = desk.join(minimum_contrast="3")
    assert handler.terminal.minimum_contrast == 3
    transport.send("argv", 0, "text/plain", "minimum-contrast")
    transport.send("blob", 0, b64encode(b"7").decode())
    transport.send("end", 0)
    assert handler.terminal.minimum_contrast == 7
