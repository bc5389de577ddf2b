"""The interface over HTTP (docs/control.md; its description is openapi.json).

Answers are JSON; errors are `{"error": sentence, "status": number}` with Guacamole's number. It is
an application of its own, which others can mount below a path.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from guacr.control.info import plain
from guacr.errors import (
    BadRequestError,
    BadTypeError,
    ForbiddenError,
    GuacrError,
    InternalError,
    SettingsError,
    UnauthorizedError,
)
from guacr.json_text import JsonError, parse_json
from guacr.operators.authority import Operator
from guacr.operators.filters import LIMIT, Query
from guacr.operators.operations import Operations
from guacr.protocol.status import Status
from guacr.refusals import OPERATOR, Refusals
from guacr.web.guard import HttpGuard

BODY_MAX = 16384
"""Maximum bytes of a request's body."""
BODY_TIMEOUT = 15.0
"""Seconds within which the body must arrive."""
ALIVE = 15.0
"""Seconds without an event after which a stream says that it is alive."""
READ_TIMEOUT = 30.0
"""Seconds within which the reader of a stream must accept more."""
EVENT_LINES = "application/x-ndjson"
OPENAPI_PATH = Path(__file__).with_name("openapi.json")

Identify = Callable[[web.Request], Operator]
"""Returns the operator of a request.

Raises:
    UnauthorizedError: there is none.
"""

log = logging.getLogger("guacr.operators")
_refusals = Refusals(log, OPERATOR)

_HTTP_STATUS: Mapping[Status, int] = {
    Status.CLIENT_BAD_REQUEST: 400,
    Status.CLIENT_UNAUTHORIZED: 401,
    Status.CLIENT_FORBIDDEN: 403,
    Status.RESOURCE_NOT_FOUND: 404,
    Status.CLIENT_TIMEOUT: 408,
    Status.CLIENT_BAD_TYPE: 415,
    Status.CLIENT_TOO_MANY: 429,
    Status.UNSUPPORTED: 501,
    Status.SERVER_BUSY: 503,
}
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def create_rest(
    operations: Operations, identify: Identify, *, has_events: bool = True
) -> web.Application:
    """Create the application, with or without the stream of events."""
    rest = _Rest(operations, identify)
    app = web.Application(middlewares=[rest.answered], client_max_size=BODY_MAX)
    app.add_routes(
        [
            web.get("/openapi.json", rest.openapi),
            web.get("/v1/status", rest.status),
            web.get("/v1/sessions", rest.sessions),
            web.get("/v1/sessions/{id}", rest.session),
            web.post("/v1/sessions/{id}/end", rest.end),
            web.post("/v1/sessions/{id}/watch", rest.watch),
            web.post("/v1/drain", rest.drain),
            web.post("/v1/resume", rest.resume),
            web.post("/v1/reload", rest.reload),
        ]
    )
    if has_events:
        app.router.add_get("/v1/events", rest.events, allow_head=False)
    return app


