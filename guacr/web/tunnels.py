"""The WebSocket's end of the page: requests become users of sessions, users get join links."""

from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

from aiohttp import web

from guacr.errors import ForbiddenError, GuacrError, NotFoundError
from guacr.gateway import Gateway
from guacr.protocol.instruction import encode
from guacr.session.registry import SessionRegistry
from guacr.session.user import User
from guacr.transport.websocket import WebSocketTransport
from guacr.web.guard import HttpGuard

log = logging.getLogger("guacr.web")


class Tunnels:
    """Every open WebSocket by its tunnel's UUID, which only its own client is told."""

    def __init__(self, gateway: Gateway, registry: SessionRegistry, message_max: int) -> None:
        self._gateway = gateway
        self._registry = registry
        self._message_max = message_max
        self._transports: dict[str, WebSocketTransport] = {}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket until it is closed."""
        transport = await WebSocketTransport.accept(request, self._message_max)
        guard = HttpGuard.of(request)
        if guard is not None:
            guard.upgraded()
        tunnel = str(uuid4())
        self._transports[tunnel] = transport
        transport.write(encode("", tunnel))
        try:
            self._open(request, transport)
            return await transport.run()
        finally:
            del self._transports[tunnel]

    def join_token(self, tunnel: str, *, read_only: bool) -> str:
        """A token for a place in the session that `tunnel` belongs to.

        Raises:
            NotFoundError: there is no such tunnel, or it is in no session.
            ForbiddenError: its user may only watch, and asks for more.
        """
        transport = self._transports.get(tunnel)
        user = None if transport is None else transport.receiver
        if not isinstance(user, User) or user.session.closed:
            raise NotFoundError("this session has ended: there is nothing to share")
        if user.rights.read_only and not read_only:
            raise ForbiddenError("you may only watch this session, and share it only for watching")
        return self._gateway.join_token(user.session.id, read_only=read_only)

    async def close(self, app: Any = None) -> None:
        """End what sessions have left open; a handler for `on_shutdown`."""
        for transport in list(self._transports.values()):
            transport.close()

    def _open(self, request: web.Request, transport: WebSocketTransport) -> None:
        try:
            opening = self._gateway.resolve(request.query.items())
            self._registry.open(
                opening.select, opening.values, opening.info, transport, opening.origin
            )
        except GuacrError as error:
            log.warning("refused %s: %s", transport.peer, error)
            transport.write(encode("error", str(error), error.status))
            transport.close(error.status)
        transport.resume_reading()
