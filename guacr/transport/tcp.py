"""Clients on TCP and Unix sockets, with or without TLS."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Callable
from time import perf_counter_ns
from typing import cast

from typing_extensions import override

from guacr.addresses import described, plain
from guacr.policy.client import NOBODY, Client
from guacr.protocol.status import Status
from guacr.transport.base import CLOSE_TIMEOUT, NO_RECEIVER, Receiver, Transport
from guacr.transport.tls_names import names_at

REST_MAX = 4096
"""Maximum bytes that are read at once by `read_rest`."""
_LAST_DATA_RECV = 52
"""The place of `tcpi_last_data_recv`, in milliseconds, in the `tcp_info` of Linux (tcp(7))."""


class TcpTransport(asyncio.Protocol, Transport):
    """An accepted connection; `on_open` is called with it, and sets its receiver. `peer` is the
    client's address, and `names` are those in its certificate, if the connection itself does not
    have them."""

    def __init__(
        self,
        on_open: Callable[[TcpTransport], None],
        peer: tuple[str, int] | None = None,
        names: tuple[str, ...] = (),
    ) -> None:
        self.receiver: Receiver
        self._peer = peer
        self.accepted = perf_counter_ns()
        self._names = names
        self._client = NOBODY
        self._on_open = on_open
        self._transport: asyncio.Transport
        self.gone = asyncio.get_running_loop().create_future()
        """Done when the connection is closed."""
        self._closing: asyncio.TimerHandle | None = None
        self._rest_of = -1
        """The descriptor of the connection if data waits for `read_rest`."""

    @property
    def connection(self) -> asyncio.Transport:
        """The connection itself."""
        return self._transport

    # ---- Transport

    @property
    @override
    def peer(self) -> str:
        return described(self._peer)

    @property
    @override
    def client(self) -> Client:
        return self._client

    @property
    @override
    def buffered(self) -> int:
        return self._transport.get_write_buffer_size()

    @override
    def write(self, data: bytes) -> None:
        if self._closing is None and not self._transport.is_closing():
            self._transport.write(data)

    @override
    def pause_reading(self) -> None:
        if self._closing is None and not self._transport.is_closing():
            self._transport.pause_reading()

    @override
    def resume_reading(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    @override
    def report_from(self, size: int) -> None:
        """Have Linux wake the process only for so many bytes, without TLS, whose records are
        longer."""
        sock = self._transport.get_extra_info("socket")
        by_tcp = sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6)
        by_tls = self._transport.get_extra_info("ssl_object") is not None
        if not by_tcp or by_tls or self._transport.is_closing() or sys.platform != "linux":
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
        self._rest_of = -1 if size == 1 else sock.fileno()

    @override
    def read_rest(self) -> bytes:
        if self._rest_of < 0 or self._closing is not None or self._transport.is_closing():
            return b""
        try:
            return os.read(self._rest_of, REST_MAX)  # if this is the end, the event loop reports it
        except OSError:
            return b""  # there is none, or the event loop will report what is wrong

    @override
    def silence(self) -> float:
        if self._rest_of < 0 or self._closing is not None or self._transport.is_closing():
            return 0.0
        sock = self._transport.get_extra_info("socket")
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA_RECV + 4)
        (milliseconds,) = struct.unpack_from("I", info, _LAST_DATA_RECV)
        return float(milliseconds) / 1000

    @override
    def close(self, status: Status = Status.SUCCESS) -> None:
        """Close once everything is sent; TCP has no status.

        Our side is closed, and data that the client still sends is discarded until its side is
        closed, too: closing a socket with unread data would reset the connection, and the client
        might lose our last message.
        """
        if self._closing is not None or self._transport.is_closing():
            return
        loop = asyncio.get_running_loop()
        self._closing = loop.call_later(CLOSE_TIMEOUT, self._transport.abort)
        if not self._transport.can_write_eof():
            self._transport.close()
            return
        try:
            self._transport.write_eof()
            self._transport.resume_reading()
        except OSError:  # the client has reset the connection
            self._transport.abort()

    @override
    def abort(self) -> None:
        self._transport.abort()

    # ---- asyncio.Protocol

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.opened = perf_counter_ns()
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)  # so that resume_writing means drained
        self._client = self._identified()
        self._on_open(self)

    @override
    def data_received(self, data: bytes) -> None:
        if self._closing is None:
            self.receiver.data_received(data)

    @override
    def resume_writing(self) -> None:
        self.receiver.drained()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._closing is not None:
            self._closing.cancel()
        if not self.gone.done():
            self.gone.set_result(None)
        receiver, self.receiver = self.receiver, NO_RECEIVER
        receiver.connection_lost()

    def _identified(self) -> Client:
        """Return who the client is, while the connection still says so."""
        sock = self._transport.get_extra_info("socket")
        if self._peer is None and sock.family == socket.AF_UNIX:
            return Client("unix")
        self._peer = self._peer or self._transport.get_extra_info("peername")
        if self._peer is None:  # it has left, and rules about its address would not apply
            self._transport.abort()
            return NOBODY
        return Client("tcp", plain(self._peer[0]), self._names or names_at(self._transport))
