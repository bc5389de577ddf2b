"""The server of gRPC: its ports, TLS, and who may call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2
from typing_extensions import override

from guacr.addresses import place
from guacr.errors import SettingsError, UnauthorizedError
from guacr.net.listeners import close_all, tcp_sockets
from guacr.net.tls import TlsFiles
from guacr.operators.authority import Authority, Operator
from guacr.operators.identify import bearer_token
from guacr.operators.operations import Operations
from guacr.operators.rpc.messages import POOL, SERVICE, is_parse_error
from guacr.operators.rpc.servicer import Servicer, address_of
from guacr.settings.models import Settings
from guacr.transport.tls_names import NAME_KINDS, names_of

REQUEST_MAX = 16384
"""Maximum bytes of a request."""
HEADERS_MAX = 131_072
"""Maximum bytes of a call's headers, which contain the token."""
CALLS_PER_CONNECTION = 32
"""Maximum simultaneous calls of a connection."""
STOP_TIMEOUT = 1.0
"""Seconds that calls have to end when the daemon stops."""
END_TIMEOUT = 60.0
"""Seconds that calls have to end when their connections do, since others sign certificates."""
CHECK_METHOD = "/grpc.health.v1.Health/Check"
"""The only method that needs no right."""
_ANY = ("0.0.0.0", "::")  # noqa: S104 - what the settings name
"""The addresses that stand for all; for gRPC, `::` includes IPv4."""
_COMMON_NAME = "x509_common_name"
_ALTERNATIVES = dict(
    zip(NAME_KINDS, ("peer_dns", "peer_uri", "peer_email", "peer_ip"), strict=True)
)
"""Names of gRPC for the properties of a verified certificate; the alternative names by kind."""
_OPTIONS = (
    ("grpc.so_reuseport", 1),  # a server takes over from the one before
    ("grpc.max_receive_message_length", REQUEST_MAX),
    ("grpc.max_metadata_size", HEADERS_MAX),
    ("grpc.absolute_max_metadata_size", HEADERS_MAX),
    ("grpc.max_concurrent_streams", CALLS_PER_CONNECTION),
    ("grpc.server_handshake_timeout_ms", 15_000),
    ("grpc.max_connection_idle_ms", 60_000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 15_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)

log = logging.getLogger("guacr.daemon")
_library_log = logging.getLogger("grpc._cython.cygrpc")


class RpcServer:
    """Serves the operations over gRPC, with health checks and reflection.

    Args:
        settings: the daemon's settings.
        operations: does what operators ask for.
        authority: recognises them.
    """

    def __init__(self, settings: Settings, operations: Operations, authority: Authority) -> None:
        self._settings = settings
        self._authority = authority
        self._servicer = Servicer(operations, self._identify)
        self._server: grpc.aio.Server | None = None
        self._files: TlsFiles | None = None
        self._addresses: list[tuple[str, int]] = []
        self._certificates: list[_Certificates] = []
        self._health = health.aio.HealthServicer()
        self._needs_certificate = False
        self._ending: dict[asyncio.Task[None], grpc.aio.Server] = {}
        """Servers that have no new connections."""
        self.port = 0
        """The TCP port; 0 until it is open."""

    async def open(self) -> None:
        """Bind the ports.

        Raises:
            SettingsError: an address, a port or a file of the settings cannot be used.
        """
        _library_log.addFilter(_may_be_logged)
        control = self._settings.control
        self._addresses = await _free(control.hosts, control.grpc_port)
        self._files = TlsFiles.of(self._settings, "control")
        for file in (health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR):
            POOL.AddSerializedFile(file.serialized_pb)
        self._server = self._new_server(self._files, self.certificates(self._files))
        for address, _ in self._addresses:
            log.info("listening for gRPC on %s", place(address, self.port))

    def certificates(self, files: TlsFiles | None) -> Any:
        """Read the certificates that `replace` uses; None without TLS.

        Raises:
            SettingsError: a file cannot be read.
        """
        return None if files is None else _configuration(files)

    def _new_server(self, files: TlsFiles | None, configuration: Any) -> grpc.aio.Server:
        """Create a server that is bound to the ports.

        Raises:
            SettingsError: an address or a port cannot be used.
        """
        most = self._settings.control.max_connections
        server = grpc.aio.server(
            interceptors=[_AccessCheck(self._may_call)],
            options=(*_OPTIONS, ("grpc.max_allowed_incoming_connections", most)),
            maximum_concurrent_rpcs=most,
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, self._servicer.handlers()),)
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        services = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(services, server, POOL)
        needed = files is not None and files.client_ca is not None
        certificates = [
            _Certificates(configuration, is_required=needed)
            for _ in self._addresses
            if files is not None
        ]
        for at, address in enumerate(self._addresses):
            self._bind(server, address, certificates[at].credentials if certificates else None)
        self._certificates = certificates
        self._needs_certificate = needed
        return server

    def _bind(self, server: grpc.aio.Server, address: tuple[str, int], credentials: Any) -> None:
        """Bind an address; port 0 becomes the one that the first address was assigned."""
        where = place(address[0], address[1] or self.port)
        try:
            if credentials is None:
                self.port = server.add_insecure_port(where)
            else:
                self.port = server.add_secure_port(where, credentials)
        except RuntimeError:
            raise SettingsError(
                f"cannot listen on {where} for gRPC: another program listens there"
            ) from None

    async def start(self) -> None:
        """Start to serve."""
        assert self._server is not None  # noqa: S101 - `open` was called
        await self._server.start()
        for name in ("", SERVICE):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    def replace(
        self, files: TlsFiles | None, configuration: Any, *, ends_connections: bool = False
    ) -> None:
        """Use other certificates, which `certificates` has read, for the next handshakes, and end
        the open connections once their calls have ended."""
        if files is None or self._files is None:
            return
        for certificates in self._certificates:
            certificates.replace(configuration)
        if ends_connections:
            self._take_over(files, configuration)

    def _take_over(self, files: TlsFiles, configuration: Any) -> None:
        """Have another server listen: gRPC ends connections (GOAWAY) only with their server."""
        assert self._server is not None  # noqa: S101 - `open` was called
        try:
            following = self._new_server(files, configuration)
        except SettingsError as error:
            log.warning("connections for gRPC go on with certificates of another CA: %s", error)
            return
        self._end(self._server, END_TIMEOUT, following)
        self._server = following

    def stop(self) -> None:
        """Release the ports."""
        for server in [*self._ending.values(), *([] if self._server is None else [self._server])]:
            self._end(server, STOP_TIMEOUT)

    def _end(
        self, server: grpc.aio.Server, timeout: float, following: grpc.aio.Server | None = None
    ) -> None:
        async def end() -> None:
            if following is not None:
                await following.start()
            await server.stop(timeout)

        task = asyncio.get_running_loop().create_task(end(), name="end of gRPC")
        self._ending[task] = server
        task.add_done_callback(self._ending.pop)

    async def close(self) -> None:
        """Wait until calls have ended; those that do not are cancelled."""
        if self._ending:
            await asyncio.wait(self._ending)

    def _identify(self, context: Any) -> Operator:
        peer = address_of(context)
        for name, value in context.invocation_metadata() or ():
            if name == "authorization":
                return self._authority.by_token(bearer_token(value), peer)
        if self._needs_certificate:
            return self._authority.by_certificate(_names(context.auth_context()), peer)
        raise UnauthorizedError(
            "a token is required: send it as metadata, authorization: Bearer TOKEN"
        )

    def _may_call(self, metadata: Iterable[tuple[str, str | bytes]]) -> None:
        """Check a call of another service, such as reflection.

        Raises:
            UnauthorizedError: it is not an operator's.
        """
        if self._needs_certificate:
            return
        token = next((value for name, value in metadata if name == "authorization"), "")
        self._authority.by_token(bearer_token(str(token)), "")


