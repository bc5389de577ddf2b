"""What TCP knows about a host."""

from __future__ import annotations

import socket

from handlers.link import NEAR, is_near
from tests.support.slow_link import slow_link


async def test_a_host_is_near_if_packets_return_quickly() -> None:
    async with slow_link(1e7, 0.0) as link:
        with link.listen() as server, await link.connect(*server.getsockname()) as sock:
            assert is_near(sock)


async def test_a_host_behind_a_long_link_is_not_near() -> None:
    async with slow_link(1e7, NEAR * 1.5) as link:
        with link.listen() as server, await link.connect(*server.getsockname()) as sock:
            assert not is_near(sock)


def test_of_other_connections_nothing_is_known() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert not is_near(one)
