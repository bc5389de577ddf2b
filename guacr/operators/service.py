"""The interfaces for operators, as a service of the daemon."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from aiohttp import web
from typing_extensions import override

from guacr.access.keys import ProcessKeys
from guacr.control.control import Control
from guacr.errors import SettingsError
from guacr.net.acceptor import Acceptor
from guacr.net.answers import NEEDS_HTTPS, unavailable
from guacr.net.connection_limits import ConnectionLimits, Place
from guacr.net.listeners import (
    close_all,
    place_of,
    port_of,
    remove_unix_socket,
    tcp_sockets,
    unix_socket,
)
from guacr.net.tls import Tls, TlsFiles, context_of
from guacr.operators.authority import Authority, check_keys
from guacr.operators.identify import Identifier
from guacr.operators.operations import Operations
from guacr.operators.page import create_page_api
from guacr.operators.rest import create_rest
from guacr.services import Service
from guacr.settings.models import Settings
from guacr.web.app import create_runner
from guacr.web.guard import HttpGuard, deadlines

if TYPE_CHECKING:
    from guacr.operators.rpc.server import RpcServer

log = logging.getLogger("guacr.daemon")


class OperatorService(Service):
    """Serves operators according to the `control` settings.

    Args:
        settings: the daemon's settings.
        control: the daemon.
        keys: those of the daemon's own tokens.

    Raises:
        SettingsError: the keys are those of users' tokens.
    """

    need_restart: ClassVar[tuple[str, ...]] = (
        "control.unix_socket",
        "control.unix_socket_mode",
        "control.http",
        "control.grpc",
        "control.hosts",
        "control.port",
        "control.grpc_port",
        "control.max_connections",
    )

    def __init__(self, settings: Settings, control: Control, keys: ProcessKeys) -> None:
        self._settings = settings
        self.authority = Authority(settings)
        self.operations = Operations(control, settings, keys)
        self._sockets: list[socket.socket] = []
        self._unix_path: Path | None = None
        self._acceptors: list[Acceptor] = []
        self._runner: web.AppRunner | None = None
        self._tls: Tls | None = None
        self._rpc: RpcServer | None = None

    @property
    def port(self) -> int:
        """The TCP port for HTTP; 0 if there is none."""
        return port_of(self._sockets)

    @property
    def grpc_port(self) -> int:
        """The TCP port for gRPC; 0 if there is none."""
        return 0 if self._rpc is None else self._rpc.port

    def page_api(self) -> web.Application:
        """Create the API of the operators' page."""
        return create_page_api(self.operations, self.authority)

    @override
    async def open(self) -> None:
        control = self._settings.control
        if control.http:
            self._sockets = await tcp_sockets(control.hosts, control.port, control.max_connections)
        if control.unix_socket is not None:
            path, mode = control.unix_socket, control.unix_socket_mode
            self._sockets.append(unix_socket(path, mode, control.max_connections))
            self._unix_path = path
        if control.grpc:
            _context(self._settings)  # gRPC itself does not say what is wrong with a file
            self._rpc = rpc_server_type()(self._settings, self.operations, self.authority)
            await self._rpc.open()

    @override
    async def start(self) -> None:
        if self._rpc is not None:
            await self._rpc.start()
        if not self._sockets:
            return
        self._tls = self._new_tls()
        app = create_rest(self.operations, Identifier(self.authority))
        app.middlewares.insert(0, deadlines)
        self._runner = create_runner(app)
        await self._runner.setup()
        for sock in self._sockets:
            self._acceptors.append(self._acceptor(sock))
            self._acceptors[-1].start()
            log.info("listening for operators on %s", place_of(sock))

    @override
    def stop(self) -> None:
        for acceptor in self._acceptors:
            acceptor.close()
        close_all(self._sockets)
        if self._unix_path is not None:
            path, self._unix_path = self._unix_path, None
            remove_unix_socket(path)
        self.operations.end_streams()
        if self._rpc is not None:
            self._rpc.stop()

    @override
    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._rpc is not None:
            await self._rpc.close()

    @override
    def reload(self, settings: Settings) -> Callable[[], None]:
        check_keys(settings)
        context = _context(settings)

        def apply() -> None:
            if settings.control != self._settings.control:
                self.operations.end_streams()
            self._settings = settings
            self.authority.apply(settings)
            self.operations.apply(settings)
            if self._tls is not None:
                self._tls.replace(context)
            if self._rpc is not None:
                self._rpc.replace(TlsFiles.of(settings, "control"))

        return apply

    def _new_tls(self) -> Tls | None:
        context = _context(self._settings)
        if context is None:
            return None
        return Tls(context, NEEDS_HTTPS, self._settings.server.handshake_timeout)

    def _acceptor(self, sock: socket.socket) -> Acceptor:
        most = self._settings.control.max_connections
        return Acceptor(
            sock,
            ConnectionLimits(most, most),
            self._accepted,
            unavailable,
            tls=None if sock.family == socket.AF_UNIX else self._tls,
        )

    def _accepted(self, place: Place) -> asyncio.Protocol:
        assert self._runner is not None  # noqa: S101 - it is set up first
        assert self._runner.server is not None  # noqa: S101
        return HttpGuard(self._runner.server(), place)


def rpc_server_type() -> type[RpcServer]:
    """Return the class of gRPC's server, whose modules are not loaded without it.

    Raises:
        SettingsError: they are not installed.
    """
    try:
        from guacr.operators.rpc.server import RpcServer
    except ImportError as error:
        raise SettingsError(
            f"control.grpc needs a library that is not installed ({error.name}): install "
            "guacr[grpc]"
        ) from error
    return RpcServer


def _context(settings: Settings) -> ssl.SSLContext | None:
    """Create the TLS context of the TCP ports. Where tokens are accepted, a client certificate is
    not required.

    Raises:
        SettingsError: a file cannot be read or is invalid.
    """
    context = context_of(settings, "control")
    if context is not None and settings.control.tls_client_ca and settings.control.token_keys:
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
