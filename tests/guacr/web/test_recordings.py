"""The API of recordings: who may see which."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from guacr import refusals
from guacr.access.tokens import Grant, make_token
from guacr.errors import BusyError
from guacr.journal.journal import Journal
from guacr.journal.options import RECORDING, options_of
from guacr.protocol.instruction import encode
from guacr.recording.library import Library
from guacr.recording.search import Found
from guacr.session.events import Events, RecordingRead
from guacr.settings.models import Settings, WebSocketSettings
from guacr.settings.recording import RecordingSettings
from guacr.testing.daemon import LOCAL, local_settings, running_daemon
from guacr.threads import waiting_threads
from guacr.web import recordings
from guacr.web.app import reload_app
from guacr.web.guard import HttpGuard
from tests.support.loopback import SketchHandler
from tests.support.recordings import ttyrec_of
from tests.support.site import Site, running_site
from tests.support.waiting import until

KEY = "a key that is long enough for tokens"
ALL, ANN, ONE = "*", "ann/", "ann/first"


def recorded(length: int) -> bytes:
    """A recording of so many seconds."""
    frames = [
        encode("rect", 0, 0, 0, 1, 1) + encode("sync", 1000 + second * 1000)
        for second in range(length + 1)
    ]
    return encode("size", 0, 640, 480) + b"".join(frames)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    for name, length in {"ann/first": 3, "ann/second": 5, "bob's": 7}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(recorded(length))
    sections: dict[str, Any] = {
        "websocket": {"token_keys": [KEY]},
        "recording": {"directories": [str(tmp_path)]},
    }
    async with running_site(**sections) as running:
        yield running


def token(recordings: str, **others: Any) -> str:
    return make_token(KEY, Grant(recordings=recordings, **others), now=time.time(), lifetime=60)


def open_files() -> list[str]:
    """The files that this process has open."""
    return [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]


async def get(site: Site, path: str, bearer: str, **headers: str) -> tuple[int, Any]:
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    async with site.http.get(f"{site.origin}/api/recordings{path}", headers=headers) as response:
        if response.content_type == "application/json":
            return response.status, await response.json()
        return response.status, await response.read()


@pytest.mark.parametrize(
    ("granted", "names"),
    [
        (ALL, {"ann/first", "ann/second", "bob's"}),
        (ANN, {"ann/first", "ann/second"}),
        (ONE, {"ann/first"}),
        ("ann", set()),
        ("nn/", set()),
    ],
)
async def test_a_token_is_for_some_recordings(site: Site, granted: str, names: set[str]) -> None:
    status, answer = await get(site, "", token(granted))
    assert (status, {one["name"] for one in answer["recordings"]}) == (200, names)
    for name in ("ann/first", "ann/second", "bob's"):
        for what in ("index", "data"):
            status, _ = await get(site, f"/{name}/{what}", token(granted))
            assert status == (200 if name in names else 403), (name, what)


def test_directories_that_differ_by_person_are_listed(tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann/first").write_bytes(recorded(1))
    parameters = {"recording-path": f"{tmp_path}/${{GUAC_USERNAME}}"}
    root = {"recording-path": "/${GUAC_USERNAME}"}
    connections = {
        "desk": {"protocol": "ssh", "parameters": parameters},
        "root": {"protocol": "ssh", "parameters": root},
    }
    settings = Settings.model_validate({"connections": connections})
    library = recordings.library_of(settings)
    assert [one.name for one in library.recordings()] == ["ann/first"]


async def test_searches(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They find text, and one that takes long holds up nothing else."""
    text = ttyrec_of((1, "\x1b[8;24;80t"), (3, "one\r\n"), (4.5, "two"))
    (tmp_path / "ann/first.ttyrec").write_bytes(text)
    may_go_on, is_searching = threading.Event(), threading.Event()

    def slow(library: Library, *args: Any) -> Found:
        is_searching.set()
        may_go_on.wait(10)
        return find(library, *args)

    find = Library.search
    monkeypatch.setattr(Library, "search", slow)
    searching = asyncio.create_task(get(site, "/ann/first/search?text=ONE", token(ANN)))
    try:
        await until(is_searching.is_set, "the search")
        status, answer = await get(site, "/ann/first/index", token(ANN))
        assert (status, answer["text"], searching.done()) == (200, True, False)
    finally:
        may_go_on.set()
    assert await searching == (200, {"found": [[2000, "one"]], "until": None})


