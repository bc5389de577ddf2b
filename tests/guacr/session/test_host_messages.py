"""Titles and clipboards of a host: to whom, how often, and at the end."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from guacr.protocol.clipboard import SEVERAL, unpack
from guacr.session.host_messages import LARGE
from tests.support.loopback import Bench, session_of, until


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.close()


async def test_copying_can_be_disabled_for_one_user(bench: Bench) -> None:
    first, owner = bench.connect()
    second, _ = bench.connect(session_of(owner).id, disable_copy="true")
    session_of(owner).context.send_clipboard("text/plain", b"secret")
    assert len(first.all("clipboard")) == 1
    assert second.all("clipboard") == []


async def test_only_clients_that_accept_other_types_get_them(bench: Bench) -> None:
    first, owner = bench.connect()
    info = replace(owner.info, clipboard=("text/html", "image/png"))
    second, _ = bench.connect(session_of(owner).id, info)
    send = session_of(owner).context.send_clipboard
    send("text/plain", b"a", others={"text/html": b"<b>"})
    assert [args[1] for args in first.all("clipboard")] == ["text/plain"]
    assert [args[1] for args in second.all("clipboard")] == [SEVERAL]
    (_, blob) = second.all("blob")[-1]
    assert unpack(b64decode(blob)) == {"text/plain": b"a", "text/html": b"<b>"}
    assert session_of(owner).context.clipboard_types == {"text/plain", "text/html", "image/png"}
    await until(lambda: send("image/png", b"png") or len(second.all("clipboard")) > 1)
    assert len(first.all("clipboard")) == 1
    assert second.all("clipboard")[-1][1] == "image/png"


async def test_a_large_clipboard_is_sent_unless_there_is_a_newer_one(bench: Bench) -> None:
    transport, user = bench.connect()
    messages = session_of(user).presentation.messages
    large = bytes(range(256)) * (LARGE // 128)

    def received() -> list[bytes]:
        """The contents of the clipboards that have ended."""
        contents, at = [b""], ""
        for one in transport.received:
            if one.opcode == "clipboard":
                at = one.args[0]
            elif one.opcode == "blob" and one.args[0] == at:
                contents[-1] += b64decode(one.args[1])
            elif one.opcode == "end" and one.args[0] == at:
                contents.append(b"")
        return contents[:-1]

    messages.send_clipboard({"text/plain": large})
    await until(lambda: large in received())
    messages._clipboard = {"text/plain": large + b"old"}  # as if it were sent without waiting
    messages._send_clipboard(b"")
    messages._clipboard = {"text/plain": b"new"}
    messages._send_clipboard(b"")
    assert received() == [large, b"new"]
    work = [task for task in messages._tasks._tasks if task.get_name().startswith("clipboard")]
    assert work
    await asyncio.wait(work)
    assert received() == [large, b"new"]


async def test_titles_and_clipboards_of_a_flood_are_few_and_the_newest(bench: Bench) -> None:
    transport, user = bench.connect()
    session = session_of(user)
    for number in range(10_000):
        session.context.set_name(f"title {number}")
        session.context.send_clipboard("text/plain", b"%d" % number)
        if number % 1000 == 0:
            await asyncio.sleep(0)
    assert transport.all("name")[0] == ("title 0",)
    await until(lambda: transport.all("name")[-1] == ("title 9999",))
    await until(lambda: transport.all("blob")[-1][1] == b64encode(b"9999").decode())
    passed = 2 + 10 * session.settings.display.frame_rate  # it took less than ten seconds
    assert 2 <= len(transport.all("name")) < passed
    assert 2 <= len(transport.all("clipboard")) < passed
    joiner, _ = bench.connect(session.id)
    assert joiner.all("name")[-1] == ("title 9999",)


async def test_the_last_title_and_clipboard_come_before_the_end(bench: Bench) -> None:
    transport, user = bench.connect()
    for name in ("one", "two", "three"):
        session_of(user).context.set_name(name)
        session_of(user).context.send_clipboard("text/plain", name.encode())
    session_of(user).close()
    assert transport.all("name") == [("one",), ("three",)]
    assert len(transport.all("clipboard")) == 2
    session_of(user).context.set_name("four")
    assert transport.all("name")[-1] == ("three",)
