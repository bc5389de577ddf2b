"""WebSocket connections to API servers with aiohttp, in plain types."""

from __future__ import annotations

import asyncio
import http
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import NoReturn, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from guacr.api import (
    ForbiddenError,
    GuacrError,
    NotFoundError,
    Turns,
    UnauthorizedError,
    UpstreamError,
    UpstreamNotFoundError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    clause,
    shorten,
)
from handlers.dial import unknown_host
from handlers.kubernetes.channels import SUBPROTOCOLS, plain, status_message

MESSAGE_MAX = 4 * 1024 * 1024
"""Maximum bytes of a message from the server."""
REFUSAL_MAX = 16384
"""Maximum bytes of an HTTP response that refuses the WebSocket."""
HEARTBEAT = 30.0
"""Seconds of silence after which the server is pinged; it is considered gone after half as long
without an answer. No pings are sent while reading is paused, because the answer would wait behind
the output."""
CLOSE_TIMEOUT = 2.0
"""Seconds that an orderly close may take."""
INPUT_MAX = 1 << 20
"""Pending bytes of input at which the input of users is paused."""
PORTION = 32768
"""Maximum bytes of input in a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The endpoint and options of a connection."""

    address: str
    """The URL, beginning with ws or wss."""
    host: str
    port: int
    addresses: tuple[str, ...]
    """The addresses of the host, in the order in which they are tried."""
    server_name: str
    """Name in the server's certificate; empty for the host's."""
    tls: ssl.SSLContext | None
    token: str
    timeout: float
    """Seconds within which the WebSocket must be open."""


class ApiSocket:
    """An open WebSocket. One task sends the terminal's messages in order."""

    def __init__(
        self,
        client: aiohttp.ClientSession,
        socket: aiohttp.ClientWebSocketResponse,
        counter: _ByteCounter,
        on_blocked: Callable[[bool], None],
    ) -> None:
        self.reason = ""
        """The reason in the server's closing message, if any."""
        self._client = client
        self._socket = socket
        self._counter = counter
        self._on_blocked = on_blocked
        self._waiting: list[bytes] = []
        self._size = 0
        self._blocked = False
        self._news = asyncio.Event()
        self._turns = Turns()
        self._sender = asyncio.create_task(self._send_all(), name="kubernetes input")

    @property
    def subprotocol(self) -> str:
        """The negotiated subprotocol."""
        return self._socket.protocol or ""

    def send(self, message: bytes) -> None:
        """Queue a message for sending."""
        self._waiting.append(message)
        self._size += len(message)
        self._news.set()
        if self._size > INPUT_MAX and not self._blocked:
            self._blocked = True
            self._on_blocked(True)

    async def receive(self) -> bytes | None:
        """Return the next message; None at the end, with or without a closing message.

        Raises:
            UpstreamError: the server sent an invalid message.
            UpstreamTimeoutError: it has fallen silent.
        """
        while True:
            await self._turns.give_way()  # aiohttp may return buffered messages without waiting
            message = await self._next()
            match message.type:
                case aiohttp.WSMsgType.BINARY:
                    return bytes(message.data)
                case aiohttp.WSMsgType.TEXT:
                    return str(message.data).encode()
                case aiohttp.WSMsgType.PING:
                    await self._pong(message.data)
                case aiohttp.WSMsgType.PONG:
                    pass
                case _:
                    self._look_at_end(message)
                    return None

    async def _next(self) -> aiohttp.WSMessage:
        """Wait for the next message. A silent server is pinged, and any byte from it counts as an
        answer, even if its message is not yet complete."""
        while True:
            heard = self._counter.bytes
            with suppress(TimeoutError):
                return await self._socket.receive(HEARTBEAT)
            if self._counter.bytes != heard:
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT / 2):
                    await self._ping()
                    return await self._socket.receive()
            if self._counter.bytes == heard:
                raise _silent()

    def _look_at_end(self, message: aiohttp.WSMessage) -> None:
        """Distinguish a disconnect by the server, possibly by a reset, from an error."""
        lost = self._counter.lost
        if isinstance(lost, OSError) and not isinstance(lost, ConnectionError | ssl.SSLError):
            raise _silent()
        if message.type is aiohttp.WSMsgType.ERROR or isinstance(lost, ssl.SSLError):
            raise _garbled()
        if message.type is aiohttp.WSMsgType.CLOSE and message.extra:
            self.reason = plain(message.extra)

    async def _ping(self) -> None:
        with suppress(ConnectionError, aiohttp.ClientError):  # reported by `receive`
            await self._socket.ping()

    async def _pong(self, body: bytes) -> None:
        with suppress(ConnectionError, aiohttp.ClientError):  # reported by `receive`
            await self._socket.pong(body)

    async def close(self) -> None:
        """Close the connection within `CLOSE_TIMEOUT`."""
        self._sender.cancel()
        try:
            await asyncio.wait([self._sender])
            await self._socket.close()
        finally:
            await self._client.close()
            error = self._socket.exception()
            if error is not None:  # aiohttp keeps it, and with it the frames of its callers
                error.__traceback__ = error.__context__ = None
            del self._sender, self._on_blocked  # they refer to this object and to the session

    async def _send_all(self) -> None:
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                messages, self._waiting = self._waiting, []
                for message in messages:
                    await self._socket.send_bytes(message)
                    self._size -= len(message)
                if self._blocked and not self._waiting:
                    self._blocked = False
                    self._on_blocked(False)
        except (aiohttp.ClientError, ConnectionError):
            return  # reported by `receive`


