"""The HTTP application for Prometheus and for probes."""

from __future__ import annotations

from aiohttp import hdrs, web

from guacr.control.control import Control
from guacr.metrics.collector import Collector
from guacr.metrics.exposition import format_for
from guacr.web.guard import deadlines
from guacr.web.headers import HEADERS
from guacr.web.health import NO_ANSWER, Health

PATH = "/metrics"


def create_app(control: Control) -> web.Application:
    """Create the application that shows the metrics and the state of `control`."""
    collector = Collector(control)

    async def metrics(request: web.Request) -> web.Response:
        wanted = format_for(request.headers.get(hdrs.ACCEPT, ""))
        try:
            text = await collector.text(wanted)
        except TimeoutError:
            raise web.HTTPServiceUnavailable(text=f"{NO_ANSWER}\n") from None
        return web.Response(body=text, headers={hdrs.CONTENT_TYPE: wanted.value})

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)

    app = web.Application(middlewares=[deadlines])
    app.on_response_prepare.append(add_headers)
    app.add_routes([web.get(PATH, metrics), *Health(control).routes()])
    return app
