"""UDP sockets in an event loop, without a queue: what the system does not take at once is lost.

asyncio's own datagram transports keep everything that the system does not take, without a limit,
and read one datagram in each turn of the event loop.
"""

from __future__ import annotations

import asyncio
import errno
import secrets
import socket
from contextlib import suppress
from typing import Any, Protocol

from guacr.tubes.forks import keep_from_children

RECEIVE_MAX = 16384
"""Bytes; the end of a longer datagram is cut off, so that it fails where it is checked. Nothing in
WebRTC is longer than 16 KiB, the limit of a DTLS record, and hardly anything than 1,500."""
BATCH = 32
"""Datagrams that are read in one turn of the event loop."""
SYSTEM_BUFFER = 1 << 20
"""Bytes that the system is asked to hold in each direction; it may grant less."""


PORTS_TRIED_MAX = 1024
"""Ports of a range that are tried, from a random one on; some milliseconds if none is free."""


class PortsInUseError(OSError):
    """No port of a range is free."""


class Receiver(Protocol):
    """Who gets the datagrams of a socket."""

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """Take a datagram from an address and port."""

    def error_received(self, exc: Exception) -> None:
        """Learn that the system could not send, or was told so by the network."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Learn that the socket is closed."""


class UdpSocket:
    """A bound socket with the methods of a `DatagramTransport` that ICE uses.

    Args:
        receiver: gets the datagrams.
        host: the local address.
        ports: the first and the last port to choose from; (0, 0) for any.
        remote: to connect to.

    Raises:
        PortsInUseError: none of the ports is free.
        OSError: the address cannot be bound.
    """

    __slots__ = ("_loop", "_receiver", "_socket", "dropped")

    def __init__(
        self,
        receiver: Receiver,
        host: str,
        ports: tuple[int, int] = (0, 0),
        remote: tuple[str, int] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._receiver = receiver
        self._socket: socket.socket | None = _opened(host, ports, remote)
        self.dropped = 0
        """Datagrams that the system did not take."""
        read = self._read_bound if remote is None else self._read_connected
        self._loop.add_reader(self._socket.fileno(), read, self._socket)

    def sendto(self, data: bytes, addr: tuple[str, int] | None = None) -> None:
        """Send at once or never; `addr` is left out if the socket is connected."""
        if self._socket is None:
            return
        try:
            if addr is None:
                self._socket.send(data)
            else:
                self._socket.sendto(data, addr)
        except (BlockingIOError, InterruptedError):
            self.dropped += 1
        except OSError as error:  # no route, address gone, refused, too long
            self.dropped += 1
            self._receiver.error_received(error)

    def _read_bound(self, opened: socket.socket) -> None:
        received = self._receiver.datagram_received
        for _ in range(BATCH):
            try:
                data, address = opened.recvfrom(RECEIVE_MAX)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._receiver.error_received(error)
                return
            received(data, address)
            if self._socket is None:
                return

    def _read_connected(self, opened: socket.socket) -> None:
        received, server = self._receiver.datagram_received, opened.getpeername()
        for _ in range(BATCH):
            try:
                data = opened.recv(RECEIVE_MAX)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._receiver.error_received(error)
                return
            received(data, server)
            if self._socket is None:
                return

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the address and port of the socket as `sockname`."""
        if name == "sockname" and self._socket is not None:
            return self._socket.getsockname()[:2]
        return default

    def is_closing(self) -> bool:
        """Return whether it has been closed."""
        return self._socket is None

    def close(self) -> None:
        """Close the socket at once; the receiver is told in the next turn."""
        if (opened := self._socket) is not None:
            self._socket = None
            self._loop.remove_reader(opened.fileno())
            opened.close()
            self._loop.call_soon(self._receiver.connection_lost, None)


def _opened(host: str, ports: tuple[int, int], remote: tuple[str, int] | None) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    keep_from_children(opened)
    try:
        opened.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            with suppress(OSError):
                opened.setsockopt(socket.SOL_SOCKET, option, SYSTEM_BUFFER)
        _bind(opened, host, ports)
        if remote is not None:
            opened.connect(remote)
    except BaseException:
        opened.close()
        raise
    return opened


def _bind(opened: socket.socket, host: str, ports: tuple[int, int]) -> None:
    first, last = ports
    count = last - first + 1
    begin = secrets.randbelow(count)
    for n in range(min(count, PORTS_TRIED_MAX)):
        try:
            opened.bind((host, first + (begin + n) % count))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return
    raise PortsInUseError(f"no UDP port from {first} to {last} is free at {host}")
