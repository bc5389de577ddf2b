"""Clients on WebSocket, as Apache Guacamole's own tunnel speaks it (reference: WebSocketTunnel)."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import Literal

from aiohttp import WSMsgType, web

from guacr.protocol.status import Status
from guacr.protocol.utf16 import in_code_points, same_in_utf16
from guacr.transport.base import CLOSE_TIMEOUT, Receiver, Transport

SUBPROTOCOL = "guacamole"
MESSAGE_MAX = 262144
"""Bytes in one message of a client, unless the settings say otherwise."""

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
"""How a WebSocket is closed, by the status that its reason names."""

_FINAL_TEXT = 0x81
_LENGTH_16, _LENGTH_64 = 126, 127


class WebSocketTransport(Transport):
    """One accepted WebSocket. Each write is one text frame of whole instructions.

    Frames are written here and not by aiohttp, whose `send_str` waits for the client, and which
    would have the bytes decoded and encoded again. There is no compression: images do not
    compress.
    """

    def __init__(
        self, request: web.Request, response: web.WebSocketResponse[Literal[False]]
    ) -> None:
        self.receiver: Receiver = _Nobody()
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
        """Take an HTTP request as a WebSocket.

        Raises:
            aiohttp.web.HTTPException: it is none.
        """
        response: web.WebSocketResponse[Literal[False]] = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            compress=False,
            max_msg_size=message_max,
            timeout=CLOSE_TIMEOUT,
            decode_text=False,
        )
        await response.prepare(request)
        if request.transport is not None:
            request.transport.set_write_buffer_limits(high=0)  # so that drained means empty
        return cls(request, response)

    async def run(self) -> web.WebSocketResponse[Literal[False]]:
        """Pass on what the client sends until it is gone; the response that aiohttp wants."""
        try:
            while (data := await self._next()) is not None:
                self.receiver.data_received(in_code_points(data))
        finally:
            self._ended = True
            await self._tidy()
            self.receiver.connection_lost()
        return self._response

    # ---- Transport

    @property
    def peer(self) -> str:
        """The address that the connection comes from."""
        return self._request.remote or "a closed connection"

    @property
    def buffered(self) -> int:
        """Bytes that the system has not taken, with the heads of frames."""
        transport = self._request.transport
        return 0 if transport is None else transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        """Send one frame."""
        transport = self._request.transport
        if self._ended or self._closing is not None or transport is None or transport.is_closing():
            return
        payload = same_in_utf16(data)
        transport.writelines((_frame_head(len(payload)), payload))
        if self._draining is None and transport.get_write_buffer_size():
            self._draining = self._loop.create_task(self._drain(), name=f"drain of {self.peer}")

    def pause_reading(self) -> None:
        """Leave what the client sends in aiohttp's buffer, which is bounded, and the system's."""
        self._reading.clear()

    def resume_reading(self) -> None:
        """Read again."""
        self._reading.set()

    def close(self, status: Status = Status.SUCCESS) -> None:
        """Close with the code and reason that stand for `status`, once all is sent."""
        if self._closing is None and not self._ended:
            self._closing = self._loop.create_task(
                self._close(status), name=f"close of {self.peer}"
            )

    def abort(self) -> None:
        """Close at once."""
        self._reading.set()
        if self._request.transport is not None:
            self._request.transport.abort()

    # ---- tasks

    async def _next(self) -> bytes | None:
        """The next message, or None when there are no more."""
        await self._reading.wait()
        message = await self._response.receive()
        await self._reading.wait()
        if message.type is WSMsgType.BINARY:
            self.close(Status.CLIENT_BAD_TYPE)
        if self._closing is not None or message.type is not WSMsgType.TEXT:
            return None
        data: bytes = message.data
        return data

    async def _drain(self) -> None:
        """Until the system has taken everything."""
        with contextlib.suppress(ConnectionError):
            await self._request.writer.drain()
        self._draining = None
        if not self._ended and self._closing is None:
            self.receiver.drained()

    async def _close(self, status: Status) -> None:
        self._deadline = self._loop.call_later(CLOSE_TIMEOUT, self.abort)
        self._reading.set()
        await self._response.close(code=CLOSE_CODES[status], message=str(int(status)).encode())
        if self._request.transport is not None:
            self._request.transport.close()

    async def _tidy(self) -> None:
        if self._closing is not None:
            await self._closing
        if self._draining is not None:
            self._draining.cancel()  # not before: aiohttp's close may wait for the same event
        if self._deadline is not None:
            self._deadline.cancel()


class _Nobody:
    """The receiver until there is one."""

    def data_received(self, data: bytes) -> None:
        """Nobody listens yet: reading has not begun."""

    def drained(self) -> None:
        """Nobody waits."""

    def connection_lost(self) -> None:
        """Nobody minds."""


def _frame_head(length: int) -> bytes:
    """The head of an unmasked, final text frame (RFC 6455, section 5.2)."""
    if length < _LENGTH_16:
        return bytes((_FINAL_TEXT, length))
    if length < 1 << 16:
        return struct.pack("!BBH", _FINAL_TEXT, _LENGTH_16, length)
    return struct.pack("!BBQ", _FINAL_TEXT, _LENGTH_64, length)