async def test_players_of_another_disk_do_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording that is scanned, searched or read forever, on a disk that hangs since then."""
    for name in ("bad/slow", "fine/one"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(recorded(3))
    answers, hanging = threading.Event(), list[str]()

    def hangs(method: str) -> None:
        ordinary = getattr(Library, method)

        def call(library: Library, name: str, *args: Any) -> Any:
            if name == "slow":
                hanging.append(method)
                assert answers.wait(20)
            return ordinary(library, name, *args)

        monkeypatch.setattr(Library, method, call)

    for method in ("map", "search", "open"):
        hangs(method)
    directories = [str(tmp_path / "bad"), str(tmp_path / "fine")]
    async with running_site(
        websocket={"token_keys": [KEY]}, recording={"directories": directories}
    ) as site:
        paths = ("index", "search?text=x", "data")
        waiting = [asyncio.create_task(get(site, f"/slow/{path}", token(ALL))) for path in paths]
        try:
            await until(lambda: len(hanging) == 3, "what hangs")
            for path in paths:
                assert (await get(site, f"/one/{path}", token(ALL)))[0] == 200
            assert not any(task.done() for task in waiting)
        finally:
            answers.set()
        assert [status for status, _ in await asyncio.gather(*waiting)] == [200] * 3


async def test_without_a_token(site: Site) -> None:
    status, answer = await get(site, "", "")
    assert (status, answer["error"]) == (
        401,
        "recordings need a token: create one with `guacr token --recordings`",
    )


async def test_a_token_for_something_else(site: Site) -> None:
    other = make_token(KEY, Grant(name="sketch"), now=time.time(), lifetime=60)
    status, answer = await get(site, "", other)
    assert status == 403
    assert "not for recordings" in answer["error"]


async def test_a_token_for_recordings_opens_no_session(site: Site) -> None:
    client = await site.connect(f"token={token(ALL)}")
    code, reason = await client.closed()
    assert str(int(code or 0)), reason
    ((sentence, _),) = client.all("error")
    assert "open /recordings" in sentence


async def test_an_expired_token(site: Site) -> None:
    old = make_token(KEY, Grant(recordings=ALL), now=time.time() - 100, lifetime=60)
    status, answer = await get(site, "", old)
    assert status == 401
    assert "expired" in answer["error"]


async def test_the_course_of_a_recording(site: Site) -> None:
    _, answer = await get(site, "/ann/first/index", token(ALL))
    assert (answer["duration"], answer["start"], answer["live"]) == (3000, 1000, False)
    assert answer["size"] == len(recorded(3))
    assert [time for time, _ in answer["points"]] == [0, 1000, 2000, 3000]


async def test_names_that_are_not_there(site: Site) -> None:
    for name in ("missing", "ann", "..%2f..%2fetc%2fpasswd", "%00", "a" * 300):
        status, answer = await get(site, f"/{name}/index", token(ALL))
        assert (status, "there is no recording" in answer["error"]) == (404, True), name


@pytest.mark.parametrize(
    ("wanted", "start", "end"), [("0-9", 0, 10), ("5-", 5, None), ("10-999999999", 10, None)]
)
async def test_parts(site: Site, wanted: str, start: int, end: int | None) -> None:
    status, data = await get(site, "/bob's/data", token(ALL), Range=f"bytes={wanted}")
    assert (status, data) == (206, recorded(7)[start:end])


@pytest.mark.parametrize("wanted", ["bytes=999999-", "bytes=9-5", "lines=0-9", "bytes=0-1,5-6"])
async def test_parts_that_are_not_there(site: Site, wanted: str) -> None:
    status, _ = await get(site, "/bob's/data", token(ALL), Range=wanted)
    assert status == 416


async def test_a_part_is_limited(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "DATA_MAX", 100)
    status, data = await get(site, "/bob's/data", token(ALL), Range="bytes=0-")
    assert (status, data) == (206, recorded(7)[:100])


async def test_the_whole(site: Site) -> None:
    status, data = await get(site, "/bob's/data", token(ALL))
    assert (status, data) == (200, recorded(7))


async def test_an_answer_to_head_has_no_body(site: Site) -> None:
    host = site.origin.removeprefix("http://")
    rest = f"HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token(ALL)}\r\n"
    name, port = host.split(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    path = "/api/recordings/bob's/data"
    writer.write(f"HEAD {path} {rest}\r\nGET {path} {rest}Connection: close\r\n\r\n".encode())
    head, answer, body = (await reader.read()).split(b"\r\n\r\n")
    assert f"Content-Length: {len(recorded(7))}".encode() in head
    assert (answer[:15], body) == (b"HTTP/1.1 200 OK", recorded(7))
    writer.close()


async def test_clients_that_leave_keep_no_more_threads_and_no_files(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, answers, opened = threading.Event(), threading.Event(), list[int]()
    ordinary = Library.open

    def hang(library: Library, name: str) -> int:
        opened.append(descriptor := ordinary(library, name))
        begun.set()
        assert answers.wait(20)
        return descriptor

    monkeypatch.setattr(Library, "open", hang)
    asyncio.get_running_loop().set_default_executor(waiting_threads())
    try:
        for _ in range(recordings.READING_MAX):
            begun.clear()
            leaving = asyncio.create_task(get(site, "/bob's/data", token(ALL)))
            await until(begun.is_set, "a thread")
            leaving.cancel()
            await asyncio.wait((leaving,))
        waiting = asyncio.create_task(get(site, "/bob's/data", token(ALL)))
        served = await get(site, "", token(ALL))  # does not wait for them
        assert (served[0], len(opened)) == (200, recordings.READING_MAX)
    finally:
        answers.set()
    assert await waiting == (200, recorded(7))
    path = str(tmp_path / "bob's")
    await until(lambda: path not in open_files(), "closed files")


async def test_a_long_answer_has_time_as_long_as_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").write_bytes(recorded(7))
    monkeypatch.setattr(recordings, "PART", 100)
    began, ordinary = list[None](), HttpGuard.request_began
    monkeypatch.setattr(HttpGuard, "request_began", lambda g: began.append(ordinary(g)))
    settings = local_settings(
        websocket=WebSocketSettings(hosts=LOCAL, port=0, token_keys=(KEY,)),
        recording=RecordingSettings(directories=(tmp_path,)),
    )
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        url = f"http://{LOCAL[0]}:{daemon.web_port}/api/recordings/one/data"
        bearer = {"Authorization": f"Bearer {token(ALL)}"}
        async with aiohttp.ClientSession() as http, http.get(url, headers=bearer) as response:
            assert await response.read() == recorded(7)
    assert len(began) > len(recorded(7)) // 100


async def test_new_settings_do_not_wait_for_a_reader(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends, closed = threading.Event(), list[bool]()
    monkeypatch.setattr(Library, "close", lambda library: closed.append(ends.wait(1)))
    reload_app(site.runner.app, Settings(websocket=WebSocketSettings(token_keys=(KEY,))))
    ends.set()
    await until(lambda: closed, "the end of the old one")
    assert closed == [True]


async def test_new_settings(site: Site, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "one").write_bytes(recorded(1))
    recording = RecordingSettings(directories=(tmp_path / "new",))
    websocket = WebSocketSettings(token_keys=(KEY,))
    reload_app(site.runner.app, Settings(recording=recording, websocket=websocket))
    _, answer = await get(site, "", token(ALL))
    assert [one["name"] for one in answer["recordings"]] == ["one"]


async def test_the_audit_log_says_who_reads_which_recording(site: Site) -> None:
    ann = token(ANN, subject="ann@example.org")
    with site.bench.registry.events.subscribe() as events:
        await get(site, "", ann)
        for _ in range(2):
            await get(site, "/ann/first/index", ann)
            await get(site, "/ann/first/data", ann, Range="bytes=0-9")
        await get(site, "/ann/second/data", ann)
        await get(site, "/ann/second/search?text=x", ann)
        await get(site, "/bob's/data", ann)
        noted = [await anext(events) for _ in range(3)]
        assert not events._pending
    peer = "127.0.0.1"
    assert noted == [
        RecordingRead("ann/first", peer, "ann@example.org", "watch"),
        RecordingRead("ann/second", peer, "ann@example.org", "download"),
        RecordingRead("ann/second", peer, "ann@example.org", "search"),
    ]


@pytest.mark.parametrize(
    ("name", "granted", "status", "reason"),
    [
        ("missing", ALL, 404, "there is no recording 'missing'"),
        ("bob's", ANN, 403, 'the token is not for the recording "bob\'s"'),
    ],
)
async def test_what_is_missing_or_refused_is_no_reading(
    site: Site, name: str, granted: str, status: int, reason: str
) -> None:
    refused = list[str]()

    def observer(peer: str, why: str) -> None:
        refused.append(why)

    refusals.observers.append(observer)
    try:
        with site.bench.registry.events.subscribe() as events:
            for what in ("index", "data", "search?text=x"):
                assert (await get(site, f"/{name}/{what}", token(granted)))[0] == status
            assert (await get(site, "/ann/first/data", token(ANN), Range="bytes=9-5"))[0] == 416
            assert not events._pending
    finally:
        refusals.observers.remove(observer)
    assert refused[:3] == [reason] * 3


async def test_without_the_audit_log_nothing_is_read(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(events: Events) -> None:
        raise BusyError("the audit log cannot be written")

    monkeypatch.setattr(Events, "check", refuse)
    for what in ("index", "data", "search?text=x"):
        status, answer = await get(site, f"/ann/first/{what}", token(ALL))
        assert (status, answer["error"]) == (400, "the audit log cannot be written"), what


async def test_recordings_in_the_journal_are_for_operators(tmp_path: Path) -> None:
    node = {"directory": str(tmp_path / "journal"), "node": "node"}
    options = options_of(Settings.model_validate({"journal": node}))
    assert options is not None
    journal = Journal(options)
    stream = journal.open_stream(RECORDING, {"name": "a session"})
    journal.append(stream, recorded(3))
    assert await asyncio.to_thread(journal.close, 20)
    (tmp_path / "journal:").mkdir()
    async with running_site(
        websocket={"token_keys": [KEY]}, recording={"directories": [str(tmp_path)]}, journal=node
    ) as site:
        _, answer = await get(site, "", token(ALL))
        (one,) = answer["recordings"]
        name = one["name"]
        assert (one["title"], one["running"], answer["note"]) == ("a session", False, "")
        assert await get(site, f"/{name}/data", token(name)) == (200, recorded(3))
        _, index = await get(site, f"/{name}/index", token(name))
        assert (index["duration"], index["live"]) == (3000, False)
        for granted in (ANN, "journal:/", f"{name}/"):
            assert (await get(site, f"/{name}/data", token(granted)))[0] == 403
            assert (await get(site, "", token(granted)))[1]["recordings"] == []
