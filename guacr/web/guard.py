"""Deadlines for HTTP connections, between the socket and aiohttp.

aiohttp limits only the time between two requests: a client that sends half a request line, or does
not read the answer, would keep its connection forever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import web
from typing_extensions import override

from guacr.addresses import network_of, plain
from guacr.errors import BusyError
from guacr.net.connection_limits import Place
from guacr.net.handover import Adopted, Handover
from guacr.refusals import Refusals
from guacr.transport.tls_names import NAMES

HEAD_TIMEOUT = 15.0
"""Seconds from the connection to the end of the first request's header."""
ANSWER_TIMEOUT = 60.0
"""Seconds from the header of a request until its answer has been delivered; not for WebSockets."""
KEEP_ALIVE = 15.0
"""Seconds between two requests of a connection."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger("guacr.web")
_late, _full = Refusals(log), Refusals(log)


class HttpGuard(asyncio.Protocol):
    """Passes everything on to aiohttp's `handler`, and closes late connections. `adopted` is set if
    another process has accepted the connection. While it is open, it is in the set `among`."""

    def __init__(
        self,
        handler: web.RequestHandler,
        place: Place,
        adopted: Adopted | None = None,
        among: set[HttpGuard] | None = None,
    ) -> None:
        self._handler = handler
        self._place = place
        self._adopted = adopted
        self._transport: asyncio.Transport
        self._shown: AdoptedTransport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._among = set() if among is None else among
        self._is_websocket = self._is_ending = False
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the connection is closed."""

    @classmethod
    def of(cls, request: web.Request) -> HttpGuard | None:
        """Return the guard of a request's connection."""
        transport = request.transport
        protocol = None if transport is None else transport.get_protocol()
        return protocol if isinstance(protocol, cls) else None

    def request_began(self) -> None:
        """Handle the end of a request's header, or of an answer that took as long as it needed."""
        if not self.gone.done():
            self._set_deadline(ANSWER_TIMEOUT)

    def belongs_to(self, address: str) -> None:
        """Count the connection for the client's address instead of the proxy's.

        Raises:
            aiohttp.web.HTTPServiceUnavailable: the address has reached its limit.
        """
        try:
            self._place.move(network_of(address))
        except BusyError as error:
            _full.refused(address, error)
            text = f"{str(error)[0].upper()}{str(error)[1:]}.\n"
            raise web.HTTPServiceUnavailable(text=text, headers={"Retry-After": "5"}) from None

    def abort(self) -> None:
        """Close the connection at once."""
        self._transport.abort()

    async def end(self) -> None:
        """End a connection with TLS after the answer to its request, if there is one; a WebSocket
        goes on."""
        is_encrypted = self._transport.get_extra_info("ssl_object") is not None
        if is_encrypted and not self._is_websocket and not self._is_ending:
            self._is_ending = True
            self._handler.close()  # of one that waits for a request
            await self._handler.shutdown(ANSWER_TIMEOUT)

    def take_time(self) -> None:
        """Stop the deadlines: the answer may take as long as it needs."""
        self._set_deadline(None)
        self._place.settle()

    def upgraded(self) -> None:
        """Stop the deadlines: the connection is now a WebSocket, which has its own time-outs."""
        self._is_websocket = True
        self.take_time()

    @property
    def moves(self) -> bool:
        """True if the connection may have to go to the worker that has what it wants."""
        return self._adopted is not None and self._adopted.moves

    def move(self, handover: Handover, worker: int, head: bytes) -> None:
        """Have another worker serve the connection, from `head` on."""
        if self._shown is not None:
            self._shown.give_away()
        handover.move(worker, "web", self._transport, self._place, head)

    # ---- asyncio.Protocol

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._among.add(self)
        self._set_deadline(HEAD_TIMEOUT)
        if self._adopted is not None:
            self._shown = AdoptedTransport(self._transport, self._adopted)
            transport = cast(asyncio.Transport, self._shown)
        self._handler.connection_made(transport)
        if self._adopted is not None and self._adopted.head:
            self._handler.data_received(self._adopted.head)

    @override
    def data_received(self, data: bytes) -> None:
        self._handler.data_received(data)

    @override
    def eof_received(self) -> bool | None:
        self._handler.eof_received()
        return None

    @override
    def pause_writing(self) -> None:
        self._handler.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._handler.resume_writing()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._set_deadline(None)
        self._place.leave()
        self._handler.connection_lost(exc)
        self._among.discard(self)
        self.gone.set_result(None)

    # ---- internals

    def _set_deadline(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        name = self._transport.get_extra_info("peername")
        address = plain(name[0]) if isinstance(name, tuple) else "a connection"
        _late.report("closed %s: its request or its answer took too long", address)
        self._transport.abort()


class AdoptedTransport:
    """The transport of a connection that another process has accepted, and perhaps relays: it has
    the properties of the client's own connection."""

    def __init__(self, transport: asyncio.Transport, adopted: Adopted) -> None:
        self._transport = transport
        self._is_given_away = False
        self._extra: dict[str, object] = {}
        if adopted.address is not None:
            self._extra = {"peername": adopted.address, "sslcontext": adopted.secure or None}
            self._extra[NAMES] = adopted.names

    def give_away(self) -> None:
        """Leave the connection open, whatever the handler does with it: it belongs to others."""
        self._is_given_away = True

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Return a property, as `asyncio.BaseTransport` does."""
        return self._extra.get(name) or self._transport.get_extra_info(name, default)

    def close(self) -> None:
        """Close the connection, unless it was given away."""
        if not self._is_given_away:
            self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


@web.middleware
async def deadlines(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Report to the guard when a request's header has arrived; the first middleware.

    HTTP/1.0 allows requests without a host. aiohttp would ask the system's resolver for one, which
    would block the event loop.
    """
    guard = HttpGuard.of(request)
    if guard is not None:
        guard.request_began()
    return await handler(request if "Host" in request.headers else request.clone(host=""))