class _AccessCheck(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Refuses calls of other services than Control, unless `check` accepts their metadata."""

    def __init__(self, check: Callable[[Iterable[tuple[str, str | bytes]]], None]) -> None:
        self._check = check

    @override
    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        method = handler_call_details.method
        if method != CHECK_METHOD and not method.startswith(f"/{SERVICE}/"):
            try:
                self._check(handler_call_details.invocation_metadata or ())
            except UnauthorizedError as error:
                return _refusing(str(error))
        return await continuation(handler_call_details)


def _may_be_logged(record: logging.LogRecord) -> bool:
    """Return whether gRPC may log a record. It has an error with a traceback for each message that
    is none, which everybody can send to the health service."""
    return record.exc_info is None or not is_parse_error(record.exc_info[1])


def _refusing(sentence: str) -> grpc.RpcMethodHandler:
    async def refuse(request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, sentence)

    return grpc.unary_unary_rpc_method_handler(refuse)


class _Certificates:
    """The certificates for handshakes at an address: those at the start, then the last that were
    set.

    gRPC gives the first ones to one address only, and another would be left without any.
    """

    def __init__(self, configuration: Any, *, is_required: bool) -> None:
        self._next: Any = None
        self.credentials = grpc.dynamic_ssl_server_credentials(
            configuration, self._fetch, is_required
        )

    def replace(self, configuration: Any) -> None:
        """Use others for the next handshakes."""
        self._next = configuration

    def _fetch(self) -> Any:
        """Return new certificates, or None for the present ones; called by a thread of gRPC."""
        found, self._next = self._next, None
        return found


def _configuration(files: TlsFiles) -> Any:
    try:
        chain = files.certificate.read_bytes()
        key = chain if files.key is None else files.key.read_bytes()
        roots = None if files.client_ca is None else files.client_ca.read_bytes()
    except OSError as error:
        raise SettingsError(f"cannot use {error.filename} for TLS: {error.strerror}") from error
    return grpc.ssl_server_certificate_configuration([(key, chain)], roots)


async def _free(hosts: Iterable[str], port: int) -> list[tuple[str, int]]:
    """Return the addresses of the hosts, at which nobody listens.

    Raises:
        SettingsError: a name is unknown, the port is in use, or no address is left.
    """
    sockets = await tcp_sockets(hosts, port, backlog=1)
    try:
        found = [sock.getsockname()[:2] for sock in sockets]
    finally:
        close_all(sockets)
    if {*_ANY} <= {address for address, _ in found}:
        found = [(address, number) for address, number in found if address != _ANY[0]]
    return found


def _names(context: Mapping[str, Sequence[bytes]]) -> tuple[str, ...]:
    """Return the names in the certificate of a call's connection, the same as over HTTP."""

    def texts(name: str) -> list[str]:
        return [value.decode(errors="replace") for value in context.get(name, ())]

    alternatives = [(kind, text) for kind, name in _ALTERNATIVES.items() for text in texts(name)]
    subject = [[("commonName", text)] for text in texts(_COMMON_NAME)]
    return names_of({"subjectAltName": alternatives, "subject": subject})
