"""The HTTP application: the page, its API, and the WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import Any, TypeAlias

from aiohttp import web

from guacr.access.gateway import Gateway
from guacr.access.keys import ProcessKeys
from guacr.access.tokens import parameter_texts
from guacr.control.control import Control
from guacr.errors import GuacrError, UnauthorizedError
from guacr.json_text import JsonError, parse_json
from guacr.net.handover import Handover
from guacr.net.listeners import port_of, tcp_sockets
from guacr.recording.library import Library
from guacr.session.directory import Directory
from guacr.session.ids import foreign_worker
from guacr.session.protocols import Protocols
from guacr.settings.models import Settings
from guacr.transport.websocket import client_of
from guacr.web.admin import add_admin
from guacr.web.admission import Admission
from guacr.web.forms import describe
from guacr.web.forwarded import Proxies
from guacr.web.guard import deadlines
from guacr.web.headers import Headers
from guacr.web.health import Health
from guacr.web.listener import create_runner
from guacr.web.misplaced import Misplaced
from guacr.web.recordings import WEB, Recordings, add_files, create_player, library_of
from guacr.web.refused import refusal, reported
from guacr.web.tunnels import Tunnels
from guacr.web.viewings import Viewer

BODY_MAX = 65536
"""Maximum bytes of a request's body."""
BODY_TIMEOUT = 15.0
"""Seconds within which the body must arrive."""
WEBSOCKET_PATH = "/websocket"
WEBRTC_PATH = "/webrtc"

Signalling: TypeAlias = Callable[[web.Request, Tunnels], Awaitable[web.StreamResponse]]
"""Serves the signalling of WebRTC."""

_DRAIN = web.AppKey("drain", asyncio.Event)
_TUNNELS = web.AppKey("tunnels", Tunnels)
_RELOADS = web.AppKey("reloads", tuple[Callable[[Settings], None], ...])


def create_app(
    settings: Settings,
    directory: Directory,
    protocols: Protocols,
    keys: ProcessKeys,
    control: Control,
    *,
    secret: str | None = None,
    signalling: Signalling | None = None,
    handover: Handover | None = None,
    operators: web.Application | None = None,
) -> web.Application:
    """Create the application, whose probes show the state of `control`. With a `secret`, it is only
    for browsers that have opened `/?secret=…`; with `signalling`, it offers WebRTC; with a
    `handover`, there are other workers; with `operators`, the API for them, it has a page for
    them."""
    gateway = Gateway(settings, protocols, directory.params_type, keys)
    tunnels = Tunnels(gateway, directory, settings.websocket.max_message)
    admission = Admission(settings, secret)
    misplaced = Misplaced(handover, gateway, (WEBSOCKET_PATH, WEBRTC_PATH))
    proxies, headers = Proxies(settings), Headers(settings)
    app = web.Application(
        middlewares=[
            deadlines,
            proxies.middleware,
            reported,
            admission.middleware,
            misplaced.middleware,
        ],
        client_max_size=BODY_MAX,
    )
    app.on_response_prepare.append(headers.add)
    recordings = Recordings(
        library_of(settings), lambda token: Viewer(*gateway.recordings(token)), control.note
    )
    app.on_cleanup.append(recordings.close)
    app[_DRAIN] = asyncio.Event()
    app.on_response_prepare.append(_close_if_draining)
    app[_TUNNELS] = tunnels
    app[_RELOADS] = (
        gateway.reload,
        admission.reload,
        proxies.reload,
        headers.reload,
        recordings.reload,
    )
    page = _Page(gateway, tunnels, misplaced, has_webrtc=signalling is not None)
    app.add_routes(
        [
            web.get("/", page.index),
            web.get("/api/connections", page.connections),
            web.post("/api/join", page.join),
            web.post("/api/session", page.session),
            web.post("/api/form", page.form),
            web.get(WEBSOCKET_PATH, tunnels.serve),
            *Health(control).routes(),
            *recordings.routes(),
        ]
    )
    if signalling is not None:
        app.router.add_get(WEBRTC_PATH, partial(_signal, signalling, tunnels))
    if operators is not None:
        add_admin(app, operators)
    add_files(app)
    return app


def reload_app(app: web.Application, settings: Settings) -> None:
    """Apply new settings to the application."""
    for reload in app[_RELOADS]:
        reload(settings)


def drain_app(app: web.Application) -> None:
    """Have connections closed after their next answer."""
    app[_DRAIN].set()


async def _close_if_draining(request: web.Request, response: web.StreamResponse) -> None:
    if request.config_dict[_DRAIN].is_set() and response.status != HTTPStatus.SWITCHING_PROTOCOLS:
        response.force_close()
        response.headers["Connection"] = "close"


