"""The offerer's listener."""

from __future__ import annotations

import asyncio
import socket

import pytest

from guacr.tubes.connections.listener import Listener, _admits
from guacr.tubes.connections.target import FixedTarget
from guacr.tubes.conversation import Conversation, ConversationOptions
from guacr.tubes.errors import TubeSettingsError
from guacr.tubes.events import ConnectionEnded
from tests.support.conversations import echo, server, talk
from tests.support.sctp_pair import sctp_pair
from tests.support.waiting import until


async def test_clients_wait_for_the_channel() -> None:
    async with server(echo) as port, sctp_pair() as pair:
        listener = Listener("127.0.0.1", 0)
        host, _, number = listener.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(number))
        writer.write(b"early")
        backend = FixedTarget("127.0.0.1", port)
        answerers = []

        pair.ends[1].on_channel = lambda channel: answerers.append(
            Conversation(
                channel, lambda event: None, ConversationOptions(is_answerer=True), backend=backend
            )
        )
        offerer = Conversation(
            pair.ends[0].open_channel("the label"),
            lambda event: None,
            ConversationOptions(is_answerer=False),
            front=listener,
        )

        assert await reader.readexactly(5) == b"early"
        writer.close()
        offerer.close()
        await until(lambda: answerers[0].is_closed, "the end")
        await offerer.wait_closed()
        await answerers[0].wait_closed()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_addresses_are_those_that_can_be_connected_to(host: str) -> None:
    listener = Listener(host, 0)
    async with server(echo) as port, talk(FixedTarget("127.0.0.1", port), listener=listener) as one:
        reader, writer = await one.connect()
        writer.write(b"hello")

        assert await reader.readexactly(5) == b"hello"
        assert listener.address.startswith("[::1]:" if host == "::1" else "127.0.0.1:")
        writer.close()


async def test_the_listener_ends_with_the_conversation() -> None:
    async with talk(None) as one:
        one.offerer.close()

        with pytest.raises(ConnectionRefusedError):
            await one.connect()


async def test_a_listener_that_never_began_can_be_closed() -> None:
    listener = Listener("127.0.0.1", 0)
    listener.close()
    listener.close()


async def test_names_are_no_addresses() -> None:
    with pytest.raises(TubeSettingsError, match="Invalid server address 'nonsense'"):
        Listener("nonsense", 0)


async def test_an_address_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]

        with pytest.raises(TubeSettingsError) as caught:
            Listener("127.0.0.1", port)

    assert str(caught.value) == (
        f"Failed to bind to 127.0.0.1:{port}: Address already in use (os error 98)"
    )


@pytest.mark.parametrize(
    ("host", "admitted"),
    [("127.0.0.5", True), ("::1", True), ("::ffff:127.0.0.1", True), ("192.0.2.1", False),
     ("::ffff:192.0.2.1", False), ("fe80::1%lo", False)],
)  # fmt: skip
async def test_clients_of_other_machines_are_refused(host: str, admitted: bool) -> None:
    async with talk(None) as one:
        assert _admits(one.offerer, (host, 5)) == admitted


async def test_clients_beyond_the_limit_are_refused() -> None:
    async with (
        server(echo) as port,
        talk(FixedTarget("127.0.0.1", port), connections_max=2) as one,
    ):
        writers = [(await one.connect())[1] for _ in range(2)]
        await until(lambda: one.answerer.connections == 2, "the connections")
        reader, writer = await one.connect()

        assert await reader.read() == b""
        assert not one.seen(0, ConnectionEnded)  # it was not even asked for
        for each in (writer, *writers):
            each.close()
