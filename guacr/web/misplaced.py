"""Requests about sessions of another worker: their connections go there, from the request on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from guacr.access.gateway import Gateway
from guacr.net.handover import Handover
from guacr.session.ids import foreign_worker
from guacr.web.guard import HttpGuard

TUBE_PARAMETER = "tube"
"""In the query of a signalling connection: the id of a tube that is there already."""
MOVE_TIMEOUT = 5.0
"""Seconds until a connection that was moved is lost here."""
_ABOUT_BODY = frozenset({"transfer-encoding", "content-length", "content-encoding", "expect"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Misplaced:
    """Moves the connections of misplaced requests.

    Args:
        handover: None if there are no other workers.
        gateway: knows what a token is for.
        paths: of requests whose query names what they are about.
    """

    def __init__(self, handover: Handover | None, gateway: Gateway, paths: tuple[str, ...]) -> None:
        self._handover = handover
        self._gateway = gateway
        self._paths = paths

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check the queries of requests that open or join sessions."""
        if self._handover is not None and request.path in self._paths:
            tube = request.query.get(TUBE_PARAMETER)
            if tube is not None:
                await self.check(request, foreign_worker(tube))
            else:
                await self.check(request, self._gateway.foreign_worker(request.query.items()))
        return await handler(request)

    async def check(self, request: web.Request, worker: int, body: bytes = b"") -> None:
        """Move a request that another worker has to answer; does not return then. `body` is that
        of the request."""
        guard = HttpGuard.of(request)
        if not worker or self._handover is None or guard is None or not guard.moves:
            return
        guard.move(self._handover, worker, replay(request, body))
        await asyncio.sleep(MOVE_TIMEOUT)  # this is cancelled, because the connection is lost


def replay(request: web.Request, body: bytes = b"") -> bytes:
    """Return a request as its client has sent it (RFC 9112), with a body of known length."""
    version = b"HTTP/%d.%d" % (request.version.major, request.version.minor)
    lines = [b"%s %s %s" % (request.method.encode(), request.raw_path.encode(), version)]
    for name, value in request.raw_headers:
        if name.decode("latin-1").lower() not in _ABOUT_BODY:
            lines.append(b"%s: %s" % (name, value))
    if body:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])
