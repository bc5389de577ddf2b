"""Tunnels: requests of browsers become users of sessions, and users get join links."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from guacr.access.gateway import Gateway
from guacr.errors import ForbiddenError, GuacrError, NotFoundError
from guacr.protocol.instruction import encode
from guacr.session.directory import Directory
from guacr.session.ids import new_uuid
from guacr.session.input.reader import Reader
from guacr.transport.base import CLOSE_TIMEOUT, Transport
from guacr.transport.websocket import WebSocketTransport
from guacr.web.guard import HttpGuard
from guacr.web.refused import report


class Tunnels:
    """The transports of browsers by the UUID of their tunnel, which only their own client knows."""

    def __init__(self, gateway: Gateway, directory: Directory, message_max: int) -> None:
        self._gateway = gateway
        self._directory = directory
        self._message_max = message_max
        self._transports: dict[str, Transport] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        """The requests that serve them."""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve a WebSocket until it is closed."""
        transport = await WebSocketTransport.accept(request, self._message_max)
        guard = HttpGuard.of(request)
        if guard is not None:
            guard.upgraded()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - aiohttp's
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        tunnel = self.begin(request.query.items(), transport)
        try:
            return await transport.run()
        finally:
            self.end(tunnel)

    def check(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Check whether a query may open what it names, without opening it.

        Raises:
            GuacrError: as `Gateway.resolve`.
        """
        self._gateway.resolve(pairs)

    def begin(self, pairs: Iterable[tuple[str, str]], transport: Transport) -> str:
        """Send a transport the UUID of its tunnel, and open what the query says. If that is not
        possible, the client gets the error, and the transport is closed.

        Returns:
            The UUID, for `end` once the transport is closed.
        """
        tunnel = new_uuid()
        self._transports[tunnel] = transport
        transport.write(encode("", tunnel))
        self._open(pairs, transport)
        return tunnel

    def end(self, tunnel: str) -> None:
        """Forget a tunnel."""
        del self._transports[tunnel]

    def join_token(self, tunnel: str, *, read_only: bool) -> str:
        """Create a token to join the session of `tunnel`.

        Raises:
            NotFoundError: the tunnel is unknown, or not in a session.
            ForbiddenError: its user is read-only, and requests more.
        """
        reader = self._reader(tunnel)
        if reader.user.rights.read_only and not read_only:
            raise ForbiddenError("you may only watch this session: share it read-only")
        return self._gateway.join_token(reader.session.id, read_only=read_only)

    def about(self, tunnel: str) -> dict[str, bool]:
        """Return whether the user of `tunnel` is `readOnly`, and whether the remote screen of its
        session is `resizable` by this user.

        Raises:
            NotFoundError: the tunnel is unknown, or not in a session.
        """
        reader = self._reader(tunnel)
        user = reader.user
        return {
            "readOnly": user.rights.read_only,
            "resizable": user.owner and reader.session.handler.is_resizable,
        }

    def _reader(self, tunnel: str) -> Reader:
        transport = self._transports.get(tunnel)
        reader = None if transport is None else transport.receiver
        if not isinstance(reader, Reader) or reader.session.closed or not reader.user.is_admitted:
            raise NotFoundError("this session has ended: there is nothing to share")
        return reader

    async def close(self) -> None:
        """Close the remaining tunnels, and wait (bounded) until their clients have done so, too."""
        for transport in list(self._transports.values()):
            transport.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT)

    def _open(self, pairs: Iterable[tuple[str, str]], transport: Transport) -> None:
        try:
            opening = self._gateway.resolve(pairs)
            self._directory.open(
                opening.select, opening.values, opening.info, transport, opening.origin
            )
        except GuacrError as error:
            report(transport.peer, error)
            transport.write(encode("error", str(error), error.status))
            transport.close(error.status)
            transport.resume_reading()
