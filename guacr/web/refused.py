"""Log refused requests: one line each, with the address and the reason.

Reasons quote neither URLs nor bodies, which may contain tokens.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import ClientConnectionResetError, web
from aiohttp.http_exceptions import (
    BadStatusLine,
    HttpProcessingError,
    InvalidHeader,
    InvalidURLError,
    LineTooLong,
)

from guacr.addresses import plain
from guacr.errors import GuacrError
from guacr.protocol.status import Status
from guacr.refusals import Refusals

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger("guacr.web")
_refusals = Refusals(log, "http")
_no_http = Refusals(log, "http")

_HTTP_STATUS = {
    Status.CLIENT_UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    Status.CLIENT_FORBIDDEN: HTTPStatus.FORBIDDEN,
    Status.RESOURCE_NOT_FOUND: HTTPStatus.NOT_FOUND,
}
_UNREMARKABLE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})
"""Browsers request icons and source maps that do not exist."""


def report(address: str | None, reason: GuacrError | str) -> None:
    """Log a refusal, with its error or a sentence."""
    _refusals.refused(address or "a closed connection", reason)


def refusal(request: web.Request, error: GuacrError) -> web.Response:
    """Log a refusal of the API, and return its answer: `{"error": sentence, "status": number}`."""
    report(request.remote, error)
    status = _HTTP_STATUS.get(error.status, HTTPStatus.BAD_REQUEST)
    return web.json_response({"error": str(error), "status": error.status}, status=status)


@web.middleware
async def reported(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log requests that handlers refuse with an HTTP error; a middleware. A name that is too long
    for a file counts as not found."""
    try:
        return await handler(request)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise web.HTTPNotFound from None
    except web.HTTPClientError as error:
        if error.status not in _UNREMARKABLE:
            lines = (error.text or error.reason).strip().splitlines()
            report(request.remote, lines[0] if lines else error.reason)
        raise


class HttpLog(logging.LoggerAdapter[logging.Logger]):
    """aiohttp's log: errors in a client's data are not failures of the daemon, and get one line; a
    client that leaves before it has its answer gets none."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log like `Logger.log`; aiohttp passes its error as `exc_info`, and the client's
        address."""
        error = kwargs.get("exc_info")
        if isinstance(error, ClientConnectionResetError):
            return
        if not isinstance(error, HttpProcessingError | web.RequestPayloadError):
            super().log(level, msg, *args, **kwargs)
        elif args:  # otherwise the request has already been answered
            _no_http.refused(plain(str(args[0])), _reason(error))


def _reason(error: HttpProcessingError | web.RequestPayloadError) -> str:
    match error:
        case web.RequestPayloadError():
            return "the request's body cannot be read"
        case BadStatusLine() if "HTTPS" in error.message:
            return "it uses TLS, but this port does not: set websocket.tls_certificate"
        case BadStatusLine():
            return "it does not speak HTTP"
        case LineTooLong():
            return "the request's first line or a header is too long"
        case InvalidHeader():
            return "a header of the request is invalid"
        case InvalidURLError():
            return "the request's address is invalid"
    return f"the request is not HTTP: {error.message.partition(':')[0]}"
