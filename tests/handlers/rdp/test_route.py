"""The way to a host."""

from __future__ import annotations

import socket

from handlers.rdp.params import RdpParams
from handlers.rdp.route import _direct


def test_keys_are_not_held_back() -> None:
    """By Nagle's algorithm, which waits for the answer to what was sent before."""
    with socket.socket() as sock:
        connection = _direct(RdpParams(), sock)
        assert connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
