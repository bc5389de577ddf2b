"""Clients on TCP and Unix sockets, with or without TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from guacr.protocol.status import Status
from guacr.transport.base import CLOSE_TIMEOUT, Receiver, Transport


class TcpTransport(asyncio.Protocol, Transport):
    """One accepted connection; `on_open` is given it, and sets its receiver."""

    def __init__(self, on_open: Callable[[TcpTransport], None]) -> None:
        self.receiver: Receiver
        self._on_open = on_open
        self._transport: asyncio.Transport
        self.gone = asyncio.get_running_loop().create_future()
        """Done when the connection is."""
        self._closing: asyncio.TimerHandle | None = None

    # ---- Transport

    @property
    def peer(self) -> str:
        """Address and port, or the kind of socket that has none."""
        name = self._transport.get_extra_info("peername")
        return f"{name[0]}:{name[1]}" if isinstance(name, tuple) else "a Unix socket"

    @property
    def buffered(self) -> int:
        """Bytes that the system has not taken."""
        return self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        """Send."""
        if self._closing is None and not self._transport.is_closing():
            self._transport.write(data)

    def pause_reading(self) -> None:
        """Leave what the client sends in the system's buffers."""
        if self._closing is None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self, status: Status = Status.SUCCESS) -> None:
        """Close once all is sent; TCP carries no status of its own.

        Our side ends, and what the client still sends is thrown away until its side ends too: a
        socket closed with something unread would reset the connection, and the client might
        lose our last words.
        """
        if self._closing is not None or self._transport.is_closing():
            return
        loop = asyncio.get_running_loop()
        self._closing = loop.call_later(CLOSE_TIMEOUT, self._transport.abort)
        if self._transport.can_write_eof():
            self._transport.write_eof()
            self._transport.resume_reading()
        else:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)  # so that resume_writing means drained
        self._on_open(self)

    def data_received(self, data: bytes) -> None:
        """Pass on what the client sent, unless its session has ended."""
        if self._closing is None:
            self.receiver.data_received(data)

    def resume_writing(self) -> None:
        """The system took everything."""
        self.receiver.drained()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by whichever side."""
        if self._closing is not None:
            self._closing.cancel()
        if not self.gone.done():
            self.gone.set_result(None)
        self.receiver.connection_lost()
