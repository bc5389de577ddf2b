"""Opens a gateway's WebSocket (MS-TSGU 2.1.2.2.2), with a login by HTTP."""

from __future__ import annotations

import asyncio
import base64
import http
import ssl
import uuid
from collections.abc import Mapping
from types import SimpleNamespace
from typing import cast

import aiohttp

from guacr.api import GuacrError
from handlers.link import keep_alive
from handlers.rdp.gateway import failures
from handlers.rdp.gateway.login import GatewayLogin
from handlers.rdp.gateway.ntlm import Ntlm, NtlmError
from handlers.rdp.params import RdpParams
from handlers.tls import TlsTerms, context

PATH = "/remoteDesktopGateway/"
METHOD = "RDG_OUT_DATA"
"""Of the request, which has no body (2.2.3.1.1)."""
AGENT = "MS-RDGateway/1.0"
MESSAGE_MAX = 1 << 20
"""Bytes of a WebSocket message."""
REFUSAL_MAX = 1 << 16
"""Bytes of an HTTP response."""
CLOSE_TIMEOUT = 2.0
"""Seconds that an orderly close may take."""
NTLM, NEGOTIATE, BASIC = "NTLM", "Negotiate", "Basic"


class MissingLoginError(Exception):
    """The gateway wants credentials, and some are missing."""


def terms_of(params: RdpParams) -> TlsTerms:
    """Return how the gateway's certificate is verified."""
    return TlsTerms(authorities=params.gateway_ca_cert, names=("gateway-ca-cert", "", ""))


