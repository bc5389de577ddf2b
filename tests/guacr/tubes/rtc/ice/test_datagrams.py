"""UDP sockets without queues."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

import pytest

from guacr.tubes.rtc.ice.datagrams import BATCH, RECEIVE_MAX, PortsInUseError, UdpSocket
from tests.support.waiting import free_port, until


class Receiver:
    """Notes what it gets; closes the socket on the first datagram if told so."""

    def __init__(self, *, closes: bool = False) -> None:
        self.received: list[tuple[bytes, tuple[Any, ...]]] = []
        self.errors: list[Exception] = []
        self.lost: list[Exception | None] = []
        self.closes = closes
        self.opened: UdpSocket

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self.received.append((data, addr))
        if self.closes:
            self.opened.close()

    def error_received(self, exc: Exception) -> None:
        self.errors.append(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.append(exc)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_datagrams_in_both_directions(host: str) -> None:
    one, two = Receiver(), Receiver()
    bound = UdpSocket(one, host)
    connected = UdpSocket(two, host, remote=bound.get_extra_info("sockname"))
    connected.sendto(b"a")
    await until(lambda: one.received, "a datagram")
    (data, address), *_ = one.received
    assert (data, address[:2]) == (b"a", connected.get_extra_info("sockname"))
    bound.sendto(bytes(RECEIVE_MAX + 1), (address[0], address[1]))
    await until(lambda: two.received, "a datagram")
    assert len(two.received[0][0]) == RECEIVE_MAX
    bound.close()
    bound.close()
    assert bound.is_closing()
    bound.sendto(b"late", (address[0], address[1]))
    connected.close()
    await until(lambda: one.lost == two.lost == [None], "the end")
    assert bound.get_extra_info("sockname") is None
    assert not one.errors


async def test_a_turn_of_the_event_loop_is_bounded() -> None:
    receiver = Receiver()
    bound = UdpSocket(receiver, "127.0.0.1")
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(BATCH + 5):
        sender.sendto(b"x", bound.get_extra_info("sockname"))
    turned = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lambda: turned.set_result(len(receiver.received)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(receiver.received) <= BATCH
    await until(lambda: len(receiver.received) == BATCH + 5, "the rest")
    sender.close()
    bound.close()
    await turned


async def test_closing_while_datagrams_are_read() -> None:
    receiver = Receiver(closes=True)
    receiver.opened = UdpSocket(receiver, "127.0.0.1")
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(3):
        sender.sendto(b"x", receiver.opened.get_extra_info("sockname"))
    await until(lambda: receiver.lost, "the end")
    assert len(receiver.received) == 1
    assert receiver.errors == []
    sender.close()


async def test_errors_are_reported_and_raise_nothing() -> None:
    receiver = Receiver()
    bound = UdpSocket(receiver, "127.0.0.1")
    bound.sendto(bytes(70_000), ("127.0.0.1", 9))
    bound.sendto(b"x", ("255.255.255.255", 9))
    assert len(receiver.errors) == bound.dropped == 2
    assert isinstance(receiver.errors[0], OSError)
    assert receiver.errors[0].errno == errno.EMSGSIZE
    bound.close()
    with pytest.raises(OSError, match="Cannot assign"):
        UdpSocket(receiver, "192.0.2.77")


async def test_a_port_of_a_range() -> None:
    receiver = Receiver()
    first = free_port()
    last = min(first + 3, 65535)
    opened: list[UdpSocket] = []

    def open_all() -> None:
        while True:
            opened.append(UdpSocket(receiver, "127.0.0.1", (first, last)))

    with pytest.raises(PortsInUseError, match=f"no UDP port from {first} to {last} is free"):
        open_all()
    ports = [one.get_extra_info("sockname")[1] for one in opened]
    for one in opened:
        one.close()
    assert first in ports
    assert len(set(ports)) == len(ports)
    assert all(first <= port <= last for port in ports)
    with pytest.raises(OSError, match="Cannot assign"):
        UdpSocket(receiver, "192.0.2.77", (first, last))


async def test_a_refused_connection_is_reported() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        address = closed.getsockname()
    receiver = Receiver()
    connected = UdpSocket(receiver, "0.0.0.0", remote=address)
    connected.sendto(b"x")
    await until(lambda: receiver.errors, "an error")
    assert isinstance(receiver.errors[0], ConnectionRefusedError)
    connected.close()


async def test_what_the_system_does_not_take_is_lost() -> None:
    receiver, full = Receiver(), socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    bound = UdpSocket(receiver, "127.0.0.1")
    own, bound._socket = bound._socket, full[0]  # UDP on one machine never makes a sender wait
    full[0].setblocking(False)
    for _ in range(5000):
        bound.sendto(bytes(1200))
    assert 0 < bound.dropped < 5000
    assert receiver.errors == []
    bound._socket = own
    bound.close()
    for one in full:
        one.close()