async def connect(target: Target, on_blocked: Callable[[bool], None]) -> ApiSocket:
    """Open a WebSocket; `on_blocked` is called when too much input is pending, and when it was
    sent.

    Raises:
        GuacrError: the connection failed; the message contains that of the API server.
    """
    counter = _ByteCounter()

    async def look(answer: aiohttp.ClientResponse) -> None:
        if answer.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            await _explain(answer, target.host)
        counter.listen(answer)

    client = aiohttp.ClientSession(
        raise_for_status=look,
        connector=aiohttp.TCPConnector(resolver=_Resolved(target.addresses), use_dns_cache=False),
        trace_configs=[_no_redirects(target.host)],
        trust_env=False,  # no proxies or passwords from the daemon's environment
        auto_decompress=False,  # refusals are short; compressed ones may be a bomb
        headers={"Accept-Encoding": "identity"},
    )
    try:
        async with asyncio.timeout(target.timeout):
            socket = await client.ws_connect(
                target.address,
                protocols=SUBPROTOCOLS,
                headers={"Authorization": f"Bearer {target.token}"} if target.token else {},
                ssl=target.tls if target.tls is not None else True,
                server_hostname=target.server_name or None,
                autoping=False,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
                max_msg_size=MESSAGE_MAX,
                autoclose=True,
            )
        if socket.protocol not in SUBPROTOCOLS:
            await socket.close()
            _no_subprotocol(target.host)
    except BaseException as error:
        await client.close()
        if isinstance(error, (aiohttp.ClientError, TimeoutError, OSError, ValueError)):
            raise _failure(error, target) from None
        raise
    return ApiSocket(client, socket, counter, on_blocked)


class _Resolved(AbstractResolver):
    """Resolves every name to the same addresses."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self._addresses = addresses

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    @override
    async def close(self) -> None:
        """Do nothing."""


class _ByteCounter(asyncio.Protocol):
    """Sits in front of aiohttp's protocol, and counts received bytes."""

    def __init__(self) -> None:
        self.bytes = 0
        self.lost: Exception | None = None
        """The reason why the connection ended, if not regularly."""
        self._protocol: asyncio.Protocol

    def listen(self, answer: aiohttp.ClientResponse) -> None:
        connection = answer.connection
        if connection is not None and connection.transport is not None:
            self._protocol = cast(asyncio.Protocol, connection.protocol)
            connection.transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = exc
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()


def _no_redirects(host: str) -> aiohttp.TraceConfig:
    """Refuse redirects: the token is only for the API server, and no one has chosen another
    host."""

    async def refuse(
        client: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestRedirectParams,
    ) -> None:
        status = params.response.status
        params.response.close()
        raise UpstreamError(
            f"host {shorten(host)} redirects to another address (HTTP status {status}), which is "
            "not followed: check port and use-ssl, and name the API server itself"
        )

    config = aiohttp.TraceConfig()
    config.on_request_redirect.append(refuse)
    return config


def _garbled() -> GuacrError:
    return UpstreamError(
        "the API server sent an invalid WebSocket message: check what is in between, and "
        "connect again"
    )


def _silent() -> GuacrError:
    return UpstreamTimeoutError(
        "the API server has stopped answering: check the network, and connect again"
    )


def _no_subprotocol(host: str) -> NoReturn:
    raise UpstreamError(
        f"host {shorten(host)} supports none of {', '.join(SUBPROTOCOLS)}: check that it is a "
        "Kubernetes API server, of version 1.5 or later"
    )


_REFUSALS: dict[int, tuple[type[GuacrError], str]] = {
    401: (UnauthorizedError, "check parameters token, or client-cert and client-key"),
    403: (ForbiddenError, "give the user permission to create pods/exec or pods/attach"),
    404: (NotFoundError, "check parameters namespace, pod and container"),
    429: (UpstreamUnavailableError, "try again later"),
    503: (UpstreamUnavailableError, "try again later"),
    504: (UpstreamTimeoutError, "check that the pod's node is running"),
}


async def _explain(answer: aiohttp.ClientResponse, host: str) -> None:
    """Raise the error of an HTTP response that refuses the WebSocket."""
    body = await answer.content.read(REFUSAL_MAX)
    answer.close()
    said = status_message(body) or f"HTTP status {answer.status}"
    kind, advice = _REFUSALS.get(answer.status, (UpstreamError, "check the parameters"))
    raise kind(f"host {shorten(host)} refuses: {said}; {advice}")


def _failure(error: Exception, target: Target) -> GuacrError:
    """The error for an exception of aiohttp."""
    place = f"port {target.port} of host {shorten(target.host)}"
    match error:
        case TimeoutError():
            return UpstreamTimeoutError(
                f"{place} does not answer within {target.timeout:g} s: check the address, and "
                "whether a firewall is in the way"
            )
        case aiohttp.ClientConnectorDNSError():
            return unknown_host(target.host)
        case aiohttp.ClientConnectorCertificateError():
            return UpstreamError(
                f"the certificate of host {shorten(target.host)} is not trusted: set ca-cert to "
                "the cluster's authority"
            )
        case aiohttp.ClientSSLError():
            return UpstreamError(
                f"{place} does not speak TLS properly: check the port and use-ssl, and "
                "whether it requires a client-cert"
            )
        case aiohttp.ClientConnectorError():
            return _unreachable(error.os_error, place)
    return UpstreamError(
        f"{place} closed the connection, or is not a Kubernetes API server: check port and use-ssl"
    )


def _unreachable(error: OSError, place: str) -> GuacrError:
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return UpstreamUnavailableError(
            f"{place} refuses connections: check the port, and whether the API server runs"
        )
    reason = clause(error.strerror or "no route")
    return UpstreamNotFoundError(f"{place} cannot be reached: {reason}")
