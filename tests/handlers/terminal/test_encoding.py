"""The parameter `encoding`: everything between a host in another character set and its people."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator

import pytest

from guacr.errors import BadRequestError
from guacr.settings.models import Settings
from tests.handlers.terminal.echo import Desk, press, settled, text_of
from tests.handlers.terminal.test_page_channel import say, told
from tests.support.loopback import until

CTRL, SHIFT = 0xFFE3, 0xFFE1


@pytest.fixture(params=["ghostty", "pyte"])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    desk = Desk(Settings.model_validate({"terminal": {"engine": request.param}}))
    yield desk
    await desk.close()


async def test_output_keys_and_pastes(desk: Desk) -> None:
    transport, _, handler = desk.join(encoding="koi8-r")
    handler.start_input()
    for code in "Привет \x1b[1m─┐".encode("koi8-r"):
        handler.feed(bytes([code]))
    await until(lambda: text_of(handler) == ["Привет ─┐"])
    press(transport, 0x01000000 + ord("я"), "q")
    handler.clipboard(handler.session.owner, "text/plain", "паста ls".encode())  # type: ignore[arg-type]
    transport.send("key", CTRL, 1)
    transport.send("key", SHIFT, 1)
    press(transport, "V")
    assert bytes(handler.sent) == "яqпаста ls".encode("koi8-r")


async def test_what_the_host_cannot_take_is_refused_whole_and_told(desk: Desk) -> None:
    transport, user, handler = desk.join(encoding="cp437")
    handler.start_input()
    handler.clipboard(user, "text/plain", "rm -rf x; echo €".encode())
    transport.send("key", CTRL, 1)
    transport.send("key", SHIFT, 1)
    press(transport, "V")
    assert bytes(handler.sent) == b""
    sentence = "nothing was sent: what was typed or pasted has a character"
    await until(lambda: sentence in "".join(text_of(handler)))
    transport.send("key", CTRL, 0)
    transport.send("key", SHIFT, 0)
    say(transport, focus=True)
    before = text_of(handler)
    press(transport, 0x01000000 + ord("€"), "x")
    assert bytes(handler.sent) == b"x"
    assert sentence in told(transport)[-1]["notice"]
    assert text_of(handler) == before


async def test_answers_to_questions_are_no_text_of_the_hosts(desk: Desk) -> None:
    transport, _, handler = desk.join(encoding="koi8-r")
    answers: list[str] = []

    async def ask() -> None:
        answers.append(await handler.ask("Имя? "))

    handler.session.start_task(ask(), "question")
    await until(lambda: text_of(handler) == ["Имя?"])
    press(transport, *(0x01000000 + ord(c) for c in "Юля"), 0xFF0D)
    await until(lambda: answers == ["Юля"])


async def test_titles_and_clipboards(desk: Desk) -> None:
    _, user, handler = desk.join(encoding="shift_jis", allow_clipboard_read="true")
    handler.start_input()
    handler.feed("\x1b]0;表示→\x07".encode("shift_jis"))
    await until(lambda: handler.session.name == "表示→")
    content = "コピー 表".encode("shift_jis")
    handler.feed(b"\x1b]52;c;" + b64encode(content) + b"\x07")
    await until(lambda: handler.terminal.clipboard == "コピー 表")
    handler.feed(b"\x1b]52;c;?\x07")
    await until(lambda: b64encode(content) in bytes(handler.sent))
    handler.sent.clear()
    handler.clipboard(user, "text/plain", "é".encode())
    handler.feed(b"\x1b]52;c;?\x07\x1b[5n")
    await until(lambda: bytes(handler.sent).endswith(b"\x1b[0n"))
    assert bytes(handler.sent) in (b"\x1b[0n", b"\x1b]52;c;\x07\x1b[0n")  # an empty one, or none


async def test_a_clipboard_that_the_host_cannot_take_is_told_once(desk: Desk) -> None:
    transport, user, handler = desk.join(encoding="shift_jis", allow_clipboard_read="true")
    say(transport, focus=True)
    handler.start_input()
    for text in ("é", "é", "ü"):
        handler.clipboard(user, "text/plain", text.encode())
        handler.feed(b"\x1b]52;c;?\x07" * 50 + b"\x1b[5n")
        await until(lambda: bytes(handler.sent).endswith(b"\x1b[0n"))
        handler.sent.clear()
    notices = [message["notice"] for message in told(transport)]
    assert len(notices) == 2
    assert all(notice.startswith("the clipboard has a character") for notice in notices)


async def test_reports_of_the_mouse_are_no_text(desk: Desk) -> None:
    transport, _, handler = desk.join(encoding="koi8-r")
    handler.start_input()
    handler.feed(b"\x1b[?1000h")
    await settled(transport)
    x = handler.terminal.layout.text.x + 99 * handler.terminal.layout.cell_width + 1
    transport.send("mouse", x, 20, 1)
    assert bytes(handler.sent)[:3] == b"\x1b[M"
    assert handler.sent[4] == 32 + 1 + min(99, handler.terminal.layout.columns - 1)


async def test_a_character_that_never_ends(desk: Desk) -> None:
    _, _, handler = desk.join(encoding="gbk")
    handler.feed(b"end\xd6")
    await handler.finish_output("goodbye")
    assert text_of(handler)[0].startswith("end\N{REPLACEMENT CHARACTER}")
    assert text_of(handler)[-1] == "goodbye"


async def test_words_of_guacrs_own_are_not_the_hosts(desk: Desk) -> None:
    _, _, handler = desk.join(encoding="koi8-r", color_scheme="nonsense")
    handler.print_line("Übung – 演習")
    await until(lambda: text_of(handler)[-1] == "Übung – 演習")


async def test_an_unknown_character_set(desk: Desk) -> None:
    with pytest.raises(BadRequestError, match=r"must be one of utf-8, .* not 'rot13'"):
        desk.join(encoding="rot13")
    assert desk.sessions == []
