"""The Guacamole protocol on TCP and on a Unix socket."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from typing_extensions import override

from guacr.errors import GuacrError, ProtocolError
from guacr.net.acceptor import Acceptor, serve_client
from guacr.net.connection_limits import ConnectionLimits, Place
from guacr.net.handover import Adopted, Handover
from guacr.net.handshake_receiver import HandshakeReceiver
from guacr.net.listeners import ListeningSockets, place_of
from guacr.net.tls import Contexts, Tls, context_of, tls_of
from guacr.protocol.instruction import encode
from guacr.services import Service
from guacr.session.directory import Directory
from guacr.settings.models import Settings
from guacr.transport.tcp import TcpTransport

CLOSE_TIMEOUT = 1.0
"""Seconds that clients have to close their side when the daemon shuts down."""

_NO_TLS = ProtocolError("this port uses TLS, but the client does not: let it connect with TLS")

log = logging.getLogger("guacr.daemon")


class TcpService(Service):
    """Listens according to the `server` settings, or on sockets passed by systemd. With a
    `handover`, it does not listen: it only serves those whom the front of the daemon accepts."""

    need_restart: ClassVar[tuple[str, ...]] = (
        "server.hosts",
        "server.port",
        "server.unix_socket",
        "server.unix_socket_mode",
        "server.backlog",
        "server.max_connections",
        "server.max_waiting",
    )

    def __init__(
        self,
        settings: Settings,
        directory: Directory,
        limits: ConnectionLimits,
        handover: Handover | None = None,
        contexts: Contexts | None = None,
    ) -> None:
        self._settings = settings
        self._handover = handover
        self._directory = directory
        self._limits = limits
        self._contexts = contexts
        self._clients: set[TcpTransport] = set()
        self._sockets = ListeningSockets()
        self._acceptors: list[Acceptor] = []
        self._tls: Tls | None = None

    @property
    def port(self) -> int:
        """The first TCP port; 0 if there is none."""
        return self._sockets.port

    @override
    async def open(self) -> None:
        if self._handover is None:
            await self._sockets.open_server(self._settings.server)

    @override
    async def start(self) -> None:
        self._tls = tls_of(self._settings, "server", _told(_NO_TLS), self._contexts)
        for sock in self._sockets.all:
            acceptor = self._acceptor(sock, None if sock.family == socket.AF_UNIX else self._tls)
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
        context = context_of(settings, "server")

        def apply() -> None:
            self._settings = settings
            if self._tls is not None:
                self._tls.replace(context)

        return apply

    def renew_certificate(self) -> None:
        """Use the certificate that the settings name, as it is now.

        Raises:
            SettingsError: it cannot be used; nothing is changed.
        """
        if self._tls is not None:
            self._tls.replace(context_of(self._settings, "server"))

    def _acceptor(self, sock: socket.socket, tls: Tls | None) -> Acceptor:
        return Acceptor(sock, self._limits, self._accepted, _told, tls=tls)

    async def adopt(self, client: Adopted) -> None:
        """Serve a client that the front has accepted."""
        await serve_client(
            client.sock,
            client.place,
            client.peer,
            lambda: self._made(client),
            tls=self._tls if client.tls else None,
        )

    def _made(self, client: Adopted) -> TcpTransport:
        def receive(transport: TcpTransport) -> None:
            moves = partial(self._move, transport, client.place) if client.moves else None
            self._receive(transport, client.place, moves)
            if client.head:
                transport.data_received(client.head)

        return TcpTransport(receive, client.address, client.names)

    def _accepted(self, place: Place) -> TcpTransport:
        return TcpTransport(lambda transport: self._receive(transport, place))

    def _receive(
        self,
        transport: TcpTransport,
        place: Place,
        elsewhere: Callable[[int, bytes], None] | None = None,
    ) -> None:
        self._clients.add(transport)
        transport.gone.add_done_callback(lambda gone: self._left(transport, place))
        timeout = self._settings.server.handshake_timeout
        transport.receiver = HandshakeReceiver(
            transport, self._directory, timeout, place.settle, elsewhere
        )

    def _move(self, transport: TcpTransport, place: Place, worker: int, head: bytes) -> None:
        assert self._handover is not None  # noqa: S101 - there are no others
        self._handover.move(worker, "tcp", transport.connection, place, head)

    def _left(self, transport: TcpTransport, place: Place) -> None:
        self._clients.discard(transport)
        place.leave()


def _told(error: GuacrError) -> bytes:
    return encode("error", str(error), error.status)
