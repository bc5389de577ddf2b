"""A connection to a VNC server: its bytes, its threads, and TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial

from guacr.api import Turns
from handlers.link import keep_alive, probe_soon
from handlers.vnc.rfb.client import RfbClient
from handlers.vnc.rfb.context import broken
from handlers.vnc.rfb.events import Event
from handlers.vnc.rfb.handshake import early
from handlers.vnc.rfb.input import Wait

READ_MAX = 1 << 18
"""Bytes that are read at a time."""
EARLY_MAX = 1 << 14
"""Bytes that a server may send while it should wait for an answer."""


class VncConnection:
    """Reads the bytes of a server, which an `RfbClient` turns into events.

    Args:
        client: the protocol.
        executor: threads on which large pictures are decoded.
    """

    def __init__(self, client: RfbClient, executor: Executor) -> None:
        self._client = client
        self._executor = executor
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._early = b""
        """The bytes that were received while none were expected."""
        self._waits_since: float | None = None
        self.received = 0
        """The number of bytes received."""
        self.received_at = 0.0
        """The time at which the last of them were received, on the event loop's clock."""
        self._written = 0
        self._closing: asyncio.Task[None] | None = None

    async def open(self, sock: socket.socket) -> None:
        """Use a connected socket, which is closed with the connection."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        probe_soon(sock)
        self._reader, self._writer = await asyncio.open_connection(sock=sock, limit=READ_MAX)

    @property
    def address(self) -> str:
        """The address of the server."""
        address: str = self._writer.get_extra_info("peername")[0]
        return address

    async def events(self) -> AsyncIterator[list[Event]]:
        """Yield events as they arrive, until the server closes the connection. Nothing more is read
        while the caller processes them.

        Raises:
            GuacrError: the server refuses the client, or violates the protocol.
            OSError: the connection is lost.
        """
        client, loop, turns = self._client, asyncio.get_running_loop(), Turns()
        while True:
            if client.waits_for is Wait.INPUT:
                data = await self._receive()
                if not data:
                    return
                events = client.feed(data)
            elif client.waits_for is Wait.THREAD:
                work = partial(client.go_on, inline=False)
                events = await loop.run_in_executor(self._executor, work)
            else:
                events = client.go_on()
            await turns.give_way()
            self._flush()
            if events:
                yield events

    async def _receive(self) -> bytes:
        if self._early:
            data, self._early = self._early, b""
            return data
        loop = asyncio.get_running_loop()
        self._waits_since = loop.time()
        data = await self._reader.read(READ_MAX)
        if not self.received:
            keep_alive(self._writer.get_extra_info("socket"))
        self._waits_since, self.received_at = None, loop.time()
        self.received += len(data)
        return data

    @property
    def silence(self) -> float:
        """The seconds for which the connection has been waiting for data from the server."""
        if self._waits_since is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._waits_since

    async def until_closed(self) -> None:
        """Wait until the server closes the connection, while the server is waiting for an answer.
        Data that it sends nevertheless is kept for `events`.

        Raises:
            UpstreamError: it sends too much.
            OSError: the connection is lost.
        """
        while data := await self._reader.read(READ_MAX):
            self._early += data
            if len(self._early) > EARLY_MAX:
                raise broken("data while it should wait for the login")

    async def start_tls(self, context: ssl.SSLContext, host: str) -> bytes:
        """Encrypt from here on, and return the host's certificate in DER; empty if it has none.

        Raises:
            ssl.SSLError: the host's certificate is not trusted, or TLS fails for another reason.
            UpstreamError: the host has already sent something, which TLS would not protect.
        """
        if self._early:
            raise early()
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]
        received = asyncio.create_task(self._reader.read(1), name="received before TLS")
        await asyncio.sleep(0)
        if received.done():
            raise early() if received.result() else ConnectionResetError
        received.cancel()
        await self._writer.start_tls(context, server_hostname=host)
        return self._writer.get_extra_info("ssl_object").getpeercert(True) or b""

    def send(self, data: bytes) -> None:
        """Send a message."""
        self._flush()
        self._write(self._client.sealed(data))

    def _write(self, data: bytes) -> None:
        self._written += len(data)
        self._writer.write(data)

    @property
    def sent(self) -> int:
        """Bytes that have been sent so far, some of which the system may still keep."""
        return self._written - self.unsent

    @property
    def unsent(self) -> int:
        """Bytes that have not been sent yet."""
        return self._writer.transport.get_write_buffer_size()

    async def drain(self) -> None:
        """Wait until most of the data has been sent."""
        await self._writer.drain()

    def close(self) -> None:
        """Close at once; may be called repeatedly, and before the connection is open."""
        self._client.close()
        writer: asyncio.StreamWriter | None = getattr(self, "_writer", None)
        if writer is not None and self._closing is None:
            writer.transport.abort()
            work = _forget_frames(self._reader, writer)
            self._closing = asyncio.create_task(work, name="VNC connection closes")

    def _flush(self) -> None:
        output = self._client.take_output()
        if output:
            self._write(output)


async def _forget_frames(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Release the frames of the error of a closing connection, which refer to what keeps the
    error. Reader and writer keep them separately."""
    with suppress(OSError):
        await writer.wait_closed()
    if (error := reader.exception()) is not None:
        error.__traceback__ = None
