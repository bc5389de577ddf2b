"""Clients on WebSocket, compatible with Apache Guacamole's tunnel (reference: WebSocketTunnel)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from time import perf_counter_ns
from typing import Literal

from aiohttp import WebSocketError, WSMsgType, web
from typing_extensions import override

from guacr.addresses import plain
from guacr.errors import forget_frames
from guacr.policy.client import Client
from guacr.protocol.status import Status
from guacr.protocol.utf16 import in_code_points, same_in_utf16
from guacr.refusals import Refusals
from guacr.threads import compute
from guacr.transport.base import CLOSE_TIMEOUT, NO_RECEIVER, Receiver, Transport
from guacr.transport.tls_names import names_at
from guacr.turns import Turns

SUBPROTOCOL = "guacamole"
MESSAGE_MAX = 262144
"""The default maximum bytes of a client's message."""
CONVERT_MAX = 4096
"""Bytes of a message that are converted to code points on the event loop, which takes up to 2 ms; a
thread converts longer ones."""

NORMAL, PROTOCOL, UNACCEPTABLE, POLICY, TOO_BIG, UNEXPECTED = 1000, 1002, 1003, 1008, 1009, 1011
CLOSE_CODES: dict[Status, int] = {
    Status.SUCCESS: NORMAL,
    Status.UNSUPPORTED: UNEXPECTED,
    Status.SERVER_ERROR: UNEXPECTED,
    Status.SERVER_BUSY: POLICY,
    Status.UPSTREAM_TIMEOUT: UNEXPECTED,
    Status.UPSTREAM_ERROR: UNEXPECTED,
    Status.RESOURCE_NOT_FOUND: PROTOCOL,
    Status.RESOURCE_CONFLICT: POLICY,
    Status.RESOURCE_CLOSED: PROTOCOL,
    Status.UPSTREAM_NOT_FOUND: UNEXPECTED,
    Status.UPSTREAM_UNAVAILABLE: UNEXPECTED,
    Status.SESSION_CONFLICT: POLICY,
    Status.SESSION_TIMEOUT: PROTOCOL,
    Status.SESSION_CLOSED: PROTOCOL,
    Status.CLIENT_BAD_REQUEST: PROTOCOL,
    Status.CLIENT_UNAUTHORIZED: POLICY,
    Status.CLIENT_FORBIDDEN: POLICY,
    Status.CLIENT_TIMEOUT: PROTOCOL,
    Status.CLIENT_OVERRUN: TOO_BIG,
    Status.CLIENT_BAD_TYPE: UNACCEPTABLE,
    Status.CLIENT_TOO_MANY: POLICY,
}
"""The close codes of a WebSocket, by the status in its reason."""

log = logging.getLogger("guacr.transport")
_broken = Refusals(log)

_FINAL_TEXT = 0x81
_LENGTH_16, _LENGTH_64 = 126, 127


def client_of(request: web.Request, listener: str) -> Client:
    """Return the client of a request. The certificate of a proxy is not that of its clients."""
    name = None if request.transport is None else request.transport.get_extra_info("peername")
    is_direct = isinstance(name, tuple) and plain(name[0]) == request.remote
    names = names_at(request.transport) if is_direct else ()
    return Client(listener, request.remote or "", names)


