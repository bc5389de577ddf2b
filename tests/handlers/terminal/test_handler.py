"""Features of all protocols with a terminal, in complete sessions with clients in memory."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from guacr.errors import (
    BusyError,
    GuacrError,
    SessionClosedError,
    SessionTimeoutError,
)
from guacr.protocol.client import ClientInfo
from guacr.protocol.status import Status
from guacr.settings.models import Settings
from handlers.terminal.fonts import directories
from terminal.drawing import fonts
from terminal.engines.pyte.emulator import PyteEmulator
from tests.handlers.terminal.echo import Desk, expected_picture, press, settled, text_of
from tests.support.loopback import MemoryTransport, session_of, until

ENTER, BACKSPACE, CTRL, SHIFT = 0xFF0D, 0xFF08, 0xFFE3, 0xFFE1
HOME, INSERT = 0xFF50, 0xFF63


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    await desk.close()


def stream(transport: MemoryTransport, opcode: str, *args: str | int, data: bytes) -> None:
    """As if the client had opened stream 0, sent blobs and ended it."""
    transport.send(opcode, 0, *args)
    for start in range(0, len(data), 6000):
        transport.send("blob", 0, b64encode(data[start : start + 6000]).decode())
    transport.send("end", 0)


def clipboards(transport: MemoryTransport) -> int:
    return len(transport.all("clipboard"))


# ---- the picture


async def test_a_key_that_hides_the_pointer_is_shown_with_its_echo(desk: Desk) -> None:
    transport, _, handler = desk.join()
    transport.send("mouse", 20, 20, 0)
    await settled(transport)
    frames = len(transport.all("sync"))
    press(transport, ord("a"))
    await asyncio.sleep(0)
    assert len(transport.all("sync")) == frames, "its echo would have to wait for the next frame"
    handler.feed(b"a")
    await settled(transport)
    assert len(transport.all("sync")) == frames + 1
    press(transport, ord("b"))  # no echo, as of a password
    await until(lambda: not handler.session._frames._clock.pending)


async def test_viewers_see_background_and_text(desk: Desk) -> None:
    transport, _, handler = desk.join(color_scheme="background: #002b36")
    handler.feed("hello \x1b[31mworld\x1b[0m 日本 ─█".encode())
    await settled(transport)
    assert transport.canvas.size == (1024, 768)
    assert (transport.canvas.flatten() == expected_picture(handler)).all()
    assert handler.window == (99, 39, 990, 741)


async def test_a_joiner_sees_the_same(desk: Desk) -> None:
    transport, user, handler = desk.join()
    handler.feed(b"hello\r\n" * 100)
    await settled(transport)
    joiner, _, _ = desk.join(session_of(user).id)
    await settled(joiner)
    assert (joiner.canvas.flatten() == transport.canvas.flatten()).all()
    argv = {args[2] for args in joiner.all("argv")}
    assert argv == {"color-scheme", "font-name", "font-size", "minimum-contrast"}


async def test_the_scroll_bar_is_shown_when_there_is_something_to_scroll(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler.feed(b"x")
    await settled(transport)
    assert (transport.canvas.flatten()[:, 1010:] == 0).all()
    handler.feed(b"\r\n" * 100)
    await settled(transport)
    bar = transport.canvas.flatten()[:, 1008:].astype(int)
    handle = handler.terminal.pointing.scrollbar.handle
    middle = handle.y + handle.height // 2
    # 80,80,80 with alpha 40 over black; then A0,A0,A0 with alpha 8F over that
    assert abs(bar[2, 1] - 0x80 * 0x40 / 255).max() <= 1
    assert abs(bar[middle, 8] - (0xA0 * 0x8F + 0x20 * (255 - 0x8F)) / 255).max() <= 2
    transport.send("key", SHIFT, 1)
    press(transport, HOME)
    await settled(transport)
    assert (transport.canvas.flatten()[10, 1016] > 0x40).all(), "the handle is at the top"


async def test_a_selection_is_shown_and_copied(desk: Desk) -> None:
    transport, user, handler = desk.join()
    joiner, _, _ = desk.join(session_of(user).id, disable_copy="true")
    handler.feed(b"hello world\r\n\x1b[?25l")
    transport.send("mouse", 7, 15, 1)
    transport.send("mouse", 56, 15, 1)
    await settled(transport)
    before = expected_picture(handler).astype(float)
    shown = transport.canvas.flatten().astype(float)
    mixed = before + (np.array([0, 0x80, 0xFF]) - before) * (0x60 / 255)
    selected = (slice(7, 26), slice(7, 57))
    assert abs(shown[selected] - mixed[selected]).max() <= 1.5
    assert (shown[26:] == before[26:]).all()
    assert clipboards(transport) == 0
    transport.send("mouse", 56, 15, 0)
    assert transport.all("clipboard")[0][1] == "text/plain"
    assert transport.all("blob")[-1][1] == b64encode(b"hello").decode()
    assert clipboards(joiner) == 0


async def test_live_parameters(desk: Desk) -> None:
    transport, user, handler = desk.join()
    joiner, _, _ = desk.join(session_of(user).id)
    stream(transport, "argv", "text/plain", "color-scheme", data=b"background: #ffffff")
    stream(transport, "argv", "text/plain", "font-size", data=b"24")
    await settled(transport)
    assert (transport.canvas.flatten()[0, 0] == 255).all()
    assert (transport.canvas.flatten() == expected_picture(handler)).all()
    assert handler.windows == [handler.window]
    assert handler.window[0] < 60
    for client in (transport, joiner):
        values = [args[2] for args in client.all("argv")]
        assert values.count("font-size") == 2
    assert dict(handler.argv_values()) == {
        "color-scheme": "background: #ffffff", "font-name": "monospace", "font-size": "24",
        "minimum-contrast": "1",
    }  # fmt: skip


@pytest.mark.parametrize("value", ["0", "1000", "large", "-3"])
async def test_a_live_parameter_of_no_use_is_refused(desk: Desk, value: str) -> None:
    transport, _, handler = desk.join()
    stream(transport, "argv", "text/plain", "font-size", data=value.encode())
    assert transport.all("ack")[-1][2] == str(int(Status.CLIENT_BAD_REQUEST))
    assert handler.terminal.font_size == 12


async def test_resizing_follows_the_owner(desk: Desk) -> None:
    transport, _, handler = desk.join()
    await settled(transport)
    transport.send("size", 800, 600)
    transport.send("size", 801, 600)
    await settled(transport)
    assert handler.windows == [(77, 30, 770, 570)]
    assert transport.canvas.size == (801, 600)
    assert (transport.canvas.flatten() == expected_picture(handler)).all()


@pytest.mark.holds_loop(reason="the client paints while it is sent a large picture")
async def test_a_high_resolution(desk: Desk) -> None:
    transport, _, handler = desk.join(info=ClientInfo(width=2048, height=1536, dpi=192))
    handler.feed(b"hello")
    await settled(transport)
    assert handler.terminal.layout.cell_height > 30
    assert (transport.canvas.flatten() == expected_picture(handler)).all()


# ---- output


async def test_long_output_is_parsed_in_order_and_in_turns(desk: Desk) -> None:
    _, _, handler = desk.join(scrollback="0")
    data = b"".join(b"%d\r\n" % n for n in range(60_000))
    assert len(data) > 5 * 65536
    handler.feed(data)
    handler.feed(b"last")
    assert "last" not in text_of(handler), "the event loop gets its turn first"
    await until(lambda: text_of(handler)[-1:] == ["last"])
    assert text_of(handler)[-2] == "59999"


async def test_more_output_than_may_wait_is_parsed_at_once(desk: Desk) -> None:
    _, _, handler = desk.join(scrollback="0")
    handler.feed(b"x" * (5 * 1024 * 1024))
    handler.feed(b"\r\nlast")
    await until(lambda: text_of(handler)[-1:] == ["last"])


async def test_a_title_names_the_session(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler.feed(b"\x1b]0;me@host: ~\x07")
    assert transport.all("name") == [("me@host: ~",)]


async def test_a_programs_copy_reaches_the_clients(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler.start_input()
    handler.feed(b"\x1b]52;c;" + b64encode("päste".encode()) + b"\x07")
    assert transport.all("blob")[-1][1] == b64encode("päste".encode()).decode()
    transport.send("mouse", 50, 50, 4)
    transport.send("mouse", 50, 50, 0)
    assert bytes(handler.sent) == "päste".encode()


async def test_a_copy_beyond_the_limit_is_not_cut_but_refused(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    transport, user, handler = desk.join()
    limit = session_of(user).context.clipboard_limit
    handler._listener.copied("x" * limit)
    assert clipboards(transport) == 1
    handler._listener.copied("x" * (limit + 1))
    assert clipboards(transport) == 1
    assert "clipboard-buffer-size" in caplog.text


async def test_replies_go_to_the_host_once_it_listens(desk: Desk) -> None:
    _, _, handler = desk.join()
    handler.feed(b"\x1b[6n")
    assert not handler.sent
    handler.start_input()
    handler.feed(b"\x1b[6n")
    await until(lambda: bytes(handler.sent) == b"\x1b[1;1R")


async def test_guacds_command_for_the_scrollback(desk: Desk) -> None:
    _, _, handler = desk.join()
    limits: list[int] = []
    handler.terminal.emulator.set_scrollback = limits.append  # type: ignore[method-assign, assignment]
    handler.feed(b"\x1b]482204;7\x07\x1b]482204;x\x07\x1b]482204;999999999\x07")
    await until(lambda: len(limits) == 2)
    assert limits == [7, 100_000]


async def test_warnings_are_shown(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    _, _, handler = desk.join(color_scheme="background: no")
    await until(lambda: len(text_of(handler)) == 1)
    lines = text_of(handler)
    assert lines == ["colour 'no' is unknown"]
    assert lines[0] in caplog.text
    handler.feed(b"prompt$ ")
    handler.print_line("a warning\x1b[2J\nin two lines")
    await until(lambda: len(text_of(handler)) == 4)
    assert text_of(handler)[1:] == ["prompt$", "a warning[2J", "in two lines"]


# ---- input


async def test_keys_go_to_the_host(desk: Desk) -> None:
    transport, _, handler = desk.join(backspace="8")
    handler.start_input()
    press(transport, "ls", BACKSPACE, ENTER)
    assert bytes(handler.sent) == b"ls\b\r"
    transport.send("key", CTRL, 1)
    press(transport, "c")
    assert bytes(handler.sent) == b"ls\b\r\x03"


async def test_what_is_typed_early_is_kept(desk: Desk) -> None:
    transport, _, handler = desk.join()
    press(transport, "ls", ENTER)
    assert not handler.sent
    handler.start_input()
    assert bytes(handler.sent) == b"ls\r"
    press(transport, "x")
    assert bytes(handler.sent) == b"ls\rx"


async def test_too_much_typed_early_is_refused_aloud(desk: Desk) -> None:
    transport, _, handler = desk.join()
    stream(transport, "clipboard", "text/plain", data=b"x" * 65536)
    for _ in range(2):
        transport.send("mouse", 50, 50, 2)
        transport.send("mouse", 50, 50, 0)
    assert text_of(handler)[0].startswith("too much was typed")
    handler.start_input()
    assert len(handler.sent) == 65536


async def test_a_question(desk: Desk) -> None:
    transport, _, handler = desk.join()
    question = asyncio.create_task(handler.ask("Login as: "))
    await until(lambda: text_of(handler) == ["Login as:"])
    press(transport, "roox", BACKSPACE, "t", ENTER)
    assert await question == "root"
    assert text_of(handler) == ["Login as: root"]
    secret = asyncio.create_task(handler.ask("Password: ", echo=False))
    await until(lambda: len(text_of(handler)) == 2)
    stream(transport, "clipboard", "text/plain", data=b"hunter2\n")
    transport.send("mouse", 50, 50, 2)
    transport.send("mouse", 50, 50, 0)
    assert await secret == "hunter2"
    assert text_of(handler)[1] == "Password: *******"
    handler.start_input()
    press(transport, "ls")
    assert bytes(handler.sent) == b"ls"


async def test_questions_are_answered_by_what_was_typed_before(desk: Desk) -> None:
    transport, _, handler = desk.join()
    press(transport, "root", ENTER, "pw", ENTER, "ls", ENTER)
    assert await handler.ask("Login as: ") == "root"
    assert await handler.ask("Password: ", echo=False) == "pw"
    handler.start_input()
    assert bytes(handler.sent) == b"ls\r"
    assert "pw" not in "".join(text_of(handler))


async def test_a_question_can_be_cancelled(desk: Desk) -> None:
    transport, _, handler = desk.join()
    question = asyncio.create_task(handler.ask("Login as: "))
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await handler.ask("Another: ")
    transport.send("key", CTRL, 1)
    press(transport, "c")
    with pytest.raises(SessionClosedError):
        await question


async def test_a_question_does_not_wait_for_ever(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, handler = desk.join()
    monkeypatch.setattr("handlers.terminal.input_queue.ASK_TIMEOUT", 0.01)
    with pytest.raises(SessionTimeoutError, match="Login as"):
        await handler.ask("Login as: ")


async def test_pasting(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler.start_input()
    handler.feed(b"\x1b[?2004h")
    stream(transport, "clipboard", "text/plain;charset=utf-8", data="a\r\nü\x1b[201~".encode())
    assert not handler.sent, "nothing is typed until somebody pastes"
    transport.send("key", CTRL, 1)
    transport.send("key", SHIFT, 1)
    press(transport, "V")
    assert bytes(handler.sent) == "\x1b[200~a\rü[201~\x1b[201~".encode()


def shift_insert(transport: MemoryTransport) -> None:
    transport.send("key", SHIFT, 1)
    transport.send("key", INSERT, 1)
    transport.send("key", INSERT, 0)
    transport.send("key", SHIFT, 0)


def over_the_limit(transport: MemoryTransport) -> None:
    stream(transport, "clipboard", "text/plain", data=b"x" * ((1 << 20) + 1))


def in_pieces(transport: MemoryTransport) -> None:
    for index in range(180):  # as guacamole-common-js does, which waits for no answer
        if index == 0:
            transport.send("clipboard", 0, "text/plain")
        transport.send("blob", 0, "QUFB" * 2016)
    transport.send("end", 0)


def broken_off(transport: MemoryTransport) -> None:
    transport.send("clipboard", 0, "text/plain")
    transport.send("blob", 0, "QUFB")


def replaced(transport: MemoryTransport) -> None:
    broken_off(transport)
    transport.send("file", 0, "text/plain", "a")


def garbled(transport: MemoryTransport) -> None:
    transport.send("clipboard", 0, "text/plain")
    transport.send("blob", 0, "QUFB")
    transport.send("blob", 0, "A")
    transport.send("end", 0)


def no_text(transport: MemoryTransport) -> None:
    stream(transport, "clipboard", "image/png", data=b"\x89PNG")


def older_one_ends(transport: MemoryTransport) -> None:
    transport.send("clipboard", 0, "text/plain")
    transport.send("blob", 0, "QUFB")
    transport.send("clipboard", 1, "text/plain")
    transport.send("end", 0)


@pytest.mark.parametrize(
    ("fail", "reason"),
    [
        (over_the_limit, "1048576 bytes"),
        (in_pieces, "1048576 bytes"),
        (broken_off, "clipboard is incomplete"),
        (replaced, "opened again"),
        (garbled, "base64"),
        (no_text, "only text can be pasted, not 'image/png'"),
        (older_one_ends, "clipboard is incomplete"),
    ],
)
async def test_a_clipboard_that_fails_does_not_leave_the_one_before_to_be_pasted(
    desk: Desk, fail: Callable[[MemoryTransport], None], reason: str
) -> None:
    transport, _, handler = desk.join()
    handler.start_input()
    stream(transport, "clipboard", "text/plain", data=b"drop table customers;")
    fail(transport)
    shift_insert(transport)
    assert bytes(handler.sent) == b""
    await until(lambda: "nothing was pasted" in text_of(handler)[0])
    assert reason in "".join(text_of(handler))
    stream(transport, "clipboard", "text/plain", data=b"x" * 300_000)
    shift_insert(transport)
    assert bytes(handler.sent) == b"x" * 300_000


async def test_a_copy_that_is_refused_does_not_leave_the_one_before_either(desk: Desk) -> None:
    transport, user, handler = desk.join()
    handler.start_input()
    handler._listener.copied("drop table customers;")
    handler._listener.copied("x" * (session_of(user).context.clipboard_limit + 1))
    shift_insert(transport)
    assert bytes(handler.sent) == b""


@pytest.mark.parametrize("query", [b"\x1b[c", b"\x1b]52;c;?\x07"])
async def test_a_host_that_takes_no_answers_gets_no_more(desk: Desk, query: bytes) -> None:
    _, _, handler = desk.join(allow_clipboard_read="true")
    handler.terminal.clipboard = "x" * 1000
    handler.start_input()
    handler.feed(query)
    answer = bytes(handler.sent)
    assert answer
    handler.pause_input()
    handler.feed(query * 100 + b"\x1b]0;asked\x07")
    await until(lambda: handler.session.name == "asked")
    handler.resume_input()
    handler.feed(query + b"\x1b]0;asked again\x07")
    await until(lambda: handler.session.name == "asked again")
    assert bytes(handler.sent) == answer * 2


async def test_users_who_may_not(desk: Desk) -> None:
    transport, user, handler = desk.join()
    handler.start_input()
    handler.terminal.clipboard = "text"
    reader, _, _ = desk.join(session_of(user).id, read_only="true")
    press(reader, "x")
    no_paste, _, _ = desk.join(session_of(user).id, disable_paste="true")
    press(no_paste, "y")
    for client in (reader, no_paste):
        client.send("mouse", 50, 50, 2)
        client.send("mouse", 50, 50, 0)
    assert bytes(handler.sent) == b"y"
    stream(no_paste, "clipboard", "text/plain", data=b"other")
    assert handler.terminal.clipboard == "text"
    transport.send("mouse", 50, 50, 2)
    transport.send("mouse", 50, 50, 0)
    assert bytes(handler.sent) == b"ytext"


async def test_a_drag_beyond_the_edge_scrolls_by_itself(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler.feed(b"line\r\n" * 200)
    emulator = handler.terminal.emulator
    bottom = emulator.scrollbar.offset
    transport.send("mouse", 50, 100, 1)
    transport.send("mouse", 50, 0, 1)
    await until(lambda: emulator.scrollbar.offset < bottom - 2)
    transport.send("mouse", 50, 0, 0)
    stopped = emulator.scrollbar.offset
    await asyncio.sleep(0.12)
    assert emulator.scrollbar.offset == stopped
    assert clipboards(transport) == 1


# ---- the end


async def test_a_session_that_ends_frees_its_engine(desk: Desk) -> None:
    _, user, handler = desk.join()
    closed: list[bool] = []
    handler.terminal.close = lambda: closed.append(True)  # type: ignore[method-assign]
    handler.feed(b"x" * 300_000)
    session_of(user).close()
    handler.feed(b"late output")
    await desk.close()
    assert closed == [True]


async def test_a_terminal_that_cannot_start_leaves_no_session(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise GuacrError("no font was found")

    monkeypatch.setattr("terminal.terminal.atlas_for", refuse)
    with pytest.raises(GuacrError, match="no font"):
        desk.join()
    assert not desk.sessions


async def test_an_idle_terminal_rests(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.terminal.idle_trim.IDLE_AFTER", 0.05)
    transport, _, handler = desk.join()
    rests: list[int] = []
    handler.terminal.trim = lambda: rests.append(1)  # type: ignore[method-assign]
    handler.feed(b"text")
    await until(lambda: len(rests) == 1)
    press(transport, "x")
    await until(lambda: len(rests) == 2)


async def test_a_long_scrollback_is_packed_while_a_terminal_is_used(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.terminal.idle_trim.PACK_AFTER", 8)
    monkeypatch.setattr("handlers.terminal.idle_trim.STEP", 0.001)
    monkeypatch.setattr("handlers.terminal.idle_trim.TURN", 0.0)
    _, _, handler = desk.join()
    packs: list[int] = []

    def pack() -> bool:
        packs.append(1)
        return len(packs) % 3 == 0

    handler.terminal.emulator.pack = pack  # type: ignore[method-assign]
    handler.feed(b"1234567")
    assert handler.screen._idle_trim._packing is None
    handler.feed(b"8")
    await until(lambda: len(packs) == 3)
    assert handler.screen._idle_trim._packing is None


async def test_defaults_come_from_the_settings() -> None:
    settings = Settings.model_validate(
        {"terminal": {"color_scheme": "black-white", "font_size": 20, "scrollback": 5}}
    )
    desk = Desk(settings)
    _, _, handler = desk.join()
    assert handler.terminal.scheme.colours.background == (255, 255, 255)
    assert handler.terminal.font_size == 20
    _, _, other = desk.join(font_size="10")
    assert other.terminal.font_size == 10
    await desk.close()


def test_warming_up_leaves_nothing_to_load_to_the_first_session() -> None:
    """In a process of its own, as things are loaded once."""
    program = (
        "import sys\n"
        "from guacr.settings.models import Settings\n"
        "from handlers.terminal import TerminalHandler\n"
        "from handlers.terminal.fonts import directories\n"
        "from terminal.drawing.fonts import is_found\n"
        "TerminalHandler.warm_up(Settings())\n"
        "assert is_found('monospace', directories(Settings().terminal))\n"
        "from tests.terminal.desk import Desk\n"
        "before = set(sys.modules)\n"
        "desk = Desk()\n"
        "desk.show('hello www.example.org', 'x' * 300)\n"
        "desk.terminal.surface.take_damage()\n"
        "desk.press('a')\n"
        "desk.click(8, 0, times=3)\n"
        "desk.drag((1, 1), (5, 2))\n"
        "desk.wheel(up=True)\n"
        "desk.terminal.resize(500, 500)\n"
        "assert set(sys.modules) == before, set(sys.modules) - before\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


async def test_the_engine_can_be_chosen() -> None:
    desk = Desk(Settings.model_validate({"terminal": {"engine": "pyte"}}))
    transport, _, handler = desk.join()
    assert isinstance(handler.terminal.emulator, PyteEmulator)
    handler.feed(b"hello")
    await settled(transport)
    assert (transport.canvas.flatten() == expected_picture(handler)).all()
    await desk.close()


# ---- pipes


async def test_a_pipe_is_typed_into_the_terminal(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler.start_input()
    transport.send("pipe", 0, "text/plain", "STDIN")
    transport.send("blob", 0, b64encode(b"one\x00").decode())
    press(transport, "x")
    transport.send("blob", 0, b64encode(b"two").decode())
    transport.send("end", 0)
    press(transport, "y")
    assert bytes(handler.sent) == b"one\x00twoy"
    assert [ack[2] for ack in transport.all("ack")] == ["0"] * 3


async def test_a_pipe_waits_for_the_host(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler.start_input()
    transport.send("pipe", 0, "text/plain", "STDIN")
    handler.pause_input()
    reading = [transport.reading]
    transport.send("blob", 0, b64encode(b"one").decode())
    assert len(transport.all("ack")) == 1
    handler.resume_input()
    assert [*reading, transport.reading] == [False, True]
    assert len(transport.all("ack")) == 2


async def test_a_pipe_ends_with_its_user(desk: Desk) -> None:
    transport, user, handler = desk.join()
    handler.start_input()
    other, _, _ = desk.join(session_of(user).id)
    other.send("pipe", 0, "text/plain", "STDIN")
    press(transport, "x")
    assert not handler.sent
    other.send("disconnect")
    press(transport, "y")
    assert bytes(handler.sent) == b"y"


@pytest.mark.parametrize(
    ("opcode", "name", "status"),
    [
        ("pipe", "OTHER", Status.RESOURCE_NOT_FOUND),
        ("pipe", "STDIN", Status.SERVER_BUSY),
        ("file", "STDIN", Status.UNSUPPORTED),
    ],
)
async def test_streams_that_are_not_taken(
    desk: Desk, opcode: str, name: str, status: Status
) -> None:
    transport, _, _ = desk.join()
    transport.send(opcode, 0, "text/plain", name)
    assert transport.all("ack")[-1][2] == str(int(status))


# ---- fonts


async def test_a_font_that_takes_time_to_find_comes_later() -> None:
    desk = Desk()
    fonts._families.pop(("DejaVu Sans Mono", directories(Settings().terminal)), None)
    transport, _, handler = desk.join(font_name="DejaVu Sans Mono")
    assert handler.terminal.font_name == "monospace"
    await until(lambda: handler.terminal.font_name == "DejaVu Sans Mono")
    assert transport.all("argv")[-1][2] == "font-name"
    await settled(transport)
    assert (transport.canvas.flatten() == expected_picture(handler)).all()
    stream(transport, "argv", "text/plain", "font-name", data=b"monospace")
    assert handler.terminal.font_name == "monospace", "this one is at hand"
    await desk.close()


@pytest.mark.parametrize("engine", ["ghostty", "pyte"])
@pytest.mark.parametrize("allowed", [False, True])
async def test_hosts_read_the_screen_only_where_the_settings_say_so(
    engine: str, allowed: bool
) -> None:
    terminal = {"engine": engine} | ({"screen_reports": True} if allowed else {})
    desk = Desk(Settings.model_validate({"terminal": terminal}))
    _, _, handler = desk.join()
    handler.start_input()
    handler.feed(b"a\x1b[1;1;1;1;1;1*y\x1b[6n")
    await until(lambda: b"R" in handler.sent)
    assert (b"!~FF9F" in handler.sent) is allowed
    await desk.close()


@pytest.mark.parametrize(("engine", "count"), [("ghostty", 60), ("pyte", 600)])
async def test_a_flood_of_costly_functions_holds_no_other_session_up(
    engine: str, count: int
) -> None:
    desk = Desk(Settings.model_validate({"terminal": {"engine": engine}}))
    _, _, handler = desk.join()
    handler.start_input()
    handler.feed(b"\x1b[1;1;99;999;1$r" * count + b"\x1b[6n")
    turns = 0
    while b"R" not in handler.sent:
        await asyncio.sleep(0)
        turns += 1
    assert turns > 5
    await desk.close()
