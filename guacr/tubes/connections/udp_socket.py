"""A UDP socket on the event loop, which neither waits nor fails."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

from guacr.tubes.forks import keep_from_children

DATAGRAM_MAX = 65535
BATCH = 32
"""Maximum datagrams that are received in one turn of the event loop."""


class UdpSocket:
    """A bound socket.

    Args:
        host: an address to bind to.
        on_datagram: called with the data, and the sender's address and port.

    Raises:
        OSError: it cannot be created.
    """

    def __init__(self, host: str, on_datagram: Callable[[bytes, str, int], None]) -> None:
        self._on_datagram = on_datagram
        self._loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._sock = socket.socket(family, socket.SOCK_DGRAM)
        keep_from_children(self._sock)
        try:
            self._sock.setblocking(False)
            if family == socket.AF_INET6:
                self._sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self._sock.bind((host, 0))
        except OSError:
            self._sock.close()
            raise
        self.port: int = self._sock.getsockname()[1]
        self._loop.add_reader(self._sock, self._read)

    def send(self, data: bytes | memoryview, host: str, port: int) -> None:
        """Send a datagram, which gets lost if the system does not take it at once."""
        with suppress(OSError):
            self._sock.sendto(data, (host, port))

    def close(self) -> None:
        """Release it; harmless when repeated."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._sock.close()

    def _read(self) -> None:
        for _ in range(BATCH):
            try:
                data, sender = self._sock.recvfrom(DATAGRAM_MAX)
            except OSError:  # nothing more, or an earlier datagram was refused (ICMP)
                return
            self._on_datagram(data, sender[0], sender[1])
            if self._sock.fileno() < 0:
                return
