"""SOCKS5 clients, from their greeting to their target."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from guacr.tubes.connections import socks_client, tcp
from guacr.tubes.connections.allow import AllowRules
from guacr.tubes.connections.dial import Resolver
from guacr.tubes.connections.listener import Listener
from guacr.tubes.connections.socks import Reply, reply, write_address
from guacr.tubes.connections.target import SocksTargets
from guacr.tubes.events import ConnectionEnded
from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.control import CloseConnection, ConnectionOpened, OpenConnection
from tests.support.conversations import RawPeer, Streams, Talk, echo, raw_peer, server, talk
from tests.support.waiting import free_port, until

ANYTHING = SocksTargets(AllowRules.parse([], []))
GREETING = b"\x05\x01\x00"


def request(host: str, port: int, command: int = 1) -> bytes:
    """A request by name, or by address if `host` is one."""
    head = bytes((5, command, 0))
    try:
        return head + write_address(host, port)
    except ValueError:
        return head + bytes((3, len(host))) + host.encode() + port.to_bytes(2)


async def ask(one: Talk, host: str, port: int, command: int = 1) -> tuple[Streams, bytes]:
    """A client of the listener that has asked for a connection, and the answer's code."""
    reader, writer = await one.connect()
    writer.write(GREETING)
    assert await reader.readexactly(2) == b"\x05\x00"
    writer.write(request(host, port, command))
    return (reader, writer), await reader.readexactly(10)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::ffff:127.0.0.1"])
async def test_connections_by_name_and_address(host: str) -> None:
    async with server(echo) as port, talk(ANYTHING, socks=True) as one:
        (reader, writer), answer = await ask(one, host, port)
        assert answer == reply(Reply.SUCCEEDED)

        writer.write(b"hello")
        writer.write_eof()
        assert await reader.read() == b"hello"
        writer.close()


async def test_ipv6() -> None:
    async with server(echo, "::1") as port, talk(ANYTHING, socks=True) as one:
        (reader, writer), answer = await ask(one, "::1", port)
        assert answer == reply(Reply.SUCCEEDED)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()


async def test_data_may_follow_the_request_at_once() -> None:
    async with server(echo) as port, talk(ANYTHING, socks=True) as one:
        reader, writer = await one.connect()
        writer.write(GREETING + request("localhost", port) + b"early")
        assert await reader.readexactly(12) == b"\x05\x00" + reply(Reply.SUCCEEDED)
        assert await reader.readexactly(5) == b"early"
        writer.close()


@pytest.mark.parametrize(
    ("hosts", "ports", "host", "code"),
    [
        ("db.example.com", "", "localhost", Reply.NOT_ALLOWED),
        ("10.0.0.0/8", "", "localhost", Reply.NOT_ALLOWED),
        ("10.0.0.0/8", "", "127.0.0.1", Reply.NOT_ALLOWED),
        ("", "1", "127.0.0.1", Reply.NOT_ALLOWED),
        ("localhost", "", "localhost", Reply.CONNECTION_REFUSED),
        ("", "", "does-not-exist.invalid", Reply.HOST_UNREACHABLE),
    ],
)
async def test_refusals_are_told(hosts: str, ports: str, host: str, code: Reply) -> None:
    rules = AllowRules.parse(hosts.split(), map(int, ports.split()))
    async with talk(SocksTargets(rules), socks=True) as one:
        (reader, writer), answer = await ask(one, host, free_port())

        assert answer == reply(code)
        assert await reader.read() == b""
        writer.close()
        assert one.seen(0, ConnectionEnded)[0].reason is CloseReason.CONNECTION_FAILED


async def test_a_name_that_resolves_to_this_machine_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def rebound(self: Resolver, host: str) -> list[str]:
        return ["127.0.0.1"]

    monkeypatch.setattr(Resolver, "resolve", rebound)
    rules = AllowRules.parse(["*.example.com"], [])
    async with server(echo) as port, talk(SocksTargets(rules), socks=True) as one:
        (_, writer), answer = await ask(one, "rebound.example.com", port)

        assert answer == reply(Reply.NOT_ALLOWED)
        writer.close()


async def test_an_answerer_without_rules_refuses() -> None:
    async with talk(SocksTargets(None), socks=True) as one:
        (_, writer), answer = await ask(one, "localhost", 1)

        assert answer == reply(Reply.NOT_ALLOWED)
        writer.close()
        assert one.seen(0, ConnectionEnded)[0].text == (
            "SOCKS5 OpenConnection not supported in this mode"
        )


async def test_bind_is_not_supported() -> None:
    async with talk(ANYTHING, socks=True) as one:
        (reader, writer), answer = await ask(one, "127.0.0.1", 1, command=2)

        assert answer == reply(Reply.COMMAND_NOT_SUPPORTED)
        assert await reader.read() == b""
        writer.close()
        assert not one.answerer.connections


async def test_clients_that_speak_something_else_are_closed() -> None:
    async with talk(ANYTHING, socks=True) as one:
        reader, writer = await one.connect()
        writer.write(b"GET / HTTP/1.1\r\n\r\n")

        assert await reader.read() == b"\x05\xff"
        writer.close()


async def test_clients_that_say_nothing_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socks_client, "HANDSHAKE_TIMEOUT", 0.05)
    async with talk(ANYTHING, socks=True) as one:
        reader, writer = await one.connect()
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        await until(lambda: not one.offerer.table.alive, "the end")


@asynccontextmanager
async def socks_peer() -> AsyncIterator[tuple[RawPeer, Streams]]:
    """A raw answerer, and a client that has asked for a connection to a name."""
    listener = Listener("127.0.0.1", 0, socks=True)
    async with raw_peer(is_answerer=False, listener=listener) as (peer, _):
        host, _, port = listener.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(GREETING + request("example.com", 443))
        await until(lambda: peer.controls, "the request")
        yield peer, (reader, writer)
        writer.close()


async def test_the_target_is_sent_as_published() -> None:
    async with socks_peer() as (peer, _):
        target = (11).to_bytes(4) + b"example.com" + (443).to_bytes(2)

        assert peer.controls == [OpenConnection(1, target)]


async def test_a_peer_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "OPEN_TIMEOUT", 0.05)
    async with socks_peer() as (peer, (reader, _)):
        assert await reader.read() == b"\x05\x00" + reply(Reply.TTL_EXPIRED)
        await until(lambda: peer.closes(1), "the close")


async def test_the_answer_comes_before_data_that_overtakes_it() -> None:
    async with socks_peer() as (peer, (reader, _)):
        peer.send_frame(1, b"banner")
        peer.send(ConnectionOpened(1))
        peer.send(CloseConnection(1))

        assert await reader.read() == b"\x05\x00" + reply(Reply.SUCCEEDED) + b"banner"


async def test_an_answer_is_not_overtaken_by_a_reset() -> None:
    async with socks_peer() as (peer, (reader, _)):
        peer.send(CloseConnection(1, CloseReason.CONNECTION_LOST, "it was reset"))

        assert await reader.read() == b"\x05\x00" + reply(Reply.FAILURE)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("scheme", ["--socks5", "--socks5-hostname"])
async def test_curl(scheme: str) -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + b"body " * 100_000)
        await writer.drain()

    async with server(web) as port, talk(ANYTHING, socks=True) as one:
        assert one.listener is not None
        curl = await asyncio.create_subprocess_exec(
            "curl", "-s", "-S", scheme, one.listener.address, f"http://localhost:{port}/",
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await curl.communicate()

        assert curl.returncode == 0
        assert out == b"body " * 100_000
