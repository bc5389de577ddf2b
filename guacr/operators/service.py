"""The interfaces for operators, as a service of the daemon."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from aiohttp import web
from typing_extensions import override

from guacr.access.keys import ProcessKeys
from guacr.control.control import Control
from guacr.errors import SettingsError
from guacr.net.answers import NEEDS_HTTPS
from guacr.net.connection_limits import ConnectionLimits
from guacr.net.tls import Tls, TlsFiles, client_ca_of, context_of
from guacr.operators.authority import Authority, check_keys
from guacr.operators.identify import Identifier
from guacr.operators.operations import Operations
from guacr.operators.page import create_page_api
from guacr.operators.rest import create_rest
from guacr.services import Service
from guacr.settings.models import Settings
from guacr.web.guard import deadlines
from guacr.web.listener import HttpListener

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

    starts_early: ClassVar[bool] = True
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
        self._listener = HttpListener("operators", log)
        self._tls: Tls | None = None
        self._client_ca: bytes | None = None
        self._rpc: RpcServer | None = None

    @property
    def port(self) -> int:
        """The TCP port for HTTP; 0 if there is none."""
        return self._listener.port

    @property
    def grpc_port(self) -> int:
        """The TCP port for gRPC; 0 if there is none."""
        return 0 if self._rpc is None else self._rpc.port

    def page_api(self) -> web.Application:
        """Create the API of the operators' page."""
        return create_page_api(self.operations, self.authority)

    @override
    async def open(self) -> None:
        control, sockets = self._settings.control, self._listener.sockets
        self._client_ca = client_ca_of(self._settings, "control")
        if control.http:
            await sockets.open_tcp(control.hosts, control.port, control.max_connections)
        if control.unix_socket is not None:
            mode, backlog = control.unix_socket_mode, control.max_connections
            sockets.open_unix(control.unix_socket, mode, backlog)
        if control.grpc:
            _context(self._settings)  # gRPC itself does not say what is wrong with a file
            self._rpc = rpc_server_type()(self._settings, self.operations, self.authority)
            await self._rpc.open()

    @override
    async def start(self) -> None:
        if self._rpc is not None:
            await self._rpc.start()
        if not self._listener.sockets.all:
            return
        self._tls = self._new_tls()
        app = create_rest(self.operations, Identifier(self.authority))
        app.middlewares.insert(0, deadlines)
        most = self._settings.control.max_connections
        await self._listener.start(app, lambda: ConnectionLimits(most, most), tls=self._tls)

    @override
    def stop(self) -> None:
        self._listener.stop()
        self.operations.end_streams()
        if self._rpc is not None:
            self._rpc.stop()

    @override
    async def close(self) -> None:
        await self._listener.close()
        if self._rpc is not None:
            await self._rpc.close()

    @override
    def reload(self, settings: Settings) -> Callable[[], None]:
        check_keys(settings)
        context, client_ca = _context(settings), client_ca_of(settings, "control")
        files = TlsFiles.of(settings, "control")
        certificates = None if self._rpc is None else self._rpc.certificates(files)

        def apply() -> None:
            is_other_ca, self._client_ca = client_ca != self._client_ca, client_ca
            if settings.control != self._settings.control or is_other_ca:
                self.operations.end_streams()
            self._settings = settings
            self.authority.apply(settings)
            self.operations.apply(settings)
            if self._tls is not None:
                self._tls.replace(context)
            if is_other_ca:
                self._listener.end_connections()
            if self._rpc is not None:
                self._rpc.replace(files, certificates, ends_connections=is_other_ca)

        return apply

    def _new_tls(self) -> Tls | None:
        context = _context(self._settings)
        if context is None:
            return None
        return Tls(context, NEEDS_HTTPS, self._settings.server.handshake_timeout)


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
