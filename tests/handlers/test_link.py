"""What TCP knows about a host."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

import pytest

from handlers.link import NEAR, PROBED_AFTER, Link, is_near, keep_alive, probe_soon
from tests.support.slow_link import slow_link
from tests.support.waiting import until

TRIES = 20
"""Round trips, of which a busy machine may delay some."""
CLOSED = 7
"""TCP_CLOSE (net/tcp_states.h)."""


async def test_a_host_is_near_if_packets_return_quickly() -> None:
    found: list[bool] = []
    async with slow_link(1e7, 0.0) as link:
        with link.listen() as server:
            while not any(found) and len(found) < TRIES:
                with await link.connect(*server.getsockname()) as sock:
                    found.append(is_near(sock))
    assert found[-1]


async def test_a_host_behind_a_long_link_is_not_near() -> None:
    async with slow_link(1e7, NEAR * 1.5) as link:
        with link.listen() as server, await link.connect(*server.getsockname()) as sock:
            assert not is_near(sock)


def test_of_other_connections_nothing_is_known() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert not is_near(one)


async def test_a_host_that_vanished_stays_silent_when_the_connection_ends() -> None:
    async with slow_link(1e7, 0.001) as link:
        with link.listen() as server, await link.connect(*server.getsockname()) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 500)
            watched = Link(sock)
            link.cut()
            sock.send(b"x")
            await until(watched.is_silent, "silence")
            await until(lambda: state(sock) == CLOSED, "the end")
            assert watched.is_silent()
            assert watched.is_silent()
            watched.close()


async def test_a_host_that_hangs_up_is_not_silent() -> None:
    async with slow_link(1e7, 0.001) as link:
        with link.listen() as server, await link.connect(*server.getsockname()) as sock:
            watched = Link(sock)
            server.setblocking(False)
            accepted, _ = await asyncio.get_running_loop().sock_accept(server)
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            accepted.close()
            await until(lambda: state(sock) == CLOSED, "the end")
            assert not watched.is_silent()
            watched.close()


def state(sock: socket.socket) -> int:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


@pytest.mark.skipif(sys.platform != "linux", reason="the option is Linux's")
def test_a_host_that_has_not_greeted_is_probed_soon() -> None:
    with socket.socket() as sock:
        probe_soon(sock)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == PROBED_AFTER
        keep_alive(sock)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) > PROBED_AFTER
