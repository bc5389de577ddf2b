"""Packets of a server, in pieces and damaged; where there is no server, nothing waits."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from handlers.rdp.aardwolf.errors import INVALID, LOST, EndError
from handlers.rdp.aardwolf.link import Link, tpkt
from tests.support.certificates import Authority

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


def test_what_precedes_the_end_of_tls(ends: tuple[Link, socket.socket], tmp_path: Path) -> None:
    """The last packet tells why a server ends the connection."""
    link, server = ends
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = Authority().server_context(tmp_path)
    tls = context.wrap_bio(incoming, outgoing, server_side=True)

    def serve() -> None:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                server.sendall(outgoing.read())
                incoming.write(server.recv(1 << 16))
        tls.write(FAST)
        with suppress(ssl.SSLWantReadError):
            tls.unwrap()
        server.sendall(outgoing.read())

    serving = threading.Thread(target=serve)
    serving.start()
    link.secure()
    serving.join()
    while (packet := link.packet()) is None:
        link.receive()
    assert packet == (True, b"\0abc")
    with pytest.raises(EndError) as raised:
        link.receive()
    assert raised.value.name == LOST


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