@asynccontextmanager
async def served_player(
    settings: Settings, library: Library, name: str, secret: str
) -> AsyncIterator[int]:
    """Serve one recording to a browser that has opened `/?secret=…`; yield the port.

    Raises:
        SettingsError: the address of the settings cannot be used.
    """
    (sock,) = await tcp_sockets(settings.websocket.hosts, settings.websocket.port, backlog=16)
    runner = create_runner(create_player(settings, library, name, secret))
    try:
        await runner.setup()
        await web.SockSite(runner, sock).start()
        yield port_of([sock])
    finally:
        await runner.cleanup()
        sock.close()


async def close_tunnels(app: web.Application) -> None:
    """End the tunnels, before the server: once that shuts down, aiohttp discards what clients send,
    and would wait in vain for them to close their WebSockets."""
    await app[_TUNNELS].close()


async def _signal(
    signalling: Signalling, tunnels: Tunnels, request: web.Request
) -> web.StreamResponse:
    return await signalling(request, tunnels)


class _Page:
    """The page's API; responses are JSON, errors `{"error": sentence}`."""

    def __init__(
        self, gateway: Gateway, tunnels: Tunnels, misplaced: Misplaced, *, has_webrtc: bool
    ) -> None:
        self._misplaced = misplaced
        self._gateway = gateway
        self._tunnels = tunnels
        html = (WEB / "static" / "index.html").read_text(encoding="utf-8")
        self._html = html.replace("<html ", "<html data-webrtc ", 1) if has_webrtc else html

    async def index(self, request: web.Request) -> web.Response:
        """Return the page."""
        return web.Response(text=self._html, content_type="text/html")

    async def connections(self, request: web.Request) -> web.Response:
        """List what can be opened."""
        client = client_of(request, "websocket")
        offers = [
            {"name": offer.name, "title": offer.title, "protocol": offer.protocol}
            for offer in self._gateway.offers(client)
        ]
        forms = [
            {"protocol": name, "fields": describe(params, self._gateway.may_set)}
            for name, params in self._gateway.forms(client).items()
        ]
        return web.json_response(
            {"connections": offers, "forms": forms, "needsToken": self._gateway.needs_token}
        )

    async def join(self, request: web.Request) -> web.Response:
        """Return a token to join the session of `tunnel`, `readOnly` or not."""
        body = await _body(request)
        tunnel, read_only = str(body.get("tunnel", "")), body.get("readOnly") is not False
        await self._misplaced.check(request, foreign_worker(tunnel), await request.read())
        return _answer(
            request, lambda: {"token": self._tunnels.join_token(tunnel, read_only=read_only)}
        )

    async def session(self, request: web.Request) -> web.Response:
        """Return what the user of `tunnel` may do."""
        tunnel = str((await _body(request)).get("tunnel", ""))
        await self._misplaced.check(request, foreign_worker(tunnel), await request.read())
        return _answer(request, lambda: self._tunnels.about(tunnel))

    async def form(self, request: web.Request) -> web.Response:
        """Return a token for `protocol` with the `parameters` of a form."""
        body = await _body(request)
        protocol, texts = str(body.get("protocol", "")), _texts(body.get("parameters", {}))
        return _answer(request, lambda: {"token": self._gateway.form_token(protocol, texts)})


async def _body(request: web.Request) -> Mapping[str, Any]:
    """Read the object in a request's body.

    Raises:
        aiohttp.web.HTTPBadRequest: the body is not an object.
    """
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            body = parse_json(await request.read())
    except TimeoutError:
        raise web.HTTPRequestTimeout(
            text="The request's body did not arrive in time.\n", headers={"Connection": "close"}
        ) from None
    except JsonError:
        body = None
    except web.RequestPayloadError:  # invalid compression or chunks
        raise web.HTTPBadRequest(text="The request's body cannot be read.\n") from None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="The request must contain a JSON object.\n")
    return body


def _texts(parameters: object) -> dict[str, str]:
    """Return the parameters of a form.

    Raises:
        aiohttp.web.HTTPBadRequest: they are invalid.
    """
    if isinstance(parameters, dict):
        with suppress(UnauthorizedError):
            return parameter_texts(parameters)
    raise web.HTTPBadRequest(text="The parameters must be an object of texts.\n")


def _answer(request: web.Request, make: Callable[[], Mapping[str, object]]) -> web.Response:
    try:
        return web.json_response(make())
    except GuacrError as error:
        return refusal(request, error)
