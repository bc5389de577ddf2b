"""Between a socket of the page's port and aiohttp: deadlines.

aiohttp bounds the time between two requests, and nothing else: a client that sends half a request
line, or takes no answer, would keep its connection for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import web

from guacr.errors import BusyError
from guacr.occupancy import Place, network_of
from guacr.refusals import Refusals

HEAD_TIMEOUT = 15.0
"""Seconds from the connection to the end of its first request's head."""
ANSWER_TIMEOUT = 60.0
"""Seconds from the head of a request until its answer has been taken; a WebSocket has no such
limit."""
KEEP_ALIVE = 15.0
"""Seconds between two requests of a connection."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger("guacr.web")
_late = Refusals(log)


class HttpGuard(asyncio.Protocol):
    """Passes everything on to aiohttp's `handler`, and closes what is late."""

    def __init__(self, handler: asyncio.Protocol, place: Place) -> None:
        self._handler = handler
        self._place = place
        self._transport: asyncio.Transport
        self._deadline: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, request: web.Request) -> HttpGuard | None:
        """The guard of a request's connection."""
        transport = request.transport
        protocol = None if transport is None else transport.get_protocol()
        return protocol if isinstance(protocol, cls) else None

    def request_began(self) -> None:
        """The head of a request has come."""
        self._set_deadline(ANSWER_TIMEOUT)

    def belongs_to(self, address: str) -> None:
        """A proxy says whose request it is: that address is counted, not the proxy's.

        Raises:
            aiohttp.web.HTTPServiceUnavailable: the address has as many as it may.
        """
        try:
            self._place.move(network_of(address))
        except BusyError as error:
            text = f"{str(error)[0].upper()}{str(error)[1:]}.\n"
            raise web.HTTPServiceUnavailable(text=text, headers={"Retry-After": "5"}) from None

    def upgraded(self) -> None:
        """The connection is a WebSocket now, which has time-outs of its own."""
        self._set_deadline(None)
        self._place.settle()

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self._transport = cast(asyncio.Transport, transport)
        self._set_deadline(HEAD_TIMEOUT)
        self._handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass on what a client sends."""
        self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on the end of what a client sends."""
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        """The client takes less than it is sent."""
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        """The client has taken what it was sent."""
        self._handler.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._set_deadline(None)
        self._place.leave()
        self._handler.connection_lost(exc)

    # ---- within

    def _set_deadline(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        loop = asyncio.get_running_loop()
        self._deadline = None if seconds is None else loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        name = self._transport.get_extra_info("peername")
        address = name[0] if isinstance(name, tuple) else "a connection"
        _late.report("closed %s: its request or its answer took too long", address)
        self._transport.abort()


@web.middleware
async def deadlines(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A middleware, the first of all: tells the guard when a request's head has come."""
    guard = HttpGuard.of(request)
    if guard is not None:
        guard.request_began()
    return await handler(request)


def unavailable(error: BusyError) -> bytes:
    """An answer for a connection that there is no room for."""
    sentence = str(error)
    body = f"{sentence[0].upper()}{sentence[1:]}.\n".encode()
    return (
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Retry-After: 5\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    )
