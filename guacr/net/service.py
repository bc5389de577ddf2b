"""The Guacamole protocol on TCP and on a Unix socket."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import ClassVar

from typing_extensions import override

from guacr.errors import BusyError
from guacr.net.acceptor import Acceptor
from guacr.net.connection_limits import ConnectionLimits, Place
from guacr.net.handshake_receiver import HandshakeReceiver
from guacr.net.listeners import ServerSockets, place_of, port_of, tls_context
from guacr.protocol.instruction import encode
from guacr.services import Service
from guacr.session.directory import Directory
from guacr.settings.models import Settings
from guacr.transport.tcp import TcpTransport

CLOSE_TIMEOUT = 1.0
"""Seconds that clients have to close their side when the daemon shuts down."""

log = logging.getLogger("guacr.daemon")


class TcpService(Service):
    """Listens according to the `server` settings, or on sockets passed by systemd."""

    need_restart: ClassVar[tuple[str, ...]] = (
        "server.hosts",
        "server.port",
        "server.unix_socket",
        "server.unix_socket_mode",
        "server.backlog",
        "server.max_connections",
        "server.max_waiting",
    )

    def __init__(self, settings: Settings, directory: Directory, limits: ConnectionLimits) -> None:
        self._settings = settings
        self._directory = directory
        self._limits = limits
        self._clients: set[TcpTransport] = set()
        self._sockets = ServerSockets()
        self._acceptors: list[Acceptor] = []

    @property
    def port(self) -> int:
        """The first TCP port; 0 if there is none."""
        return port_of(self._sockets.all)

    @override
    async def open(self) -> None:
        await self._sockets.open(self._settings.server)

    @override
    async def start(self) -> None:
        tls = tls_context(self._settings.server)
        for sock in self._sockets.all:
            acceptor = self._acceptor(sock, None if sock.family == socket.AF_UNIX else tls)
            acceptor.start()
            self._acceptors.append(acceptor)
            log.info("listening on %s", place_of(sock))

    @override
    def stop(self) -> None:
        for acceptor in self._acceptors:
            acceptor.close()
        self._sockets.close()

    @override
    async def close(self) -> None:
        # clients get a short time to receive the reason and close their side
        if self._clients:
            await asyncio.wait([client.gone for client in self._clients], timeout=CLOSE_TIMEOUT)
        for client in list(self._clients):
            client.abort()
        if self._clients:
            await asyncio.wait([client.gone for client in self._clients], timeout=CLOSE_TIMEOUT)

    @override
    def reload(self, settings: Settings) -> Callable[[], None]:
        tls = tls_context(settings.server)

        def apply() -> None:
            self._settings = settings
            for acceptor in self._acceptors:
                if acceptor.tls is not None and tls is not None:
                    acceptor.tls = tls

        return apply

    def _acceptor(self, sock: socket.socket, tls: ssl.SSLContext | None) -> Acceptor:
        return Acceptor(
            sock,
            self._limits,
            self._accepted,
            _too_many if tls is None else _unsaid,
            tls=tls,
            handshake_timeout=self._settings.server.handshake_timeout,
        )

    def _accepted(self, place: Place) -> TcpTransport:
        def receive(transport: TcpTransport) -> None:
            self._clients.add(transport)
            transport.gone.add_done_callback(lambda gone: self._left(transport, place))
            timeout = self._settings.server.handshake_timeout
            transport.receiver = HandshakeReceiver(
                transport, self._directory, timeout, place.settle
            )

        return TcpTransport(receive)

    def _left(self, transport: TcpTransport, place: Place) -> None:
        self._clients.discard(transport)
        place.leave()


def _too_many(error: BusyError) -> bytes:
    return encode("error", str(error), error.status)


def _unsaid(error: BusyError) -> bytes:
    """Return an empty answer, since a client could not read one before the TLS handshake."""
    return b""
