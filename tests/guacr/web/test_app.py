"""The HTTP side: the page, its headers, who gets in, and what it can ask for."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from aiohttp import ClientResponse

from guacr import web
from guacr.access.tokens import TOKEN_MAX
from guacr.control.control import DRAINING
from guacr.control.local import LocalControl
from guacr.transport import websocket
from guacr.web import health, listener, tunnels
from guacr.web.app import BODY_MAX
from tests.support.loopback import SketchHandler
from tests.support.site import Site, running_site

KEY = "a key that is long enough for tokens"
SECRET = "the secret of this start"
UPGRADE = (
    b"GET /websocket?connection=sketch HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
STATIC = Path(web.__file__).parent / "static"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_site() as running:
        yield running


async def get(site: Site, path: str, **headers: str) -> tuple[ClientResponse, str]:
    async with site.http.get(site.origin + path, headers=headers) as response:
        return response, await response.text()


async def post(site: Site, path: str, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
    async with site.http.post(site.origin + path, json=body, headers=headers) as response:
        if response.content_type != "application/json":
            return response.status, {"text": await response.text()}
        return response.status, await response.json()


async def tunnel_of(site: Site, query: str = "connection=sketch") -> str:
    """The UUID of a new tunnel, whose session has begun."""
    client = await site.connect(query)
    await client.until("sync")
    return client.all("")[0][0]


# ---- the page


async def test_the_page(site: Site) -> None:
    response, text = await get(site, "/")
    assert (response.status, response.content_type) == (200, "text/html")
    assert "<title>guacr</title>" in text


async def test_everything_that_the_page_names_is_there(site: Site) -> None:
    sources = [STATIC / "index.html", *STATIC.glob("*.js")]
    text = "".join(source.read_text() for source in sources)
    named = set(re.findall(r'"(static/[^"]+)"', text))
    named = {f"/{name}" for name in named}
    named |= {f"/{name}" for name in re.findall(r'"\.\./(vendor/[^"]+)"', text)}
    named |= {f"/static/{name}" for name in re.findall(r'from "\./([^"]+)"', text)}
    assert "/vendor/guacamole-common.js" in named
    assert len(named) > 8
    for path in named:
        response, _ = await get(site, path)
        assert response.status == 200, path


async def test_headers_that_keep_the_page_safe(site: Site) -> None:
    for path in ("/", "/health", "/static/app.js", "/nowhere", "/api/connections"):
        response, _ = await get(site, path)
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
    assert (await get(site, "/"))[0].headers["Cache-Control"] == "no-store"
    assert (await get(site, "/static/app.js"))[0].headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["index.html", "player.html", "admin.html"])
def test_the_pages_keep_to_their_policy(name: str) -> None:
    html = (STATIC / name).read_text()
    assert not re.search(r"\son\w+=|style=|<style|<script(?![^>]*src)", html)


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/vendor/", "/x"])
async def test_nothing_else_is_served(site: Site, path: str) -> None:
    response, _ = await get(site, path)
    assert response.status in (403, 404)


@pytest.mark.parametrize(
    ("path", "status"), [("/health", "ok"), ("/live", "ok"), ("/ready", "ready")]
)
async def test_probes_leave_no_line_in_the_log(
    site: Site, path: str, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    response, text = await get(site, path, Host="container:4823")
    assert (response.status, json.loads(text)) == (200, {"status": status})
    assert caplog.records == []


async def test_a_site_that_opens_no_sessions_says_why(site: Site) -> None:
    site.bench.registry.is_draining = True
    response, text = await get(site, "/ready", Host="container:4823")
    assert response.status == 503
    assert json.loads(text) == {"status": "not ready", "reasons": [DRAINING]}
    assert (await get(site, "/live"))[0].status == 200


async def test_a_daemon_that_does_not_know_its_state_is_not_ready(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(control: LocalControl) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(LocalControl, "status", hang)
    monkeypatch.setattr(health, "STATUS_TIMEOUT", 0.01)
    response, text = await get(site, "/ready")
    assert (response.status, json.loads(text)["reasons"]) == (503, [health.NO_ANSWER])


async def test_tokens_are_not_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = await site.connect("token=s3cret.s3cret")
    await client.closed()
    await get(site, "/?token=s3cret")
    assert "refused" in caplog.text
    assert "s3cret" not in caplog.text


async def test_what_can_be_opened() -> None:
    connections = {"b": {"protocol": "sketch", "title": "Bee"}, "a": {"protocol": "sketch"}}
    async with running_site(connections=connections) as site:
        _, text = await get(site, "/api/connections")
        assert json.loads(text) == {
            "connections": [
                {"name": "b", "title": "Bee", "protocol": "sketch"},
                {"name": "a", "title": "a", "protocol": "sketch"},
            ],
            "forms": [],
            "needsToken": False,
        }


async def test_nothing_is_listed_where_a_token_is_needed() -> None:
    async with running_site(websocket={"token_keys": [KEY]}) as site:
        _, text = await get(site, "/api/connections")
        assert json.loads(text) == {"connections": [], "forms": [], "needsToken": True}


@pytest.mark.holds_loop(reason="protocols are loaded, which the daemon does before it listens")
async def test_forms_come_from_the_declared_parameters() -> None:
    allowed = {"allow_query_parameters": ["protocol", "hostname", "password", "level", "read-only"]}
    async with running_site(websocket=allowed) as site:
        _, text = await get(site, "/api/connections")
    forms = {form["protocol"]: form["fields"] for form in json.loads(text)["forms"]}
    doc = "Not used."
    assert forms["sketch"] == [
        {
            "name": "hostname",
            "title": "Host name",
            "kind": "text",
            "doc": doc,
            "default": "",
            "common": False,
        },
        {
            "name": "password",
            "title": "Password",
            "kind": "password",
            "doc": doc,
            "default": "",
            "common": False,
        },
        {
            "name": "level",
            "title": "Level",
            "kind": "number",
            "doc": "A number.",
            "default": "1",
            "common": False,
            "minimum": 0,
            "maximum": 9,
        },
        {
            "name": "read-only",
            "title": "Read only",
            "kind": "boolean",
            "doc": "Ignore all input from this user.",
            "default": "false",
            "common": True,
        },
    ]


# ---- tokens that the page asks for


async def test_a_link_to_watch(site: Site) -> None:
    status, answer = await post(site, "/api/join", {"tunnel": await tunnel_of(site)})
    assert status == 200
    viewer = await site.connect(f"token={answer['token']}")
    await viewer.until("sync")
    (session,) = site.bench.registry.sessions.values()
    assert [user.rights.read_only for user in session.users] == [False, True]
    await viewer.send("key", 65, 1)
    await viewer.send("", "ping", "1")
    await viewer.until("")
    assert isinstance(session.handler, SketchHandler)
    assert ("key", 65, True) not in session.handler.events


async def test_a_link_with_full_rights(site: Site) -> None:
    tunnel = await tunnel_of(site)
    _, answer = await post(site, "/api/join", {"tunnel": tunnel, "readOnly": False})
    await tunnel_of(site, f"token={answer['token']}")
    (session,) = site.bench.registry.sessions.values()
    assert [user.rights.read_only for user in session.users] == [False, False]


async def test_a_viewer_can_pass_on_watching_alone(site: Site) -> None:
    _, answer = await post(site, "/api/join", {"tunnel": await tunnel_of(site)})
    viewer = await tunnel_of(site, f"token={answer['token']}")
    status, refused = await post(site, "/api/join", {"tunnel": viewer, "readOnly": False})
    assert (status, refused["status"]) == (403, 771)
    assert "only watch" in refused["error"]
    assert (await post(site, "/api/join", {"tunnel": viewer}))[0] == 200


async def test_what_a_user_may_do(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    tunnel = await tunnel_of(site)
    assert await post(site, "/api/session", {"tunnel": tunnel}) == (
        200,
        {"readOnly": False, "resizable": True},
    )
    _, answer = await post(site, "/api/join", {"tunnel": tunnel})
    viewer = await tunnel_of(site, f"token={answer['token']}")
    _, rights = await post(site, "/api/session", {"tunnel": viewer})
    assert rights == {"readOnly": True, "resizable": False}, "the owner's window counts"
    monkeypatch.setattr(SketchHandler, "is_resizable", False)
    _, rights = await post(site, "/api/session", {"tunnel": tunnel})
    assert rights == {"readOnly": False, "resizable": False}
    assert (await post(site, "/api/session", {"tunnel": "guess"}))[0] == 404


@pytest.mark.parametrize("read_only", [None, "false", 0, 1])
async def test_only_a_clear_false_gives_more(site: Site, read_only: object) -> None:
    body = {"tunnel": await tunnel_of(site), "readOnly": read_only}
    _, answer = await post(site, "/api/join", body)
    await tunnel_of(site, f"token={answer['token']}")
    (session,) = site.bench.registry.sessions.values()
    assert [user.rights.read_only for user in session.users] == [False, True]


async def test_links_are_for_those_in_the_session(site: Site) -> None:
    await tunnel_of(site)
    (session,) = site.bench.registry.sessions.values()
    for guess in (session.id, "", "0", None):
        status, answer = await post(site, "/api/join", {"tunnel": guess})
        assert (status, answer["status"]) == (404, 516)


async def test_a_link_of_a_session_that_has_ended(site: Site) -> None:
    tunnel = await tunnel_of(site)
    _, answer = await post(site, "/api/join", {"tunnel": tunnel})
    (session,) = site.bench.registry.sessions.values()
    session.close()
    late = await site.connect(f"token={answer['token']}")
    assert await late.closed() == (1002, "516")
    assert late.all("error")[0][0].startswith("unknown connection")
    assert (await post(site, "/api/join", {"tunnel": tunnel}))[0] == 404


async def test_a_filled_in_form() -> None:
    async with running_site(websocket={"allow_query_parameters": ["*"]}) as site:
        body = {"protocol": "sketch", "parameters": {"hostname": "h", "level": 7}}
        status, answer = await post(site, "/api/form", body)
        assert status == 200
        await tunnel_of(site, f"token={answer['token']}")
        (session,) = site.bench.registry.sessions.values()
        assert session.handler.params.level == 7
        status, answer = await post(site, "/api/form", body | {"parameters": {"level": "x"}})
        assert (status, answer["status"]) == (400, 768)


async def test_forms_are_refused_where_they_are_not_allowed(site: Site) -> None:
    status, answer = await post(site, "/api/form", {"protocol": "sketch", "parameters": {}})
    assert (status, answer["status"]) == (403, 771)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 60000])
async def test_bodies_that_are_no_object(site: Site, body: bytes) -> None:
    async with site.http.post(f"{site.origin}/api/join", data=body) as response:
        assert response.status == 400


async def test_a_body_that_is_too_large(site: Site) -> None:
    async with site.http.post(f"{site.origin}/api/join", data=b" " * (BODY_MAX + 1)) as response:
        assert response.status == 413


async def test_a_long_token_in_the_address(site: Site) -> None:
    client = await site.connect("token=" + "a" * (TOKEN_MAX - 10) + ".")
    assert await client.closed() == (1008, "769")


async def test_refusals_reach_the_client_as_errors(site: Site) -> None:
    client = await site.connect("connection=nowhere")
    assert await client.closed() == (1002, "516")
    assert [one.opcode for one in client.received] == ["", "error"]
    assert "'nowhere'" in client.all("error")[0][0]


# ---- who gets in


async def test_other_origins(site: Site) -> None:
    host = site.origin.removeprefix("http://")
    for origin in ("https://evil.example", "null", "", f"http://{host}.evil.example", "http://["):
        status, answer = await post(site, "/api/join", {"tunnel": ""}, Origin=origin)
        assert status == 403, origin
        assert "origin" in answer["text"]
    for origin in (site.origin, f"https://{host}"):
        status, _ = await post(site, "/api/join", {"tunnel": ""}, Origin=origin)
        assert status == 404, origin


async def test_listed_origins() -> None:
    allowed = {"allowed_origins": ["https://Desk.example/"]}
    async with running_site(websocket=allowed) as site:
        client = await site.connect(origin="https://desk.example")
        await client.until("ready")
        proxied = {"Host": "desk.example", "Origin": "https://desk.example"}
        assert (await post(site, "/api/join", {"tunnel": ""}, **proxied))[0] == 404
        assert (await post(site, "/api/join", {}, Origin="https://other.example"))[0] == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:4823", "[", "10.0.0.1"])
async def test_names_that_point_here_without_leave(site: Site, host: str) -> None:
    for path in ("/", "/api/connections", "/websocket", "/static/app.js"):
        response, text = await get(site, path, Host=host)
        assert response.status in (400, 403), path
        assert ("allowed_origins" in text) == (response.status == 403)


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:4823", "LOCALHOST"])
async def test_names_of_this_machine(site: Site, host: str) -> None:
    assert (await get(site, "/", Host=host))[0].status == 200


async def test_with_a_key_any_name_will_do() -> None:
    async with running_site(websocket={"token_keys": [KEY]}) as site:
        assert (await get(site, "/", Host="desk.example"))[0].status == 200


async def test_the_secret_of_the_demo() -> None:
    async with running_site(secret=SECRET) as site:
        for path in ("/", "/?secret=wrong", "/static/app.js", "/api/connections", "/websocket"):
            response, text = await get(site, path)
            assert response.status == 403, path
            assert "address that guacr printed" in text
        response, _ = await get(site, f"/?secret={SECRET}")
        assert response.status == 200
        cookie = response.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        value = cookie.partition(";")[0]
        response, text = await get(site, "/api/connections", Cookie=value)
        assert response.status == 200
        client = await site.connect(headers={"Cookie": value})
        await client.until("ready")
        assert (await get(site, "/health"))[0].status == 200
        assert (await get(site, "/", Cookie=value[:-1] + "x"))[0].status == 403
        assert (await get(site, f"/api/connections?secret={SECRET}"))[0].status == 403


async def test_a_shutdown_closes_what_is_open() -> None:
    async with running_site() as site:
        client = await site.connect()
        await client.until("sync")
        await site.bench.registry.close()
        assert await client.closed() == (1011, "520")


async def test_a_shutdown_hears_clients_that_close(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (listener, tunnels, websocket):
        monkeypatch.setattr(module, "CLOSE_TIMEOUT", 60.0)
    async with running_site() as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.runner.addresses[0][1])
        writer.write(UPGRADE)
        await reader.readuntil(b"4.sync")
        closing = asyncio.create_task(site.close())
        await reader.readuntil(b"\x88\x03" + pack("!H", 1000) + b"0")
        writer.write(b"\x88\x80" + bytes(4))  # and wait for the end, as browsers do
        async with asyncio.timeout(10.0):
            assert await reader.read() == b""
            await closing
        writer.close()
