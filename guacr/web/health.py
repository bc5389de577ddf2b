"""Answers for the probes of load balancers and container platforms."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from aiohttp import web

from guacr.control.control import Control

HEALTH_PATH, LIVE_PATH, READY_PATH = "/health", "/live", "/ready"
PROBES = frozenset({HEALTH_PATH, LIVE_PATH, READY_PATH})
"""Paths that need no secret and no certain host name."""
STATUS_TIMEOUT = 3.0
"""Seconds within which the daemon must know its state."""
NO_ANSWER = "the daemon's processes do not answer"


class Health:
    """Answers whether the daemon lives, and whether clients should be sent to it."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of all probes."""
        return [
            web.get(HEALTH_PATH, self.live),
            web.get(LIVE_PATH, self.live),
            web.get(READY_PATH, self.ready),
        ]

    async def live(self, request: web.Request) -> web.Response:
        """Answer that the event loop is running."""
        return web.json_response({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:
        """Answer with HTTP 503 and the reasons while the daemon opens no sessions."""
        try:
            async with asyncio.timeout(STATUS_TIMEOUT):
                reasons = (await self._control.status()).not_ready
        except TimeoutError:
            reasons = (NO_ANSWER,)
        if reasons:
            body = {"status": "not ready", "reasons": reasons}
            return web.json_response(body, status=HTTPStatus.SERVICE_UNAVAILABLE)
        return web.json_response({"status": "ready"})
