"""The operators' page, `/admin`, and the place of its API (docs/control.md)."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

PATH, API = "/admin", "/api/admin"
_FILE = Path(__file__).parent / "static" / "admin.html"


def add_admin(app: web.Application, api: web.Application) -> None:
    """Add the page and its API to the page's application. The API checks who asks; the page itself
    contains nothing that is not in every installation."""
    app.router.add_get(PATH, _page)
    app.add_subapp(API, api)


async def _page(request: web.Request) -> web.StreamResponse:
    return web.FileResponse(_FILE)