class _Rest:
    """The handlers of requests."""

    def __init__(self, operations: Operations, identify: Identify) -> None:
        self._operations = operations
        self._identify = identify
        self._openapi = json.loads(OPENAPI_PATH.read_bytes())

    @web.middleware
    async def answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn errors into answers."""
        try:
            _check_origin(request)
            response = await handler(request)
        except GuacrError as error:
            response = _refused(request, error)
        except web.HTTPException as error:
            response = _failed(error)
        except Exception:
            log.exception("a request of an operator failed")
            response = _error(500, InternalError())
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    async def openapi(self, request: web.Request) -> web.Response:
        """Return the description of this interface, to everybody."""
        return web.json_response(self._openapi)

    async def status(self, request: web.Request) -> web.Response:
        """Return the state of the daemon and its workers."""
        status = await self._operations.status(self._identify(request))
        return web.json_response({**plain(status), "ready": status.is_ready})

    async def sessions(self, request: web.Request) -> web.Response:
        """Return a part of the list of sessions."""
        page = await self._operations.sessions(self._identify(request), _query(request))
        return web.json_response(
            {
                "sessions": [plain(session) for session in page.sessions],
                "total": page.total,
                "next": page.next,
            }
        )

    async def session(self, request: web.Request) -> web.Response:
        """Return one session."""
        operator = self._identify(request)
        session = await self._operations.session(operator, request.match_info["id"])
        return web.json_response(plain(session))

    async def end(self, request: web.Request) -> web.Response:
        """End a session."""
        operator, body = await self._body(request, "message")
        message = body.get("message", "")
        if not isinstance(message, str):
            raise BadRequestError("message must be a text")
        await self._operations.end(operator, request.match_info["id"], message)
        return web.json_response({})

    async def watch(self, request: web.Request) -> web.Response:
        """Return a link to watch a session."""
        operator, _ = await self._body(request)
        link = await self._operations.watch(operator, request.match_info["id"])
        return web.json_response({"token": link.token, "path": link.path, "expires": link.expires})

    async def drain(self, request: web.Request) -> web.Response:
        """Open no more sessions."""
        operator, _ = await self._body(request)
        await self._operations.drain(operator)
        return web.json_response({})

    async def resume(self, request: web.Request) -> web.Response:
        """Open sessions again."""
        operator, _ = await self._body(request)
        await self._operations.resume(operator)
        return web.json_response({})

    async def reload(self, request: web.Request) -> web.Response:
        """Read the settings again."""
        operator, _ = await self._body(request)
        with _unhurried(request):
            return web.json_response(plain(await self._operations.reload(operator)))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Stream events, one JSON object per line, until the client leaves or its rights end."""
        operator = self._identify(request)
        async with self._operations.events(operator) as events:
            response = web.StreamResponse(headers=_HEADERS)
            response.content_type = EVENT_LINES
            with _unhurried(request), suppress(ConnectionResetError):
                await response.prepare(request)
                await _stream(response, events)
        return response

    async def _body(self, request: web.Request, *names: str) -> tuple[Operator, Mapping[str, Any]]:
        """Return the operator of a request, and the object in its body, which may have fields with
        these names.

        Raises:
            UnauthorizedError: there is no operator.
            BadTypeError: the body is not declared as JSON.
            BadRequestError: it is not such an object.
        """
        operator = self._identify(request)
        if request.body_exists and request.content_type != "application/json":
            raise BadTypeError("the body must be JSON: set Content-Type to application/json")
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                body = parse_json(await request.read() or b"{}")
        except TimeoutError:
            raise BadRequestError("the request's body did not arrive in time") from None
        except (JsonError, web.RequestPayloadError):
            body = None
        if not isinstance(body, dict):
            raise BadRequestError("the request's body must be a JSON object")
        for name in body:
            if name not in names:
                known = ", ".join(names) or "none"
                raise BadRequestError(f"the body has an unknown field; the known ones are {known}")
        return operator, body


@contextmanager
def _unhurried(request: web.Request) -> Iterator[None]:
    """Let the answer take as long as it needs, until the block ends; the client may never read the
    rest."""
    guard = HttpGuard.of(request)
    if guard is not None:
        guard.take_time()
    try:
        yield
    finally:
        if guard is not None:
            guard.request_began()


async def _stream(response: web.StreamResponse, events: Any) -> None:
    """Write events until the client leaves.

    Raises:
        TimeoutError: it does not read in time.
    """
    waiting = asyncio.ensure_future(anext(events))
    try:
        while True:
            done, _ = await asyncio.wait([waiting], timeout=ALIVE)
            event = {"event": "alive"}
            if done:
                event = waiting.result()
                waiting = asyncio.ensure_future(anext(events))
            async with asyncio.timeout(READ_TIMEOUT):
                await response.write(json.dumps(event).encode() + b"\n")
    finally:
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting


def _query(request: web.Request) -> Query:
    """Return the selection of a URL.

    Raises:
        BadRequestError: it is invalid.
    """
    values = dict(request.query)
    if len(values) != len(request.query):
        raise BadRequestError("each filter may be given once")
    limit = values.pop("limit", str(LIMIT))
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 8):
        raise BadRequestError("limit must be a whole number")
    search, after = values.pop("search", ""), values.pop("after", "")
    return Query(fields=values, search=search, after=after, limit=int(limit))


def _check_origin(request: web.Request) -> None:
    """Refuse pages of other origins, which browsers would let act with a client certificate.

    Raises:
        ForbiddenError: the request is one of such a page.
    """
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2].lower() != request.host.lower():
        raise ForbiddenError("pages of other origins may not use this interface")


def _refused(request: web.Request, error: GuacrError) -> web.Response:
    status = 409 if isinstance(error, SettingsError) else _HTTP_STATUS.get(error.status, 500)
    if status in (401, 403):
        _refusals.refused(request.remote or "the Unix socket", error)
    response = _error(status, error)
    if isinstance(error, UnauthorizedError):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _failed(error: web.HTTPException) -> web.Response:
    """Return the answer for an error of HTTP itself, with its headers, such as `Allow`."""
    sentences = {
        404: "this path is unknown: see /openapi.json",
        405: "this method is not allowed here",
        413: f"the request's body is longer than the {BODY_MAX} bytes allowed",
    }
    response = _error(error.status, BadRequestError(sentences.get(error.status, error.reason)))
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def _error(status: int, error: GuacrError) -> web.Response:
    return web.json_response({"error": str(error), "status": int(error.status)}, status=status)