class WebSocketTransport(Transport):
    """An accepted WebSocket. Each write is one text frame of complete instructions.

    Frames are not written by aiohttp, whose `send_str` waits for the client and requires decoding
    the bytes, only to encode them again. There is no compression, because images do not compress.
    """

    def __init__(
        self,
        request: web.Request,
        response: web.WebSocketResponse[Literal[False]],
        client: Client,
    ) -> None:
        self.receiver: Receiver = NO_RECEIVER
        self._client = client
        self._request = request
        self._response = response
        self._loop = asyncio.get_running_loop()
        self._reading = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None
        self._draining: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._ended = False

    @classmethod
    async def accept(
        cls, request: web.Request, message_max: int = MESSAGE_MAX
    ) -> WebSocketTransport:
        """Upgrade an HTTP request to a WebSocket.

        Raises:
            aiohttp.web.HTTPException: the request is not a WebSocket upgrade.
        """
        accepted, client = perf_counter_ns(), client_of(request, "websocket")
        offered = ",".join(request.headers.getall("Sec-WebSocket-Protocol", ()))
        if offered and SUBPROTOCOL not in (name.strip() for name in offered.split(",")):
            raise web.HTTPBadRequest(text=f"The subprotocol must be {SUBPROTOCOL}.\n")
        response: web.WebSocketResponse[Literal[False]] = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            compress=False,
            max_msg_size=message_max,
            timeout=CLOSE_TIMEOUT,
            autoclose=False,
            decode_text=False,
        )
        await response.prepare(request)
        if request.transport is not None:
            request.transport.set_write_buffer_limits(high=0)  # so that drained means empty
        transport = cls(request, response, client)
        transport.accepted, transport.opened = accepted, perf_counter_ns()
        transport.traceparent = ",".join(request.headers.getall("traceparent", ()))
        return transport

    async def run(self) -> web.WebSocketResponse[Literal[False]]:
        """Pass on received data until the client is gone; return the response for aiohttp."""
        turns = Turns()
        try:
            while (data := await self._next()) is not None:
                if len(data) > CONVERT_MAX and not data.isascii():
                    data = await compute(in_code_points, data)
                    await self._reading.wait()
                    if self._closing is not None:
                        continue
                else:
                    data = in_code_points(data)
                self.receiver.data_received(data)
                await turns.give_way()  # aiohttp may return buffered frames without waiting
        except ConnectionError:
            pass  # the client is gone, and a ping could not be answered
        finally:
            self._ended = True
            await self._tidy()
            self._forget_error()
            receiver, self.receiver = self.receiver, NO_RECEIVER
            receiver.connection_lost()
        return self._response

    # ---- Transport

    @property
    @override
    def peer(self) -> str:
        return self._request.remote or "a closed connection"

    @property
    @override
    def client(self) -> Client:
        return self._client

    @property
    @override
    def buffered(self) -> int:
        # includes frame headers
        transport = self._request.transport
        return 0 if transport is None else transport.get_write_buffer_size()

    @override
    def write(self, data: bytes) -> None:
        if self._ended or self._closing is not None:
            return
        transport = self._request.transport
        if transport is None or transport.is_closing():
            self._reading.set()  # with reading paused, only this shows the client's end
            return
        payload = same_in_utf16(data)
        transport.writelines((_frame_head(len(payload)), payload))
        if self._draining is None and transport.get_write_buffer_size():
            self._draining = self._loop.create_task(self._drain(), name=f"drain of {self.peer}")

    @override
    def pause_reading(self) -> None:
        # leaves received data in aiohttp's bounded buffer and the system's
        self._reading.clear()

    @override
    def resume_reading(self) -> None:
        self._reading.set()

    @override
    def close(self, status: Status = Status.SUCCESS) -> None:
        """Close with the code and reason for `status`, once everything is sent.

        Data that the client still sends is discarded until it closes, too: closing the socket
        earlier would reset the connection, and the client might lose our last message.
        """
        if self._closing is None and not self._ended:
            self._closing = self._loop.create_task(
                self._close(status), name=f"close of {self.peer}"
            )

    @override
    def abort(self) -> None:
        self._reading.set()
        if self._request.transport is not None:
            self._request.transport.abort()

    # ---- tasks

    async def _next(self) -> bytes | None:
        """Return the next message, or None when there are no more."""
        while True:
            await self._reading.wait()
            message = await self._response.receive()
            await self._reading.wait()
            if message.type is WSMsgType.BINARY:
                self.close(Status.CLIENT_BAD_TYPE)
            elif message.type is not WSMsgType.TEXT:
                if isinstance(message.data, WebSocketError):  # the text may quote the message
                    too_big = message.data.code == TOO_BIG
                    reason = "its message is too large" if too_big else "it violated the protocol"
                    _broken.report("closed the WebSocket of %s: %s", self.peer, reason)
                return None
            elif self._closing is None:
                data: bytes = message.data
                return data

    async def _drain(self) -> None:
        """Wait until the system has accepted everything."""
        with contextlib.suppress(ConnectionError):
            await self._request.writer.drain()
        self._draining = None
        if not self._ended and self._closing is None:
            self.receiver.drained()

    async def _close(self, status: Status) -> None:
        self._deadline = self._loop.call_later(CLOSE_TIMEOUT, self.abort)
        self._reading.set()
        words = struct.pack("!H", CLOSE_CODES[status]) + str(int(status)).encode()
        with contextlib.suppress(ConnectionError):
            # not aiohttp's `close`, which does not wait for the client during a receive
            await self._response.send_frame(words, WSMsgType.CLOSE)

    async def _tidy(self) -> None:
        if self._closing is None:
            await self._response.close(drain=False)
        else:
            await self._closing
        transport = self._request.transport
        if transport is not None:
            if transport.get_write_buffer_size():  # the client may never read it
                self._loop.call_later(CLOSE_TIMEOUT, transport.abort)
            transport.close()
        if self._draining is not None:
            self._draining.cancel()  # not before: aiohttp's writer may wait for the same event
        if self._deadline is not None:
            self._deadline.cancel()

    def _forget_error(self) -> None:
        """Release what the response's error refers to, which includes this transport: its frames,
        and an error that was being handled, such as the cancellation of the request."""
        error = self._response.exception()
        if error is not None:
            forget_frames(error)
            error.__context__ = None


def _frame_head(length: int) -> bytes:
    """Return the header of an unmasked, final text frame (RFC 6455, section 5.2)."""
    if length < _LENGTH_16:
        return bytes((_FINAL_TEXT, length))
    if length < 1 << 16:
        return struct.pack("!BBH", _FINAL_TEXT, _LENGTH_16, length)
    return struct.pack("!BBQ", _FINAL_TEXT, _LENGTH_64, length)
