"""A connection to Redis that reads replies value by value."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from contextlib import suppress

from guacr.api import (
    GuacrError,
    Network,
    UnauthorizedError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    shorten,
)
from handlers import tls
from handlers.database.encryption import tls_context
from handlers.database.params import RedisParams
from handlers.database.redis.resp import AGGREGATES, RespReader, Token
from handlers.dial import dial

CHUNK = 1 << 12
"""Bytes that are read and parsed before others have their turn."""
VALUES_MAX = 1_000_000
"""Maximum values of a reply that is read completely."""
CLOSE_TIMEOUT = 1.0
READ_MAX = 1 << 16
"""Bytes that are received ahead; twice as many at most."""

Value = None | str | list["Value"]
"""A complete reply; numbers are texts, maps are lists of alternating keys and values."""


class ReplyError(Exception):
    """The server replied with an error; the text begins with its code."""


class RedisConnection:
    """Commands out, replies in."""

    __slots__ = ("_reader", "_resp", "_tokens", "_writer")

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._resp = RespReader()
        self._tokens: deque[Token] = deque()

    async def send(self, arguments: list[bytes]) -> None:
        """Send a command."""
        parts = [b"*%d\r\n" % len(arguments)]
        parts += [b"$%d\r\n%b\r\n" % (len(argument), argument) for argument in arguments]
        self._writer.writelines(parts)
        await self._writer.drain()

    async def token(self) -> Token:
        """The next value of a reply.

        Raises:
            RespError: the data is not a reply.
            OSError, EOFError: the connection is lost.
        """
        while not self._tokens:
            await asyncio.sleep(0)  # reading does not wait if data is available
            data = await self._reader.read(CHUNK)
            if not data:
                raise EOFError("the server closed it")
            self._resp.feed(data)
            self._tokens.extend(self._resp.tokens())
        return self._tokens.popleft()

    async def call(self, *arguments: str | bytes) -> Value:
        """Send a command and return its complete reply.

        Raises:
            ReplyError: the reply is an error.
        """
        await self.send([a.encode() if isinstance(a, str) else a for a in arguments])
        token = await self.token()
        if token.kind == b"-":
            raise ReplyError(token.data.decode(errors="replace"))
        return await self._whole(token)

    async def _whole(self, token: Token) -> Value:
        reply: list[Value] = []
        open_: list[tuple[list[Value], int]] = [(reply, 1)]
        seen = 0
        while True:
            values = open_[-1][0]
            if token.kind in AGGREGATES:
                inner: list[Value] = []
                values.append(inner)
                open_.append((inner, token.size * AGGREGATES[token.kind]))
            else:
                values.append(None if token.kind == b"_" else token.data.decode(errors="replace"))
            while open_ and len(open_[-1][0]) == open_[-1][1]:
                open_.pop()
            if not open_:
                return reply[0]
            seen += 1
            if seen > VALUES_MAX:
                raise UpstreamError(f"the server's answer has more than {VALUES_MAX} values")
            token = await self.token()

    def abort(self) -> None:
        """Abort the connection."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Disconnect."""
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._writer.wait_closed()
        if (error := self._reader.exception()) is not None:
            # Both refer to the console, and to this connection, which keeps the error.
            error.__traceback__ = error.__context__ = None


async def open_connection(network: Network, params: RedisParams) -> RedisConnection:
    """Connect, without logging in.

    Raises:
        GuacrError: the server cannot be reached, or TLS with it fails.
    """
    if params.hostname.startswith("/"):
        return RedisConnection(*await _open_socket(params))
    place = f"port {params.port} of host {shorten(params.hostname)}"
    secured = await _context(params)
    sock = await dial(network, params.hostname, params.port, params.timeout)
    try:
        async with asyncio.timeout(params.timeout):
            if secured is None:
                return RedisConnection(*await asyncio.open_connection(sock=sock))
            return RedisConnection(*await tls.connect(sock, secured, params.hostname, READ_MAX))
    except TimeoutError:
        raise UpstreamTimeoutError(
            f"{place} does not answer to TLS within {params.timeout} s: check port and tls"
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise UpstreamError(
            f"the certificate of {place} is not trusted: {error.verify_message}: "
            "check tls-ca, or tls"
        ) from None
    except (ssl.SSLError, OSError):
        raise UpstreamError(
            f"{place} does not speak TLS properly: check port and tls, and whether it needs "
            "a tls-cert"
        ) from None


async def _open_socket(
    params: RedisParams,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    path = shorten(params.hostname)
    try:
        async with asyncio.timeout(params.timeout):
            return await asyncio.open_unix_connection(params.hostname)
    except TimeoutError:
        raise UpstreamTimeoutError(f"socket {path} does not answer") from None
    except OSError as error:
        raise UpstreamUnavailableError(
            f"socket {path} cannot be opened: {(error.strerror or 'no reason given').lower()}"
        ) from None


async def _context(params: RedisParams) -> ssl.SSLContext | None:
    if params.tls in ("disable", "prefer"):
        return None  # the protocol cannot ask whether there is encryption
    return await tls_context(params)


def login_error(error: ReplyError, username: str) -> GuacrError | None:
    """The error for a failed login; None if it is unrelated to the login."""
    text = str(error)
    code = text.partition(" ")[0]
    if code == "NOAUTH":
        return UnauthorizedError("the server requires a password")
    if "without any password configured" in text:
        return UnauthorizedError("the server knows no password for this user: leave it empty")
    if code == "WRONGPASS" or "invalid password" in text:
        return UnauthorizedError(
            f"the server rejects the login of {shorten(username or 'default')}: "
            "check user and password"
        )
    if code in ("DENIED", "LOADING", "MASTERDOWN") or "max number of clients" in text:
        return UpstreamUnavailableError(f"the server accepts no commands: {shorten(text, 120)}")
    return None
