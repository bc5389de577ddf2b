"""Pipes that programs open towards the owner, through a whole session."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator

import pytest

from guacr.protocol.instruction import BLOB_MAX
from guacr.session.streams.outputs import NAME_MAX
from handlers.terminal.flow_control import FlowControl
from handlers.terminal.pipes import PIPE_COST, WAITING_HIGH, WAITING_MAX
from tests.handlers.terminal.echo import Desk, EchoHandler, text_of
from tests.support.loopback import MemoryTransport, session_of, until

CLOSE = b"\x1b]482203\x07"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    await desk.close()


def opening(argument: str) -> bytes:
    return f"\x1b]482202;{argument}\x1b\\".encode()


def received(transport: MemoryTransport) -> list[tuple[str, bytes, bool]]:
    """The name, the bytes and the end of every pipe, in order."""
    pipes: list[tuple[str, bytearray, list[str]]] = []
    open_now: dict[str, tuple[str, bytearray, list[str]]] = {}
    for one in transport.received:
        if one.opcode == "pipe":
            index, mimetype, name = one.args
            assert mimetype == "application/octet-stream"
            assert int(index) % 2 == 0
            open_now[index] = (name, bytearray(), [])
            pipes.append(open_now[index])
        elif one.opcode == "blob" and one.args[0] in open_now:
            open_now[one.args[0]][1].extend(b64decode(one.args[1]))
        elif one.opcode == "end" and one.args[0] in open_now:
            open_now.pop(one.args[0])[2].append("end")
    return [(name, bytes(data), bool(end)) for name, data, end in pipes]


def refuse(transport: MemoryTransport, message: str = "no") -> None:
    transport.send("ack", transport.all("pipe")[-1][0], message, 256)


async def test_what_is_printed_goes_into_the_pipe_and_not_to_the_screen(desk: Desk) -> None:
    transport, user, handler = desk.join()
    joiner, _, _ = desk.join(session_of(user).id)
    stream = b"one " + opening("out.bin") + b"\x00two\x1b[1m\xff" + CLOSE + b"three"
    for byte in stream:
        handler.feed(bytes([byte]))
    await until(lambda: received(transport) == [("out.bin", b"\x00two\x1b[1m\xff", True)])
    await until(lambda: text_of(handler) == ["one three"])
    assert joiner.all("pipe") == []


async def test_it_is_shown_as_well_if_asked_for(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler.feed(opening("1;a") + b"one" + opening("3;b") + b"two" + CLOSE)
    await until(lambda: received(transport) == [("a", b"one", True), ("b", b"two", True)])
    await until(lambda: text_of(handler) == ["onetwo"])


async def test_pieces_are_sent_at_once_only_if_asked_for(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler.feed(opening("2;now") + b"piece")
    await until(lambda: received(transport) == [("now", b"piece", False)])
    handler.feed(opening("later") + b"x" * (BLOB_MAX - 1))
    await until(lambda: len(received(transport)) == 2)
    for _ in range(5):
        await asyncio.sleep(0)
    assert received(transport)[1] == ("later", b"", False)
    handler.feed(b"yz")
    await until(lambda: len(received(transport)[1][1]) == BLOB_MAX)
    handler.feed(CLOSE)
    await until(lambda: received(transport)[1][1:] == (b"x" * (BLOB_MAX - 1) + b"yz", True))


async def test_lines_of_guacrs_own_are_for_the_screen(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler.feed(opening("2;a"))
    handler.print_line("a warning")
    handler.feed(b"data")
    await until(lambda: received(transport) == [("a", b"data", False)])
    assert text_of(handler) == ["a warning"]


async def stall(transport: MemoryTransport, handler: EchoHandler) -> None:
    """Open a pipe, and have the client take nothing from then on."""
    handler.feed(opening("big"))
    await until(lambda: len(transport.all("pipe")) == 1)
    transport.stalled = True
    for user in handler.session.users:
        user.send(b"3.nop;")


async def test_the_host_waits_for_a_client_that_takes_nothing(desk: Desk) -> None:
    transport, _, handler = desk.join()
    await stall(transport, handler)
    handler.feed(bytes(WAITING_HIGH - PIPE_COST))
    assert handler.blocks == []
    handler.feed(b"x")
    assert handler.blocks == [True]
    handler.feed(CLOSE + b"after")
    transport.drain()
    data = bytes(WAITING_HIGH - PIPE_COST) + b"x"
    await until(lambda: received(transport) == [("big", data, True)])
    assert handler.blocks == [True, False]
    await until(lambda: text_of(handler) == ["after"])


async def test_a_host_that_does_not_wait_loses_its_pipe_and_nothing_else(desk: Desk) -> None:
    transport, _, handler = desk.join()
    await stall(transport, handler)
    handler.feed(bytes(WAITING_MAX - PIPE_COST))
    handler.feed(b"xy")
    handler.feed(b"shown")
    await until(lambda: text_of(handler)[-1:] == ["shown"])
    assert "faster than it is read" in text_of(handler)[0]
    handler.feed(opening("more"))
    await until(lambda: "too much data waits" in text_of(handler)[-1])
    transport.drain()
    data = bytes(WAITING_MAX - PIPE_COST) + b"xy"
    await until(lambda: received(transport) == [("big", data, True)])


async def test_empty_pipes_are_at_the_clients_pace_too(desk: Desk) -> None:
    transport, _, handler = desk.join()
    await stall(transport, handler)
    handler.feed((opening("a") + CLOSE) * (WAITING_HIGH // PIPE_COST))
    assert handler.blocks == [True]
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(transport.all("pipe")) == 1
    transport.drain()
    await until(lambda: len(received(transport)) == WAITING_HIGH // PIPE_COST + 1)
    await until(lambda: handler.blocks == [True, False])


async def test_what_a_client_refuses_goes_to_the_screen(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler.feed(opening("2;a") + b"taken")
    await until(lambda: received(transport) == [("a", b"taken", False)])
    refuse(transport, "no room")
    handler.feed(b"refused")
    await until(lambda: text_of(handler)[-1:] == ["refused"])
    assert "the pipe 'a' has ended" in text_of(handler)[0]
    assert "no room" in text_of(handler)[0]
    handler.feed(b" and after" + CLOSE)
    await until(lambda: text_of(handler)[-1] == "refused and after")
    handler.feed(opening("2;b") + b"again" + CLOSE)
    await until(lambda: received(transport)[-1] == ("b", b"again", True))


async def test_a_client_that_leaves_ends_the_pipe(desk: Desk) -> None:
    transport, user, handler = desk.join()
    joiner, _, _ = desk.join(session_of(user).id)
    handler.feed(opening("a") + b"kept")
    await until(lambda: len(transport.all("pipe")) == 1)
    transport.send("disconnect")
    await until(lambda: text_of(handler)[-1:] == ["kept"])
    assert "the client has left" in text_of(handler)[0]
    handler.feed(b"\r\n" + opening("b"))
    await until(lambda: "owner has left" in text_of(handler)[-1])
    assert joiner.all("pipe") == []


async def test_an_owner_who_may_only_look_receives_nothing(desk: Desk) -> None:
    transport, _, handler = desk.join(read_only="true")
    handler.feed(opening("a") + b"shown")
    await until(lambda: text_of(handler)[-1:] == ["shown"])
    assert "is read-only" in text_of(handler)[0]
    assert transport.all("pipe") == []


@pytest.mark.parametrize(
    ("name", "reason"), [("x" * (NAME_MAX + 1), "exceeds"), ("guacr", "reserved for guacr")]
)
async def test_names_that_are_refused(desk: Desk, name: str, reason: str) -> None:
    transport, _, handler = desk.join()
    handler.feed(opening(f"2;{name}") + b"shown")
    await until(lambda: text_of(handler)[-1:] == ["shown"])
    assert reason in text_of(handler)[0]
    assert transport.all("pipe") == []
    handler.feed(opening("2;" + "x" * NAME_MAX) + b"data")
    await until(lambda: received(transport) == [("x" * NAME_MAX, b"data", False)])


async def test_the_last_words_of_a_host_reach_the_client(desk: Desk) -> None:
    transport, _, handler = desk.join()
    handler.feed(opening("a") + b"last\x1b]48220")
    await handler.finish_output()
    assert received(transport) == [("a", b"last\x1b]48220", True)]


async def test_files_need_a_protocol_that_has_them(desk: Desk) -> None:
    _, _, handler = desk.join()
    handler.feed(b"\x1b]482200;/etc/motd\x07\x1b]482201;/tmp\x07")
    lines = [
        "'/etc/motd' was not sent: echo does not support file transfer",
        "no files go to '/tmp': echo does not support file transfer",
    ]
    await until(lambda: text_of(handler) == lines)


def test_a_host_waits_as_long_as_anybody_wants_it_to() -> None:
    told: list[bool] = []
    flow = FlowControl(told.append)
    flow.hold("a", False)
    flow.hold("a", True)
    flow.hold("b", True)
    flow.hold("b", True)
    flow.hold("a", False)
    assert told == [True]
    flow.hold("b", False)
    assert told == [True, False]
