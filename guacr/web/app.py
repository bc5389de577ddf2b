"""The HTTP application: the page, what it asks for, and the WebSocket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from guacr.errors import GuacrError
from guacr.gateway import Gateway
from guacr.json_text import JsonError, parse_json
from guacr.protocol.status import Status
from guacr.session.registry import SessionRegistry
from guacr.settings import Settings
from guacr.tokens import TOKEN_MAX, parameter_texts
from guacr.transport.base import CLOSE_TIMEOUT
from guacr.web.admission import HEALTH_PATH, Admission
from guacr.web.forms import describe
from guacr.web.forwarded import Proxies
from guacr.web.guard import KEEP_ALIVE, deadlines
from guacr.web.headers import Headers
from guacr.web.tunnels import Tunnels

BODY_MAX = 65536
"""Bytes of a request's body."""
BODY_TIMEOUT = 15.0
"""Seconds in which it must have come."""
LINE_MAX = TOKEN_MAX + 8192
"""Bytes of a request's first line, which holds a token."""
WEBSOCKET_PATH = "/websocket"
WEB = Path(__file__).parent

_RELOADS = web.AppKey("reloads", tuple[Callable[[Settings], None], ...])

_HTTP_STATUS = {
    Status.CLIENT_UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    Status.CLIENT_FORBIDDEN: HTTPStatus.FORBIDDEN,
    Status.RESOURCE_NOT_FOUND: HTTPStatus.NOT_FOUND,
}


def create_app(
    settings: Settings, registry: SessionRegistry, *, secret: str | None = None
) -> web.Application:
    """The application; with a `secret`, only who has opened `/?secret=…` once gets in."""
    gateway = Gateway(settings, registry.protocols, registry.params_type)
    tunnels = Tunnels(gateway, registry, settings.websocket.max_message)
    admission = Admission(settings, secret)
    proxies, headers = Proxies(settings), Headers(settings)
    app = web.Application(
        middlewares=[deadlines, proxies.middleware, admission.middleware], client_max_size=BODY_MAX
    )
    app.on_response_prepare.append(headers.add)
    app.on_shutdown.append(tunnels.close)
    app[_RELOADS] = (gateway.reload, admission.reload, proxies.reload, headers.reload)
    page = _Page(gateway, tunnels)
    app.add_routes(
        [
            web.get("/", page.index),
            web.get(HEALTH_PATH, page.health),
            web.get("/api/connections", page.connections),
            web.post("/api/join", page.join),
            web.post("/api/form", page.form),
            web.get(WEBSOCKET_PATH, tunnels.serve),
            web.static("/static", WEB / "static"),
        ]
    )
    vendor = WEB / "vendor"
    if vendor.is_dir():  # it is made by the build
        app.router.add_static("/vendor", vendor)
    return app


def reload_app(app: web.Application, settings: Settings) -> None:
    """Have the application use other settings from now on."""
    for reload in app[_RELOADS]:
        reload(settings)


def create_runner(app: web.Application) -> web.AppRunner:
    """What serves `app`, with its limits; it logs no addresses, since they hold tokens."""
    return web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        logger=http_log,
        max_line_size=LINE_MAX,
        shutdown_timeout=CLOSE_TIMEOUT,
        keepalive_timeout=KEEP_ALIVE,
    )


def _in_one_line(record: logging.LogRecord) -> bool:
    """A filter for aiohttp's log: what a client has sent is not the daemon's failure, and worth a
    line without what it was."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError | web.RequestPayloadError):
        record.msg, record.args = "a request that is not HTTP was refused", ()
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.INFO, "INFO"
    return record.levelno >= http_log.getEffectiveLevel()


http_log = logging.getLogger("guacr.web.http")
http_log.addFilter(_in_one_line)


class _Page:
    """What the page asks for; answers are JSON, errors `{"error": sentence}`."""

    def __init__(self, gateway: Gateway, tunnels: Tunnels) -> None:
        self._gateway = gateway
        self._tunnels = tunnels
        self._html = (WEB / "static" / "index.html").read_text(encoding="utf-8")

    async def index(self, request: web.Request) -> web.Response:
        """The page itself."""
        return web.Response(text=self._html, content_type="text/html")

    async def health(self, request: web.Request) -> web.Response:
        """For probes: the event loop runs."""
        return web.json_response({"status": "ok"})

    async def connections(self, request: web.Request) -> web.Response:
        """What can be opened."""
        offers = [
            {"name": offer.name, "title": offer.title, "protocol": offer.protocol}
            for offer in self._gateway.offers()
        ]
        forms = [
            {"protocol": name, "fields": describe(params, self._gateway.may_set)}
            for name, params in self._gateway.forms().items()
        ]
        return web.json_response(
            {"connections": offers, "forms": forms, "needsToken": self._gateway.needs_token}
        )

    async def join(self, request: web.Request) -> web.Response:
        """A token to join the session of `tunnel`, `readOnly` or not."""
        body = await _body(request)
        tunnel, read_only = str(body.get("tunnel", "")), body.get("readOnly") is not False
        return _token(lambda: self._tunnels.join_token(tunnel, read_only=read_only))

    async def form(self, request: web.Request) -> web.Response:
        """A token for `protocol` with the `parameters` of a form."""
        body = await _body(request)
        protocol, parameters = str(body.get("protocol", "")), body.get("parameters")
        values = parameters if isinstance(parameters, dict) else {}
        return _token(lambda: self._gateway.form_token(protocol, parameter_texts(values)))


async def _body(request: web.Request) -> Mapping[str, Any]:
    """The object in a request's body.

    Raises:
        aiohttp.web.HTTPBadRequest: there is none.
    """
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            body = parse_json(await request.read())
    except TimeoutError:
        raise web.HTTPRequestTimeout(
            text="The request's body did not come in time.\n", headers={"Connection": "close"}
        ) from None
    except JsonError:
        body = None
    except web.RequestPayloadError:  # compressed, or chunked, and not as it should be
        raise web.HTTPBadRequest(text="The request's body cannot be read.\n") from None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="The request must hold a JSON object.\n")
    return body


def _token(make: Callable[[], str]) -> web.Response:
    try:
        return web.json_response({"token": make()})
    except GuacrError as error:
        status = _HTTP_STATUS.get(error.status, HTTPStatus.BAD_REQUEST)
        return web.json_response({"error": str(error), "status": error.status}, status=status)
