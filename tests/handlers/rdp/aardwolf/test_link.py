"""Packets of a server, in pieces and damaged; where there is no server, nothing waits."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from handlers.rdp.aardwolf.errors import INVALID, LOST, EndError
from handlers.rdp.aardwolf.link import Link, tpkt

DATA = bytes.fromhex("02f080")
FAST = b"\0\x05abc"
LONG = b"\0\x80\x05ab"
"""With two bytes for the length."""


@pytest.fixture
def ends() -> Iterator[tuple[Link, socket.socket]]:
    ours, theirs = socket.socketpair()
    link = Link(ours.detach())
    with theirs:
        yield link, theirs
    link.close()


def test_packets_in_pieces(ends: tuple[Link, socket.socket]) -> None:
    link, server = ends
    for piece in (tpkt(DATA + b"one") + FAST + LONG + tpkt(DATA + b"two"))[:]:
        server.send(bytes((piece,)))
    found: list[tuple[bool, bytes]] = []
    while len(found) < 4:
        link.receive()
        while (packet := link.packet()) is not None:
            found.append(packet)
    assert found == [(False, b"one"), (True, b"\0abc"), (True, b"\0ab"), (False, b"two")]
    assert not link.peek()


@pytest.mark.parametrize(
    "data",
    [
        b"\3\0\0\0abcd",  # shorter than its own header
        b"\3\0\0\6abcd",
        tpkt(b"\2\xf0\0" + b"abc"),
        b"\1\4ab",
        b"\0\1ab",
        b"\0\x80\2ab",
    ],
)
def test_damaged_packets(data: bytes, ends: tuple[Link, socket.socket]) -> None:
    link, server = ends
    server.send(data)
    link.receive()
    with pytest.raises(EndError) as raised:
        link.packet()
    assert raised.value.name == INVALID


def test_an_aborted_connection_is_lost(ends: tuple[Link, socket.socket]) -> None:
    link, _ = ends
    link.abort()
    with pytest.raises(EndError) as raised:
        link.receive()
    assert raised.value.name == LOST