class GatewaySocket:
    """The connection to a gateway, from its first request on.

    Args:
        params: the parameters of the connection.
        login: the credentials.
    """

    def __init__(self, params: RdpParams, login: GatewayLogin) -> None:
        self._params = params
        self._login = login
        self._client: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._certificate = b""
        """That of the gateway, in DER."""
        self._connections = 0
        """How many this client has made."""
        self.has_sent_login = False
        """True if credentials were sent, and the gateway has not accepted them yet."""

    async def open(self) -> None:
        """Open the WebSocket.

        Raises:
            MissingLoginError: the gateway wants credentials that are missing.
            GuacrError: it cannot be opened.
        """
        params = self._params
        tls = await context(terms_of(params))
        tls.sslobject_class = self._noting()
        try:
            async with asyncio.timeout(params.timeout):
                await self._open(tls)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, NtlmError) as error:
            raise self._failure(error) from None
        self.has_sent_login = False
        if self._socket is not None and (sock := self._socket.get_extra_info("socket")):
            keep_alive(sock)

    async def _open(self, tls: ssl.SSLContext) -> None:
        await self._connect(tls)
        offered = await self._request({})
        if offered is None:
            return
        scheme = self._choose(offered)
        if not self._login.is_complete:
            raise MissingLoginError
        await self._connect(tls)
        if scheme == BASIC:
            authorization = f"Basic {self._login.basic}"
        else:
            authorization = await self._challenge(scheme)
        self.has_sent_login = True
        if await self._request({"Authorization": authorization}) is not None:
            if scheme != BASIC and self._connections > 1:
                raise failures.ntlm_broken(self._params)
            raise failures.login_refused(self._params)

    async def close(self) -> None:
        """Close the connection within `CLOSE_TIMEOUT`."""
        socket, self._socket = self._socket, None
        client, self._client = self._client, None
        try:
            if socket is not None:
                await socket.close()
        finally:
            if client is not None:
                await client.close()

    async def send(self, data: bytes) -> None:
        """Send a message, once the gateway has received most of those before.

        Raises:
            OSError: the connection has ended.
        """
        if self._socket is None:
            raise ConnectionResetError
        try:
            await self._socket.send_bytes(data)
        except aiohttp.ClientError as error:
            raise ConnectionResetError from error

    async def receive(self) -> bytes:
        """Return the next message; empty at the end."""
        if self._socket is None:
            return b""
        while True:
            message = await self._socket.receive()
            if message.type is not aiohttp.WSMsgType.BINARY:
                return b""
            if message.data:
                return bytes(message.data)

    # ---- HTTP

    async def _connect(self, tls: ssl.SSLContext) -> None:
        """Prepare a client with one connection, which NTLM authenticates as a whole."""
        await self.close()
        self._connections = 0
        trace = aiohttp.TraceConfig()
        trace.on_request_redirect.append(self._refuse_redirect)
        identity = f"{{{uuid.uuid4()}}}"
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1, ssl=tls),
            trace_configs=[trace],
            trust_env=False,  # no proxies or passwords from the daemon's environment
            auto_decompress=False,  # answers are short; compressed ones may be a bomb
            headers={
                "Accept-Encoding": "identity",
                "Cache-Control": "no-cache",
                "Pragma": "no-cache",
                "User-Agent": AGENT,
                "RDG-Connection-Id": identity,
                "RDG-Correlation-Id": identity,
            },
        )

    async def _refuse_redirect(
        self,
        _client: aiohttp.ClientSession,
        _context: SimpleNamespace,
        answer: aiohttp.TraceRequestRedirectParams,
    ) -> None:
        status = answer.response.status
        answer.response.close()
        raise failures.status(self._params, status)

    @property
    def _address(self) -> str:
        host = self._params.gateway_hostname.strip("[]")
        place = f"[{host}]" if ":" in host else host
        return f"https://{place}:{self._params.gateway_port}{PATH}"

    async def _request(self, headers: dict[str, str]) -> list[str] | None:
        """Request the WebSocket. Return None if it is open, and otherwise the logins that the
        gateway offers, with what belongs to each.

        Raises:
            GuacrError: the answer is not about the login.
        """
        if self._client is None:
            raise ConnectionResetError
        try:
            self._socket = await self._client.ws_connect(
                self._address,
                method=METHOD,
                headers=headers,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
                max_msg_size=MESSAGE_MAX,
            )
        except aiohttp.WSServerHandshakeError as error:
            return self._offers(error.status, error.headers or {})
        return None

    def _offers(self, status: int, headers: object) -> list[str]:
        if status == http.HTTPStatus.SWITCHING_PROTOCOLS:
            raise failures.invalid(self._params)
        if status != http.HTTPStatus.UNAUTHORIZED:
            raise failures.status(self._params, status)
        found = cast(Mapping[str, str], headers).items()  # of a header, there may be several
        lines = [value for name, value in found if name.lower() == "www-authenticate"]
        return [offer.strip() for line in lines for offer in line.split(",")]

    def _choose(self, offered: list[str]) -> str:
        """Return the login to use. Windows accepts NTLM by both of its names."""
        names = [offer.partition(" ")[0] for offer in offered]
        for scheme in (NTLM, NEGOTIATE, BASIC):
            if scheme.lower() in (name.lower() for name in names):
                return scheme
        raise failures.unknown_logins(self._params, ", ".join(filter(None, names)))

    async def _challenge(self, scheme: str) -> str:
        """Begin a login with NTLM, and return what the next request must contain."""
        params, login = self._params, self._login
        ntlm = Ntlm(login.account, login.password, params.gateway_hostname, params.client_name)
        if self._client is None:
            raise ConnectionResetError
        async with self._client.request(
            METHOD,
            self._address,
            headers={"Authorization": f"{scheme} {_encoded(ntlm.step())}"},
            allow_redirects=False,
        ) as answer:
            size = 0
            while part := await answer.content.read(REFUSAL_MAX):  # or it would be closed
                size += len(part)
                if size > REFUSAL_MAX:
                    raise failures.invalid(params)
            offered = self._offers(answer.status, answer.headers)
        for offer in offered:
            name, _, token = offer.partition(" ")
            if name.lower() == scheme.lower() and token:
                received = base64.b64decode(token, validate=True)
                return f"{scheme} {_encoded(ntlm.step(received, self._certificate))}"
        raise failures.login_refused(params)

    def _noting(self) -> type[ssl.SSLObject]:
        """Return the class of connections, which counts them and notes their certificates."""
        gateway = self

        class Noting(ssl.SSLObject):
            def do_handshake(self) -> None:
                super().do_handshake()
                gateway._connections += 1
                gateway._certificate = self.getpeercert(binary_form=True) or b""

        return Noting

    def _failure(self, error: Exception) -> GuacrError:
        params = self._params
        if self.has_sent_login:
            return failures.login_lost(params)
        match error:
            case TimeoutError():
                return failures.silent(params, params.timeout)
            case aiohttp.ClientConnectorCertificateError():
                return failures.untrusted(params)
            case aiohttp.ClientSSLError() | NtlmError() | ValueError():
                return failures.invalid(params)
            case aiohttp.ClientConnectorError() if _is_refused(error.os_error):
                return failures.refuses(params)
            case aiohttp.ClientConnectorError():
                return failures.unreachable(params)
        return failures.lost(params)


def _is_refused(error: OSError) -> bool:
    # with several addresses, asyncio reports one error for all
    return isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error)


def _encoded(token: bytes) -> str:
    return base64.b64encode(token).decode()
