"""The WebSocket of signalling: messages within limits, in both directions."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from aiohttp import WSMsgType, web

from guacr.errors import BadTypeError, GuacrError, OverrunError, forget_frames
from guacr.protocol.status import Status
from guacr.transport.websocket import CLOSE_CODES
from guacr.tubes.service.messages import MESSAGE_MAX, Message, error_message, parse

RECEIVED_MAX = 256
"""Messages from the browser."""
SENT_MAX = 256
"""Messages to the browser that wait; candidates beyond are not told."""
CLOSE_TIMEOUT = 2.0
"""Seconds for what is still to be sent, and for the browser's side to close."""


class Signalling:
    """One signalling connection.

    Everything is sent by one task in the order of the calls; nobody waits for it.
    """

    def __init__(self, response: web.WebSocketResponse[Literal[False]]) -> None:
        self._response = response
        self._received = 0
        self._queue = asyncio.Queue[str | Status](SENT_MAX)
        self._sender = asyncio.create_task(self._send(), name="signalling")

    @classmethod
    async def accept(cls, request: web.Request) -> Signalling:
        """Upgrade an HTTP request.

        Raises:
            aiohttp.web.HTTPException: the request is not a WebSocket upgrade.
        """
        response: web.WebSocketResponse[Literal[False]] = web.WebSocketResponse(
            compress=False,
            max_msg_size=MESSAGE_MAX,
            timeout=CLOSE_TIMEOUT,
            decode_text=False,
        )
        await response.prepare(request)
        return cls(response)

    @property
    def response(self) -> web.WebSocketResponse[Literal[False]]:
        """The answer to the request."""
        return self._response

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message, if the browser is there and reads."""
        with contextlib.suppress(asyncio.QueueFull):
            self._queue.put_nowait(json.dumps(message))

    async def receive(self) -> Message | None:
        """Return the next message; None once the browser has closed.

        Raises:
            GuacrError: it cannot be understood, or is one too many.
        """
        message = await self._response.receive()
        if message.type is WSMsgType.BINARY:
            raise BadTypeError("signalling messages are texts")
        if message.type is not WSMsgType.TEXT:
            return None
        self._received += 1
        if self._received > RECEIVED_MAX:
            raise OverrunError(f"more than {RECEIVED_MAX} signalling messages")
        return parse(message.data)

    def end(self, error: GuacrError | None = None) -> None:
        """Close once everything is sent, with the error at the end; harmless when repeated."""
        if error is not None:
            self.send(error_message(error))
        try:
            self._queue.put_nowait(Status.SUCCESS if error is None else error.status)
        except asyncio.QueueFull:
            self._sender.cancel()

    async def close(self, error: GuacrError | None = None) -> None:
        """`end`, and wait a limited time until it is closed."""
        self.end(error)
        await asyncio.wait([self._sender], timeout=CLOSE_TIMEOUT)
        self._sender.cancel()
        self._forget_error()

    async def _send(self) -> None:
        with contextlib.suppress(ConnectionError):
            while not isinstance(item := await self._queue.get(), Status):
                await self._response.send_str(item)
            reason = b"" if item is Status.SUCCESS else str(int(item)).encode()
            await self._response.close(code=CLOSE_CODES[item], message=reason)

    def _forget_error(self) -> None:
        """Release what the response's error refers to, which includes this object."""
        error = self._response.exception()
        if error is not None:
            forget_frames(error)
            error.__context__ = None
