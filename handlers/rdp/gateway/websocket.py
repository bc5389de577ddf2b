"""Opens a gateway's WebSocket (MS-TSGU 2.1.2.2.2), with a login by HTTP.

This speaks HTTP and WebSocket itself: libraries answer pings and read endless messages without
letting other sessions have their turn, and wait for gateways that never close.
"""

from __future__ import annotations

import asyncio
import base64
import http as statuses
import os
import ssl
import uuid
from collections.abc import Iterator
from contextlib import suppress

from guacr.api import (
    GuacrError,
    Network,
    Turns,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from handlers.dial import dial
from handlers.link import keep_alive
from handlers.rdp.gateway import failures, frames, http
from handlers.rdp.gateway.frames import Closed, FrameError, Ping
from handlers.rdp.gateway.http import Answer, HttpError
from handlers.rdp.gateway.login import GatewayLogin
from handlers.rdp.gateway.ntlm import Ntlm, NtlmError
from handlers.rdp.params import RdpParams
from handlers.tls import TlsTerms, connect, context

PATH = "/remoteDesktopGateway/"
METHOD = "RDG_OUT_DATA"
"""Of the request, which has no body (2.2.3.1.1)."""
AGENT = "MS-RDGateway/1.0"
HTTPS = 443
HEAD_MAX = 1 << 16
"""Bytes in the head of an HTTP answer."""
REFUSAL_MAX, CHUNKS_MAX = 1 << 16, 1 << 10
"""Bytes and chunks in the body of an HTTP answer."""
INTERIM_MAX = 8
"""Answers that announce another one (RFC 9110 15.2)."""
READ_MAX = 1 << 14
"""Bytes that are read at a time; all frames in them are read in one turn at worst."""
IDLE_MAX, REST = 256, 0.02
"""Events without data after which a gateway has to wait, and the seconds for which."""
CLOSE_TIMEOUT = 2.0
"""Seconds that an orderly close may take."""
NTLM, NEGOTIATE, BASIC = "NTLM", "Negotiate", "Basic"


class MissingLoginError(Exception):
    """The gateway wants credentials, and some are missing."""


def terms_of(params: RdpParams) -> TlsTerms:
    """Return how the gateway's certificate is verified."""
    return TlsTerms(authorities=params.gateway_ca_cert, names=("gateway-ca-cert", "", ""))


class Rests:
    """Makes a gateway wait that sends what has no data: it could keep the daemon busy with it."""

    def __init__(self) -> None:
        self._count = 0

    async def note(self) -> None:
        """Note another event without data."""
        self._count += 1
        if self._count % IDLE_MAX == 0:
            await asyncio.sleep(REST)


class GatewaySocket:
    """The connection to a gateway, from its first request on.

    Args:
        params: the parameters of the connection.
        login: the credentials.
    """

    def __init__(self, network: Network, params: RdpParams, login: GatewayLogin) -> None:
        self._network = network
        self._params = params
        self._login = login
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._is_open = False
        """True once the WebSocket is open."""
        self._parser = frames.Parser()
        self._events: Iterator[frames.Event] = iter(())
        """Those that have been received and not handled."""
        self._turns = Turns()
        self._rests = Rests()
        self._identity = f"{{{uuid.uuid4()}}}"
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
        try:
            async with asyncio.timeout(params.timeout):
                await self._open(tls)
        except (OSError, EOFError, HttpError, NtlmError, ValueError) as error:
            raise self._failure(error) from None
        except asyncio.LimitOverrunError:
            raise failures.invalid(params) from None
        self.has_sent_login = False
        self._is_open = True

    async def _open(self, tls: ssl.SSLContext) -> None:
        await self._connect(tls)
        offered = await self._request()
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
        if await self._request(authorization) is not None:
            raise failures.login_refused(self._params)

    async def close(self) -> None:
        """Close the connection within `CLOSE_TIMEOUT`, whatever the gateway does."""
        writer = self._writer
        if writer is None:
            return
        try:
            if self._is_open:
                with suppress(OSError, TimeoutError, FrameError):
                    async with asyncio.timeout(CLOSE_TIMEOUT):
                        await self._write(frames.encode(frames.CLOSE, _NORMAL))
                        while await self.receive():
                            pass
        finally:
            self.drop()

    def drop(self) -> None:
        """End the connection at once."""
        writer, self._writer, self._reader = self._writer, None, None
        self._is_open = False
        if writer is not None:
            writer.transport.abort()

    async def send(self, data: bytes) -> None:
        """Send a message, once the gateway has received most of those before.

        Raises:
            OSError: the connection has ended.
        """
        await self._write(frames.encode(frames.BINARY, data))

    async def receive(self) -> bytes:
        """Return the next bytes of messages; empty at the end.

        Raises:
            OSError: the connection has ended.
            FrameError: the bytes are not those of a WebSocket.
        """
        while self._reader is not None:
            ping: Ping | None = None
            for event in self._events:
                await self._turns.give_way()
                match event:
                    case Ping():
                        ping = event
                    case Closed():
                        return b""
                    case bytes() if event:
                        return event
                await self._rests.note()
            if ping is not None:  # the last one of several counts (RFC 6455 5.5.3)
                await self._write(frames.encode(frames.PONG, ping.data))
            data = await self._reader.read(READ_MAX)
            if not data:
                break
            self._events = self._parser.feed(data)
        return b""

    # ---- the connection

    async def _connect(self, tls: ssl.SSLContext) -> None:
        """Make a connection, which NTLM authenticates as a whole."""
        self.drop()
        params = self._params
        host = params.gateway_hostname.strip("[]")
        try:
            sock = await dial(self._network, host, params.gateway_port, params.timeout)
        except UpstreamUnavailableError:
            raise failures.refuses(params) from None
        except UpstreamTimeoutError:
            raise failures.silent(params, params.timeout) from None
        except UpstreamError:
            raise failures.unreachable(params) from None
        keep_alive(sock)
        self._reader, self._writer = await connect(sock, tls, host, HEAD_MAX)

    async def _write(self, data: bytes) -> None:
        if self._writer is None:
            raise ConnectionResetError
        self._writer.write(data)
        await self._writer.drain()

    # ---- HTTP

    async def _request(self, authorization: str = "") -> list[str] | None:
        """Request the WebSocket. Return None if it is open, and otherwise the logins that the
        gateway offers, with what belongs to each.

        Raises:
            GuacrError: the answer is not about the login.
        """
        key = _key()
        await self._write(http.request(METHOD, PATH, self._headers(key, authorization)))
        answer = await self._answer()
        if answer.status == http.SWITCHED and answer.accepts(key):
            return None
        return await self._offers(answer)

    def _headers(self, key: str, authorization: str) -> list[tuple[str, str]]:
        host, port = self._params.gateway_hostname.strip("[]"), self._params.gateway_port
        place = f"[{host}]" if ":" in host else host.encode("idna").decode()
        found = [
            ("Host", place if port == HTTPS else f"{place}:{port}"),
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
            ("Cache-Control", "no-cache"),
            ("Pragma", "no-cache"),
            ("User-Agent", AGENT),
            ("RDG-Connection-Id", self._identity),
            ("RDG-Correlation-Id", self._identity),
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", key),
        ]
        return [*found, ("Authorization", authorization)] if authorization else found

    async def _answer(self) -> Answer:
        """Receive the head of an answer."""
        for _ in range(INTERIM_MAX):
            if self._reader is None:
                raise ConnectionResetError
            answer = http.parse(await self._reader.readuntil(http.HEAD_END))
            if answer.status >= statuses.HTTPStatus.OK or answer.status == http.SWITCHED:
                return answer
        raise HttpError("there are too many interim answers")

    async def _offers(self, answer: Answer) -> list[str]:
        if answer.status == http.SWITCHED:
            raise failures.invalid(self._params)
        if answer.status != statuses.HTTPStatus.UNAUTHORIZED:
            raise failures.status(self._params, answer.status)
        return answer.values("www-authenticate")

    async def _skip_body(self, answer: Answer) -> bool:
        """Skip the body of an answer. Return False if the connection ends with it.

        Raises:
            HttpError: it is too large, or invalid.
        """
        if self._reader is None:
            raise ConnectionResetError
        if answer.is_chunked:
            await self._skip_chunks(self._reader)
        elif (size := answer.size) is not None:
            await _skip(self._reader, size)
        else:
            return False
        return not answer.has("connection", "close") and not self._reader.at_eof()

    async def _skip_chunks(self, reader: asyncio.StreamReader) -> None:
        left = REFUSAL_MAX
        for _ in range(CHUNKS_MAX):
            size = http.chunk_size(await reader.readuntil(http.LINE_END))
            left -= size
            if left < 0:
                break
            await _skip(reader, size)
            if await reader.readexactly(len(http.LINE_END)) != http.LINE_END:
                break  # trailers are not expected either
            if not size:
                return
        raise HttpError("the body of an answer is too large, or invalid")

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
        headers = self._headers(_key(), f"{scheme} {_encoded(ntlm.step())}")
        await self._write(http.request(METHOD, PATH, headers))
        answer = await self._answer()
        offered = await self._offers(answer)
        is_kept = await self._skip_body(answer)
        for offer in offered:
            name, _, token = offer.partition(" ")
            if name.lower() == scheme.lower() and token:
                if not is_kept:
                    raise failures.ntlm_broken(params)
                received = base64.b64decode(token, validate=True)
                return f"{scheme} {_encoded(ntlm.step(received, self._certificate()))}"
        raise failures.login_refused(params)

    def _certificate(self) -> bytes:
        """Return the gateway's certificate, in DER."""
        tls = self._writer and self._writer.get_extra_info("ssl_object")
        return (tls and tls.getpeercert(binary_form=True)) or b""

    def _failure(self, error: Exception) -> GuacrError:
        params = self._params
        if self.has_sent_login:
            return failures.login_lost(params)
        match error:
            case TimeoutError():
                return failures.silent(params, params.timeout)
            case ssl.SSLCertVerificationError():
                return failures.untrusted(params)
            case ssl.SSLError() | HttpError() | NtlmError() | ValueError():
                return failures.invalid(params)
        return failures.lost(params)


_NORMAL = b"\x03\xe8"
"""The reason of a close as intended (RFC 6455 7.4.1)."""


async def _skip(reader: asyncio.StreamReader, size: int) -> None:
    if size > REFUSAL_MAX:
        raise HttpError("the body of an answer is too large")
    await reader.readexactly(size)


def _key() -> str:
    return base64.b64encode(os.urandom(16)).decode()


def _encoded(token: bytes) -> str:
    return base64.b64encode(token).decode()
