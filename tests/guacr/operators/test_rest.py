"""The interface over HTTP: what it shows and does, to whom, and within which limits."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from guacr.access.operator_tokens import Right
from guacr.control.info import Reloaded
from guacr.operators import rest
from guacr.operators.operations import MESSAGE, MESSAGE_MAX
from guacr.operators.service import OperatorService
from guacr.protocol.status import Status
from guacr.session.events import OperatorActed, Refused
from guacr.web import guard
from tests.guacr.operators.conftest import Site, bearer, control_settings, running_site
from tests.support.loopback import session_of, until


async def answer(response: aiohttp.ClientResponse, status: int = 200) -> Any:
    async with response:
        assert response.status == status, await response.text()
        assert response.headers["Cache-Control"] == "no-store"
        return await response.json()


async def test_sessions_and_status_are_shown(site: Site) -> None:
    _, user = site.connect(hostname="example.com", password="pa55", subject="ann")
    site.connect(hostname="other", subject="bob")
    session = session_of(user)
    for client, headers in ((site.unix, {}), (site.http, bearer([Right.READ]))):
        listed = await answer(await client.get("/v1/sessions?subject=ann", headers=headers))
        assert (listed["total"], listed["next"]) == (1, "")
        (one,) = listed["sessions"]
        assert (one["id"], one["host"], one["users"][0]["id"]) == (
            session.id,
            "example.com",
            user.id,
        )
        assert "pa55" not in json.dumps(listed)
        for path in (session.id, session.id[1:]):
            shown = await answer(await client.get(f"/v1/sessions/{path}", headers=headers))
            assert shown["id"] == session.id
        status = await answer(await client.get("/v1/status", headers=headers))
        assert (status["ready"], status["workers"][0]["sessions"]) == (True, 2)


async def test_a_session_is_ended_with_a_sentence_and_the_audit_log_knows(site: Site) -> None:
    transport, user = site.connect()
    other, _ = site.connect()
    session = session_of(user)
    with site.daemon.registry.events.subscribe() as events:
        message = "Maintenance:\ncome back at ten.\x1b[31m"
        path = f"/v1/sessions/{session.id}/end"
        body = {"message": message}
        await answer(await site.http.post(path, json=body, headers=bearer([Right.ACT])))
        act = await anext(events)
    told = "Maintenance: come back at ten.\\x1b[31m"
    assert act == OperatorActed("ann", "127.0.0.1", "end", session.id, told)
    assert transport.all("error") == [(told, str(int(Status.SESSION_CLOSED)))]
    assert other.closed_with is None
    refused = await answer(await site.unix.post(path, json=body), 404)
    assert refused["status"] == Status.RESOURCE_NOT_FOUND


async def test_without_a_message_the_users_get_a_sentence_nevertheless(site: Site) -> None:
    transport, user = site.connect()
    await answer(await site.unix.post(f"/v1/sessions/{session_of(user).id}/end"))
    assert transport.all("error")[0][0] == MESSAGE


@pytest.mark.parametrize("announced", [True, False])
async def test_a_link_to_watch_joins_read_only(tmp_path: Path, announced: bool) -> None:
    settings = control_settings(tmp_path, announce_watchers=announced)
    async with running_site(settings) as site:
        transport, user = site.connect()
        session = session_of(user)
        path = f"/v1/sessions/{session.id}/watch"
        link = await answer(await site.http.post(path, headers=bearer([Right.WATCH])))
        page = f"http://127.0.0.1:{site.daemon.web_port}"
        assert link["path"] == f"/#token={link['token']}"
        async with site.http.ws_connect(f"{page}/websocket?token={link['token']}"):
            await until(lambda: len(session.users) == 2)
            watcher = list(session.users)[1]
            assert watcher.rights.read_only
            assert watcher.subject == "ann"
            await until(lambda: bool(transport.all("msg")) == announced)
        await until(lambda: len(session.users) == 1)
        told = [(code, name) for code, _, name in transport.all("msg")]
        assert told == ([("1", "Operator ann"), ("2", "Operator ann")] if announced else [])


async def test_a_watcher_does_not_keep_a_session_open(site: Site) -> None:
    _, user = site.connect()
    session = session_of(user)
    link = await answer(await site.unix.post(f"/v1/sessions/{session.id}/watch"))
    page = f"http://127.0.0.1:{site.daemon.web_port}"
    async with site.http.ws_connect(f"{page}/websocket?token={link['token']}") as watcher:
        await until(lambda: len(session.users) == 2)
        session.detach(user)
        assert session.closed
        async with asyncio.timeout(10):
            while (await watcher.receive()).type != aiohttp.WSMsgType.CLOSE:
                pass


async def test_nothing_can_be_watched_without_the_page(tmp_path: Path) -> None:
    settings = control_settings(tmp_path)
    page = settings.websocket.model_copy(update={"enabled": False})
    async with running_site(settings.model_copy(update={"websocket": page})) as site:
        _, user = site.connect()
        path = f"/v1/sessions/{session_of(user).id}/watch"
        assert "websocket.enabled" in (await answer(await site.unix.post(path), 501))["error"]


async def test_draining_and_reloading(site: Site) -> None:
    await answer(await site.unix.post("/v1/drain"))
    status = await answer(await site.unix.get("/v1/status"))
    assert (status["ready"], status["state"]) == (False, "draining")
    await answer(await site.unix.post("/v1/resume", json={}))
    assert (await answer(await site.unix.get("/v1/status")))["ready"]
    refused = await answer(await site.unix.post("/v1/reload"), 409)
    assert "no settings" in refused["error"]

    async def reload() -> Reloaded:
        return Reloaded(need_restart=("server.port",), warnings=("mind the gap",))

    site.daemon.control.on_reload = reload
    reloaded = await answer(await site.unix.post("/v1/reload"))
    lists = {"changed": [], "need_restart": ["server.port"], "warnings": ["mind the gap"]}
    assert reloaded == lists


async def test_a_reload_may_take_longer_than_other_answers(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadlines: list[float | None] = []
    set_deadline = guard.HttpGuard._set_deadline

    def noted(self: guard.HttpGuard, seconds: float | None) -> None:
        deadlines.append(seconds)
        set_deadline(self, seconds)

    async def reload() -> Reloaded:
        assert deadlines[-1] is None
        return Reloaded()

    monkeypatch.setattr(guard.HttpGuard, "_set_deadline", noted)
    site.daemon.control.on_reload = reload
    response = await site.unix.post("/v1/reload")
    assert response.headers["Server"] == "guacr"
    assert (await answer(response))["changed"] == []
    assert guard.ANSWER_TIMEOUT in deadlines[deadlines.index(None) :], "the answer has to be read"


@pytest.mark.parametrize(
    ("rights", "method", "path", "status"),
    [
        ([], "GET", "/v1/status", 403),
        ([], "GET", "/v1/events", 403),
        ([Right.READ], "POST", "/v1/drain", 403),
        ([Right.WATCH], "POST", "/v1/resume", 403),
        ([Right.WATCH], "POST", "/v1/reload", 403),
        ([Right.WATCH], "POST", "/v1/sessions/$1/end", 403),
        ([Right.ACT], "POST", "/v1/sessions/$1/watch", 403),
    ],
)
async def test_rights_are_checked(
    site: Site, rights: list[Right], method: str, path: str, status: int
) -> None:
    refused = await answer(await site.http.request(method, path, headers=bearer(rights)), status)
    assert ", which you do not have: ask for it" in refused["error"]
    response = await site.http.request(method, path)
    assert response.headers["WWW-Authenticate"] == "Bearer"
    await answer(response, 401)
    expired = bearer(lifetime=0)
    assert (
        "expired"
        in (await answer(await site.http.request(method, path, headers=expired), 401))["error"]
    )


async def test_invalid_requests_get_a_sentence(site: Site) -> None:
    end = "/v1/sessions/$1/end"
    text = {"Content-Type": "text/plain"}
    for path, body, status in (
        (end, {"data": b"{}", "headers": text}, 415),
        (end, {"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        (end, {"json": []}, 400),
        (end, {"json": {"message": 1}}, 400),
        (end, {"json": {"massage": "x"}}, 400),
        (end, {"json": {"message": "x" * (MESSAGE_MAX + 1)}}, 400),
        (end, {"json": {"message": "x" * MESSAGE_MAX}}, 404),
        (f"/v1/sessions/{'x' * 5000}/end", {}, 404),
        ("/v1/sessions/%ED%A0%80/end", {}, 404),
        ("/v1/sessions/$1%0A/end", {}, 404),
        (end, {"data": b"x" * 20000, "headers": {"Content-Type": "application/json"}}, 413),
        ("/v1/nothing", {}, 404),
        ("/v1/status", {}, 405),
        ("/v1/drain", {"headers": {"Origin": "https://evil.example"}}, 403),
    ):
        refused = await answer(await site.unix.post(path, **body), status)
        assert refused["error"]
        assert not refused["error"].endswith(".")
    for query in ("limit=x", "limit=0", "limit=1&limit=2", "password=x", "after=x"):
        await answer(await site.unix.get(f"/v1/sessions?{query}"), 400)
    assert not site.daemon.registry.is_draining


async def test_events_are_streamed_until_the_daemon_ends(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "ALIVE", 0.01)
    monkeypatch.setattr(guard, "ANSWER_TIMEOUT", 0.1)  # not for streams
    async with site.http.get("/v1/events", headers=bearer([Right.READ])) as stream:
        assert stream.content_type == "application/x-ndjson"
        for _ in range(15):
            assert json.loads(await stream.content.readline()) == {"event": "alive"}
        site.connect(hostname="example.com")
        seen: dict[str, Any] = {}
        while seen.get("event") != "session-opened":
            seen = json.loads(await stream.content.readline())
        assert seen["host"] == "example.com"
        await site.daemon.close()
        await stream.content.read()  # ends
    assert not site.daemon.registry.events._subscriptions


async def test_streams_are_limited_and_end_when_their_client_leaves(tmp_path: Path) -> None:
    async with running_site(control_settings(tmp_path, max_streams=1)) as site:
        stream = await site.unix.get("/v1/events")
        refused = await answer(await site.unix.get("/v1/events"), 429)
        assert "control.max_streams" in refused["error"]
        stream.close()
        await until(lambda: not site.daemon.registry.events._subscriptions)
        (await site.unix.get("/v1/events")).close()


async def test_nobody_takes_all_streams(tmp_path: Path) -> None:
    settings = control_settings(tmp_path, max_streams=2)
    async with running_site(settings) as site, site.unix.get("/v1/events") as first:
        assert first.status == 200
        refused = await answer(await site.unix.get("/v1/events"), 429)
        assert "half of control.max_streams" in refused["error"]
        async with site.http.get("/v1/events", headers=bearer()) as other:
            assert other.status == 200


async def test_a_stream_that_is_not_read_ends(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "READ_TIMEOUT", 0.05)
    monkeypatch.setattr(guard, "ANSWER_TIMEOUT", 0.05)
    stream = await site.unix.get("/v1/events")
    events = site.daemon.registry.events

    def is_ended() -> bool:
        for _ in range(50):
            events.publish(Refused("x", "y" * 4000))
        return not events._subscriptions

    await until(is_ended)
    (service,) = (one for one in site.daemon._services if isinstance(one, OperatorService))
    limits = [acceptor._limits for acceptor in service._listener._acceptors]
    await until(lambda: not any(each.count for each in limits))
    stream.close()


async def test_a_reload_that_changes_rights_ends_streams(site: Site) -> None:
    async with site.unix.get("/v1/events") as stream:
        settings = site.daemon.settings
        site.daemon.reload(settings)
        site.connect()
        assert b"session-opened" in await stream.content.readline()
        control = settings.control.model_copy(update={"announce_watchers": False})
        site.daemon.reload(settings.model_copy(update={"control": control}))
        await stream.content.read()  # ends
