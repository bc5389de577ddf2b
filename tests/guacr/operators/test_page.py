"""The API of the operators' page: for tokens only, on the page's port, and off by default."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from guacr.access.operator_tokens import Right
from guacr.access.tokens import Grant, make_token
from guacr.daemon import Daemon
from guacr.settings.models import Settings
from guacr.testing.daemon import running_daemon
from tests.guacr.operators.conftest import bearer, control_settings
from tests.support.loopback import SketchHandler

USER_KEY = "the key of users' tokens, of enough characters"
OTHER_KEY = "another key of operators' tokens, long enough"
SELF = "https://portal.example"


def page_settings(path: Path, **control: object) -> Settings:
    settings = control_settings(path, http=False, page=True, **control)
    update = {"token_keys": (USER_KEY,), "frame_ancestors": (SELF,)}
    websocket = settings.websocket.model_copy(update=update)
    return settings.model_copy(update={"websocket": websocket})


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[tuple[Daemon, aiohttp.ClientSession]]:
    async with (
        running_daemon(SketchHandler, settings=settings) as daemon,
        aiohttp.ClientSession(f"http://127.0.0.1:{daemon.web_port}") as http,
    ):
        yield daemon, http


async def status_of(
    http: aiohttp.ClientSession, path: str, headers: dict[str, str] | None = None
) -> int:
    async with http.get(path, headers=headers) as response:
        return response.status


async def test_it_is_off_by_default(tmp_path: Path) -> None:
    async with running(control_settings(tmp_path)) as (_, http):
        assert await status_of(http, "/admin") == 404
        assert await status_of(http, "/api/admin/operator", headers=bearer()) == 404


async def test_only_tokens_of_operators_in_the_header_let_in(tmp_path: Path) -> None:
    settings = page_settings(tmp_path)
    token = make_token(USER_KEY, Grant(join="$1"), now=time.time(), lifetime=60)
    given = bearer()["Authorization"].removeprefix("Bearer ")
    async with running(settings) as (daemon, http):
        for path in ("operator", "v1/status", "v1/sessions", f"v1/sessions?token={given}"):
            assert await status_of(http, f"/api/admin/{path}") == 401
        headers = {"Authorization": f"Bearer {token}"}
        assert await status_of(http, "/api/admin/operator", headers=headers) == 401
        async with http.get("/api/admin/operator", headers=bearer([Right.READ])) as response:
            answer = await response.json()
        assert (answer["name"], answer["rights"], answer["announced"]) == ("ann", ["read"], True)
        assert await status_of(http, "/api/admin/v1/events", headers=bearer()) == 404
        control = settings.control.model_copy(update={"token_keys": (OTHER_KEY,)})
        assert daemon.reload(settings.model_copy(update={"control": control})) == []
        assert await status_of(http, "/api/admin/operator", headers=bearer()) == 401


async def test_pages_of_other_origins_cannot_act_or_frame_it(tmp_path: Path) -> None:
    settings = page_settings(tmp_path)
    allowed = settings.websocket.model_copy(update={"allowed_origins": ("*",)})
    async with running(settings.model_copy(update={"websocket": allowed})) as (daemon, http):
        for origin, status in (("https://evil.example", 403), (None, 200)):
            headers = bearer() | ({"Origin": origin} if origin else {})
            async with http.post("/api/admin/v1/drain", headers=headers) as response:
                assert response.status == status
            assert daemon.registry.is_draining == (status == 200)
        for path, ancestors in (("/admin", "'none'"), ("/", SELF)):
            async with http.get(path) as response:
                policy = response.headers["Content-Security-Policy"]
                assert policy.endswith(f"frame-ancestors {ancestors}")
                assert ("X-Frame-Options" in response.headers) == (path == "/admin")


async def test_connections_of_a_worker_that_drains_are_closed(tmp_path: Path) -> None:
    async with running(page_settings(tmp_path)) as (daemon, http):
        daemon.drain()
        async with http.get("/api/admin/operator", headers=bearer()) as response:
            assert response.status == 200
            assert response.headers["Connection"] == "close"


async def test_the_page_needs_a_restart(tmp_path: Path) -> None:
    settings = page_settings(tmp_path)
    async with running(settings) as (daemon, _):
        control = settings.control.model_copy(update={"page": False})
        late = daemon.reload(settings.model_copy(update={"control": control}))
        assert late == ["control.page"]
