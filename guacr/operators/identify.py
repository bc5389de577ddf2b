"""The operator of an HTTP request: by token, client certificate or Unix socket."""

from __future__ import annotations

import socket
import ssl
import struct

from aiohttp import web

from guacr.addresses import plain
from guacr.errors import UnauthorizedError
from guacr.operators.authority import Authority, Operator
from guacr.transport.tls_names import names_of

_CREDENTIALS = struct.Struct("3i")
"""Linux's `struct ucred`: the process, the user and the group (unix(7))."""
_SCHEME = "bearer"


class Identifier:
    """Recognises the operators of requests."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def __call__(self, request: web.Request) -> Operator:
        """Return the operator.

        Raises:
            UnauthorizedError: there is none.
        """
        transport = request.transport
        if transport is None:
            raise UnauthorizedError("the client has left")
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family == socket.AF_UNIX:
            return self._authority.by_account(_account(sock))
        peer = plain(request.remote or "a closed connection")
        given = request.headers.get("Authorization")
        if given is not None:
            return self._authority.by_token(bearer_token(given), peer)
        encrypted: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        certificate = None if encrypted is None else encrypted.getpeercert()
        if certificate:
            return self._authority.by_certificate(names_of(certificate), peer)
        raise UnauthorizedError("a token is required: create one with `guacr token --operator`")


class TokenIdentifier:
    """Recognises operators by their tokens only, as on the port of the page."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def __call__(self, request: web.Request) -> Operator:
        """Return the operator.

        Raises:
            UnauthorizedError: there is none.
        """
        given = request.headers.get("Authorization", "")
        peer = plain(request.remote or "a closed connection")
        return self._authority.by_token(bearer_token(given), peer)


def bearer_token(header: str) -> str:
    """Return the token of an Authorization header (RFC 6750).

    Raises:
        UnauthorizedError: there is none.
    """
    scheme, _, token = header.partition(" ")
    if scheme.lower() != _SCHEME or not token.strip():
        raise UnauthorizedError("a token is required: send Authorization: Bearer TOKEN")
    return token.strip()


def _account(sock: socket.socket) -> int:
    """Return the user id of the process at the other end; -1 if the system does not say."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return -1
    try:
        return int(_CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, option, 12))[1])
    except OSError:
        return -1
