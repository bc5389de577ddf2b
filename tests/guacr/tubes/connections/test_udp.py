"""Datagrams of SOCKS5 clients, from end to end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address

import pytest

from guacr.tubes.connections import udp_association, udp_relay
from guacr.tubes.connections.allow import AllowRules
from guacr.tubes.connections.dial import Resolver
from guacr.tubes.connections.listener import Listener
from guacr.tubes.connections.socks import Reply, read_address, reply, write_address
from guacr.tubes.connections.target import FixedTarget, SocksTargets
from guacr.tubes.events import ConnectionEnded, ConnectionStarted
from guacr.tubes.wire.control import (
    CloseConnection,
    UdpAssociate,
    UdpAssociateClosed,
    UdpAssociateOpened,
    UdpPacket,
)
from guacr.tubes.wire.socks_target import SocksTarget
from tests.guacr.tubes.connections.test_socks_client import GREETING, ask, request
from tests.support.conversations import Talk, raw_peer, talk
from tests.support.waiting import until

ANYTHING = SocksTargets(AllowRules.parse([], []))


@asynccontextmanager
async def udp(host: str = "127.0.0.1") -> AsyncIterator[socket.socket]:
    """A bound UDP socket."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind((host, 0))
        yield sock


@asynccontextmanager
async def udp_echo(host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server that sends datagrams back, with a mark; its port."""
    async with udp(host) as sock:
        loop = asyncio.get_running_loop()

        def answer() -> None:
            data, sender = sock.recvfrom(65535)
            sock.sendto(b"echo of " + data, sender)

        loop.add_reader(sock, answer)
        yield sock.getsockname()[1]
        loop.remove_reader(sock)


async def receive(sock: socket.socket) -> bytes:
    """The next datagram."""
    received: list[bytes] = []

    def look() -> bool:
        with suppress(BlockingIOError):
            received.append(sock.recv(65535))
        return bool(received)

    await until(look, "a datagram")
    return received[0]


@asynccontextmanager
async def association(one: Talk) -> AsyncIterator[tuple[socket.socket, int]]:
    """A client's socket, and the port of its relay."""
    (_, writer), answer = await ask(one, "0.0.0.0", 0, command=3)
    found = read_address(answer, 3)
    assert answer[:3] == b"\x05\x00\x00"
    assert found is not None
    assert found[0] == "127.0.0.1"
    async with udp() as sock:
        yield sock, found[1]
    writer.close()


def datagram(host: str, port: int, data: bytes) -> bytes:
    """A datagram of a client, to a name or an address."""
    return b"\0\0\0" + request(host, port)[3:] + data


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_datagrams_go_both_ways(host: str) -> None:
    async with (
        udp_echo() as port,
        talk(ANYTHING, socks=True) as one,
        association(one) as (
            sock,
            relay,
        ),
    ):
        for number in range(3):
            sock.sendto(datagram(host, port, b"%d" % number), ("127.0.0.1", relay))
            data = await receive(sock)

            assert data == b"\0\0\0" + write_address("127.0.0.1", port) + b"echo of %d" % number
        assert one.seen(0, ConnectionStarted)
        assert one.seen(1, ConnectionStarted)
        assert one.answerer.connections == 1


async def test_ipv6_targets() -> None:
    async with (
        udp_echo("::1") as port,
        talk(ANYTHING, socks=True) as one,
        association(one) as (
            sock,
            relay,
        ),
    ):
        sock.sendto(datagram("::1", port, b"x"), ("127.0.0.1", relay))

        assert await receive(sock) == b"\0\0\0" + write_address("::1", port) + b"echo of x"


async def test_an_association_ends_with_its_tcp_connection() -> None:
    async with talk(ANYTHING, socks=True) as one:
        async with association(one):
            assert one.answerer.connections == 1
        await until(lambda: one.seen(1, ConnectionEnded), "the end")
        alive = one.offerer.table.alive, one.answerer.table.alive
        await until(lambda: not any(alive), "the release")


async def test_an_association_ends_with_its_conversation() -> None:
    async with talk(ANYTHING, socks=True) as one, association(one):
        one.answerer.close()
        await one.answerer.wait_closed()
        await until(lambda: one.offerer.is_closed, "the end")
        await one.offerer.wait_closed()


async def test_targets_are_checked() -> None:
    rules = AllowRules.parse(["127.0.0.1"], [])
    async with (
        udp_echo() as port,
        udp_echo("::1") as other,
        talk(SocksTargets(rules), socks=True) as one,
        association(one) as (sock, relay),
    ):
        sock.sendto(datagram("::1", other, b"refused"), ("127.0.0.1", relay))
        sock.sendto(datagram("127.0.0.1", port, b"allowed"), ("127.0.0.1", relay))

        assert (await receive(sock)).endswith(b"echo of allowed")


async def test_datagrams_of_others_and_fragments_are_ignored() -> None:
    async with (
        udp_echo() as port,
        talk(ANYTHING, socks=True) as one,
        association(one) as (
            sock,
            relay,
        ),
    ):
        place = ("127.0.0.1", relay)
        sock.sendto(datagram("127.0.0.1", port, b"mine"), place)
        await receive(sock)
        async with udp() as other:
            other.sendto(datagram("127.0.0.1", port, b"other"), place)
            for junk in (b"", b"\0", b"\0\0\0", b"\0\0\1" + request("127.0.0.1", port)[3:] + b"f",
                         b"\0\0\0\x09", datagram("127.0.0.1", port, bytes(40_000))):  # fmt: skip
                sock.sendto(junk, place)
            sock.sendto(datagram("127.0.0.1", port, b"last"), place)

            assert (await receive(sock)).endswith(b"echo of last")
            with pytest.raises(BlockingIOError):
                other.recv(1000)


async def test_who_was_not_spoken_to_is_not_heard() -> None:
    async with (
        udp_echo() as port,
        talk(ANYTHING, socks=True) as one,
        association(one) as (
            sock,
            relay,
        ),
    ):
        sock.sendto(datagram("127.0.0.1", port, b"1"), ("127.0.0.1", relay))
        await receive(sock)
        there = next(iter(one.answerer.table.by_number.values()))
        assert isinstance(there, udp_association.UdpAssociation)
        async with udp() as stranger:
            stranger.sendto(b"hello", ("127.0.0.1", there.port))
        sock.sendto(datagram("127.0.0.1", port, b"2"), ("127.0.0.1", relay))

        assert (await receive(sock)).endswith(b"echo of 2")


async def test_a_peer_without_udp_is_told_to_the_client() -> None:
    async with talk(FixedTarget("127.0.0.1", 1), socks=True) as one:
        (reader, writer), answer = await ask(one, "0.0.0.0", 0, command=3)

        assert answer == reply(Reply.COMMAND_NOT_SUPPORTED)
        assert await reader.read() == b""
        writer.close()


async def test_an_answerer_without_rules_refuses() -> None:
    async with talk(SocksTargets(None), socks=True) as one:
        (_, writer), answer = await ask(one, "0.0.0.0", 0, command=3)

        assert answer == reply(Reply.NOT_ALLOWED)
        writer.close()


async def test_a_peer_that_does_not_know_udp_is_told_to_the_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(udp_relay, "ASSOCIATE_TIMEOUT", 0.05)
    listener = Listener("127.0.0.1", 0, socks=True)
    async with raw_peer(is_answerer=False, listener=listener) as (peer, one):
        host, _, port = listener.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(GREETING + request("0.0.0.0", 0, command=3))

        assert await reader.read() == b"\x05\x00" + reply(Reply.COMMAND_NOT_SUPPORTED)
        writer.close()
        await until(lambda: len(peer.controls) == 2, "the messages")
        assert isinstance(peer.controls[0], UdpAssociate)
        assert peer.controls[1] == UdpAssociateClosed(1)
        await until(lambda: not one.table.alive, "the release")


async def test_the_messages_of_an_answerer() -> None:
    client = ip_address("192.0.2.9")
    async with udp_echo() as port, raw_peer(ANYTHING) as (peer, one):
        peer.send(UdpAssociate(0, 1), UdpAssociate(7, 4000))
        await until(lambda: len(peer.controls) == 4, "the answer")
        opened = peer.controls[3]
        assert isinstance(opened, UdpAssociateOpened)
        assert opened.conn_no == 7
        assert opened.port

        target = SocksTarget("127.0.0.1", port).encode()
        peer.send(
            UdpPacket(7, client, 5000, b"no target"),
            UdpPacket(8, client, 5000, target + b"unknown"),
            UdpPacket(7, client, 5000, target + b"x"),
        )
        peer.send_frame(7, b"no datagram")
        await until(lambda: len(peer.controls) == 5, "the echo")
        assert peer.controls[4] == UdpPacket(
            7, client, 5000, b"\0\0\0" + write_address("127.0.0.1", port) + b"echo of x"
        )

        peer.send(UdpAssociateClosed(7), UdpAssociateClosed(7))
        await peer.answered()
        assert not one.connections
        assert not peer.closes(7)


async def test_a_flood_of_targets_is_bounded() -> None:
    client = ip_address("192.0.2.9")
    async with raw_peer(ANYTHING) as (peer, one):
        peer.send(UdpAssociate(7, 4000))
        for number in range(2000):
            target = SocksTarget(f"127.0.{number >> 8}.{number & 255}", 9).encode()
            peer.send(UdpPacket(7, client, 5000, target + b"x"))
        await peer.answered()
        there = one.table.by_number[7]
        assert isinstance(there, udp_association.UdpAssociation)

        assert len(there._addresses) <= udp_association.TARGETS_MAX
        assert len(there._waiting) <= udp_association.RESOLVING_MAX
        assert len(there._clients) <= udp_association.TARGETS_MAX


async def test_a_flood_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(self: Resolver, host: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(Resolver, "resolve", never)
    client = ip_address("192.0.2.9")
    async with raw_peer(ANYTHING) as (peer, one):
        peer.send(UdpAssociate(7, 4000))
        for number in range(200):
            target = SocksTarget(f"host{number % 50}", 9).encode()
            peer.send(UdpPacket(7, client, 5000, target + b"x"))
        await peer.answered()
        there = one.table.by_number[7]
        assert isinstance(there, udp_association.UdpAssociation)

        assert len(there._waiting) == len(there._tasks) == udp_association.RESOLVING_MAX
        assert sum(map(len, there._waiting.values())) <= 200


async def test_large_datagrams_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = asyncio.Event()

    async def late(self: Resolver, host: str) -> list[str]:
        await go_on.wait()
        return ["127.0.0.1"]

    monkeypatch.setattr(Resolver, "resolve", late)
    client = ip_address("192.0.2.9")
    async with udp_echo() as port, raw_peer(ANYTHING) as (peer, one):
        peer.send(UdpAssociate(7, 4000))
        target = SocksTarget("host", port).encode()
        peer.send(UdpPacket(7, client, 5000, target + bytes(udp_association.PAYLOAD_MAX + 1)))
        for number in range(8):
            other = SocksTarget(f"host{number}", port).encode()
            peer.send(UdpPacket(7, client, 5000, other + bytes(20_000)))
        await peer.answered()
        there = one.table.by_number[7]
        assert isinstance(there, udp_association.UdpAssociation)
        waiting = [len(data) for queue in there._waiting.values() for _, data in queue]
        assert waiting == [20_000] * 3

        go_on.set()
        await until(lambda: not there._waiting, "the addresses")
        peer.send(UdpPacket(7, client, 5000, SocksTarget("late", port).encode() + b"x"))
        echo = b"\0\0\0" + write_address("127.0.0.1", port) + b"echo of x"
        await until(peer.received(UdpPacket(7, client, 5000, echo)), "the echo")


async def test_associations_count_as_connections() -> None:
    async with raw_peer(ANYTHING, connections_max=1) as (peer, _):
        peer.send(UdpAssociate(1, 4000), UdpAssociate(2, 4001))
        await until(lambda: peer.closes(2), "the refusal")

        assert isinstance(peer.closes(2)[0], CloseConnection)
