"""Connections that an application serves itself, with the published wheel and with ours."""

from __future__ import annotations

import asyncio
import base64
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from guacr.tubes.compat import handler_feed
from tests.guacr.tubes.compat.application import LOOPBACK, Application, target, wait
from tests.guacr.tubes.compat.pair import MODULES, PAIRS, Pair, paired
from tests.guacr.tubes.test_wheel import target as wheel_target
from tests.support.conversations import echo, server
from tests.support.waiting import until
from tests.support.wheel import WheelError, wheel_network

HANDLER: dict[str, Any] = {"conversationType": "python_handler"}


@pytest.fixture(scope="module")
def network() -> Iterator[None]:
    with wheel_network():
        yield


@pytest_asyncio.fixture(params=PAIRS, ids=lambda names: "-".join(names))
async def pair(request: pytest.FixtureRequest, network: None) -> AsyncIterator[Pair]:
    async with paired(*request.param) as both:
        yield both


def events(pair: Pair) -> list[tuple[str, int]]:
    """The kinds of events with the numbers of their connections."""
    for event in pair.offerer.events:
        assert event["conversation_id"] == "c"
    return [(event["type"], event["conn_no"]) for event in pair.offerer.events]


def received(pair: Pair, number: int) -> bytes:
    """The data of a connection."""
    return b"".join(
        base64.b64decode(event["payload"])
        for event in pair.offerer.events
        if event["type"] == "data" and event["conn_no"] == number
    )


async def send(pair: Pair, number: int, data: bytes) -> None:
    text = base64.b64encode(data).decode()
    await pair.offerer.call("send_handler_data", "c", number, text)


async def test_connections(pair: Pair) -> None:
    data = bytes(range(256)) * 1000
    async with server(echo) as port:
        await pair.connect(HANDLER, wheel_target(port))
        for number in (1, 2):
            await pair.offerer.call("open_handler_connection", "c", number)
            await until(lambda: len(events(pair)) == number, "it is open")  # noqa: B023
        assert events(pair) == [("connection_opened", 1), ("connection_opened", 2)]

        await send(pair, 1, data)
        await send(pair, 2, b"hello")

        await until(lambda: len(received(pair, 1)) == len(data), "all of it")
        await until(lambda: received(pair, 2) == b"hello", "the other")
        assert received(pair, 1) == data
        await pair.offerer.call("open_handler_connection", "c", 1)  # it is open: nothing happens
        await send(pair, 7, b"to nobody")
        await pair.offerer.call("close_handler_connection", "c", 1, 5)
        await pair.offerer.call("close_handler_connection", "c", 7, 5)
        await send(pair, 2, b" again")
        await until(lambda: received(pair, 2) == b"hello again", "the other")
        assert {kind for kind, _ in events(pair)} == {"connection_opened", "data"}


async def test_a_backend_that_ends(pair: Pair) -> None:
    async def bye(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(3))

    async with server(bye) as port:
        await pair.connect(HANDLER, wheel_target(port))
        await pair.offerer.call("open_handler_connection", "c", 1)
        await until(lambda: events(pair), "it is open")
        await send(pair, 1, b"bye")

        if pair.names[1] == "wheel":  # ours tells the end of the data alone, as it still reads
            await until(lambda: ("connection_closed", 1) in events(pair), "the end")
        await until(lambda: received(pair, 1) == b"bye", "the data")


async def test_a_backend_that_refuses(pair: Pair) -> None:
    await pair.connect(HANDLER, wheel_target(1))
    await pair.offerer.call("open_handler_connection", "c", 1)

    await until(lambda: ("connection_closed", 1) in events(pair), "the end")
    assert pair.offerer.events[-1]["reason"] == 10


async def test_the_end_of_the_conversation(pair: Pair) -> None:
    async with server(echo) as port:
        await pair.connect(HANDLER, wheel_target(port))
        await pair.offerer.call("open_handler_connection", "c", 1)
        await until(lambda: events(pair), "it is open")

        await pair.answerer.call("close_tube", pair.tubes[1], 4)

        await until(lambda: ("connection_closed", 0) in events(pair), "the end")
        assert pair.offerer.events[-1]["reason"] == 4
        await until(pair.offerer.closed, "the signal")


@pytest.mark.parametrize("name", MODULES)
async def test_errors(name: str, network: None) -> None:
    async with paired(name, name) as pair:
        end = pair.offerer
        created = await end.create("early", HANDLER)
        with pytest.raises(WheelError) as raised:
            await end.call("open_handler_connection", "early", 1)
        assert str(raised.value) == (
            "Failed to open handler connection: Failed to send OpenConnection frame: "
            "Failed to send data: DataChannel is not opened"
        )
        await end.call("close_tube", created["tube_id"])
        await pair.connect(HANDLER, wheel_target(1))
        for method, arguments, text in (
            ("open_handler_connection", ["x", 1], "No tube found for conversation ID: x"),
            (
                "send_handler_data",
                ["x", 1, ""],
                "Failed to queue handler data: Handler route not found",
            ),
            ("close_handler_connection", ["x", 1, 0], "No tube found for conversation ID: x"),
        ):
            with pytest.raises(WheelError) as raised:
                await end.call(method, *arguments)
            assert str(raised.value) == text
        with pytest.raises(WheelError, match="Handler payload exceeds maximum frame length"):
            await end.call("send_handler_data", "c", 1, 16 * 1024 * 1024 + 1)


# ---- in this process


def test_without_a_callback(application: Application) -> None:
    with pytest.raises(RuntimeError, match=r"requires python_handler_tx .*\(channel_id: c\)"):
        application.create("c", {**LOOPBACK, **HANDLER})


def test_both_ends_may_be_handlers(application: Application) -> None:
    """The answerer is told that the peer has opened a connection."""
    here: list[dict[str, Any]] = []
    there: list[dict[str, Any]] = []
    settings = {**LOOPBACK, **HANDLER}
    application.connect(
        settings, settings, handler_callback=here.extend, answer={"handler_callback": there.extend}
    )
    registry = application.registry

    registry.open_handler_connection("c", 1)
    wait(lambda: there, "there")
    registry.send_handler_data("c", 1, b"question")
    wait(lambda: len(there) == 2, "the question")
    registry.send_handler_data("c there", 1, b"answer")
    wait(lambda: len(here) == 2, "the answer")
    registry.close_handler_connection("c there", 1, 15)
    wait(lambda: len(here) == 3, "the end")

    name = {"conn_no": 1, "conversation_id": "c"}
    assert here == [
        {"type": "connection_opened", **name},
        {"type": "data", **name, "payload": b"answer"},
        {"type": "connection_closed", **name, "reason": 15},
    ]
    assert [event["type"] for event in there] == ["connection_opened", "data"]


def test_a_slow_callback_stops_the_sender(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler_feed, "PENDING_MAX", 256 * 1024)
    size, go_on = 24 * 1024 * 1024, threading.Event()
    sent = 0
    got = bytearray()

    def on_events(events: list[dict[str, Any]]) -> None:
        assert go_on.wait(20)
        for event in events:
            got.extend(event.get("payload", b""))

    def serve(listener: socket.socket) -> None:
        nonlocal sent
        connection, _ = listener.accept()
        with connection:
            for n in range(size // 65536):
                connection.sendall(n.to_bytes(4, "big") * 16384)
                sent += 65536
            connection.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        application.connect(
            {**LOOPBACK, **HANDLER},
            target(listener.getsockname()[1]),
            handler_callback=on_events,
        )
        application.registry.open_handler_connection("c", 1)
        _wait_for_standstill(lambda: sent)

        assert 0 < sent < size - 1024 * 1024
        go_on.set()
        wait(lambda: len(got) == size, "everything")
        for n in range(size // 65536):
            assert got[n * 65536 : n * 65536 + 4] == n.to_bytes(4, "big")
        application.registry.close_handler_connection("c", 1, 0)
        thread.join(20)


def _wait_for_standstill(count: Any) -> None:
    """Wait until a count has not changed for half a second."""
    last = [-1, 0]

    def stands() -> bool:
        last[0], last[1] = count(), (last[1] + 1 if count() == last[0] else 0)
        return last[1] > 250  # looks

    wait(stands, "a standstill")
