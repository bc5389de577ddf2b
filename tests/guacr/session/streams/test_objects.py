"""File systems of one user: listed, read and written, and every failure told."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.errors import (
    BadRequestError,
    TooManyError,
    UnsupportedError,
)
from guacr.protocol.status import Status
from guacr.session import tasks
from guacr.session.events import Refused
from guacr.session.streams.bodies import ERROR_TYPE, FILE_TYPE, INDEX_TYPE
from guacr.session.streams.files import (
    DEPTH_MAX,
    PATH_MAX,
    FileSystem,
    normalised,
)
from guacr.session.streams.objects import OBJECTS_MAX
from guacr.session.streams.transfers import TRANSFERS_MAX
from guacr.session.streams.upload import AHEAD_MAX
from tests.guacr.session.streams.desk import Desk, Drive
from tests.support.loopback import Bench, session_of, sketch, until


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.close()


async def test_a_directory_is_an_index(bench: Bench) -> None:
    desk = Desk(bench)
    assert desk.transport.all("filesystem") == [("0", "Drive")]
    mimetype, data = await desk.get("/")
    assert mimetype == INDEX_TYPE
    assert json.loads(data) == {"/a.txt": FILE_TYPE, '/sub "ü"': INDEX_TYPE}


async def test_a_file_is_its_bytes(bench: Bench) -> None:
    desk = Desk(bench)
    assert await desk.get("/sub/../../sub//./b.bin") == (FILE_TYPE, desk.drive.files["/sub/b.bin"])
    assert await desk.get("a.txt") == (FILE_TYPE, b"text")
    assert desk.drive.closed == 2


@pytest.mark.parametrize(
    ("path", "index", "message", "status"),
    [
        ("/none", 0, "/none is not there", 516),
        ("/sub", 0, "you may not look into /sub", 771),
        ("/a.txt", 1, "unknown file system: it may have been closed", 516),
        ("/" + "x" * PATH_MAX, 0, "2048 characters", 768),
    ],
)
async def test_a_get_that_fails_is_answered(
    bench: Bench, path: str, index: int, message: str, status: int
) -> None:
    desk = Desk(bench)
    desk.transport.send("get", index, path)
    await until(lambda: bool(desk.transport.all("end")[-1:] and desk.transport.all("body")))
    _, stream, mimetype, _ = desk.transport.all("body")[-1]
    (data,) = [data for at, data in desk.transport.all("blob") if at == stream]
    error = json.loads(b64decode(data))
    assert mimetype == ERROR_TYPE
    assert message in error["message"]
    assert error["status"] == status
    assert (await desk.get("/a.txt"))[1] == b"text", "and the next one is not disturbed"


async def test_a_file_that_breaks_off_is_told_before_its_end(bench: Bench) -> None:
    desk = Desk(bench)
    desk.drive.files["/broken"] = bytes(200)
    desk.transport.send("get", 0, "/broken")
    await until(lambda: desk.transport.all("body") != [])
    desk.transport.send("ack", 0, "OK", 0)
    await until(lambda: desk.transport.all("end")[-1] == ("0",))
    assert [args[1:] for args in desk.transport.all("body")] == [
        ("0", FILE_TYPE, "/broken"),
        ("2", ERROR_TYPE, "/broken"),
    ]
    assert desk.transport.all("end")[-2:] == [("2",), ("0",)]
    assert b"the host has gone" in b64decode(desk.transport.all("blob")[-1][1])


async def test_a_client_that_refuses_is_told_nothing_more(bench: Bench) -> None:
    desk = Desk(bench)
    desk.transport.send("get", 0, "/a.txt")
    await until(lambda: desk.transport.all("body") != [])
    desk.transport.send("ack", 0, "no", int(Status.CLIENT_FORBIDDEN))
    await until(lambda: desk.drive.closed == 1)
    assert len(desk.transport.all("body")) == 1


async def test_a_bug_is_not_shown(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(bench)
    desk.drive.files["/sub"] = b""
    del desk.drive.files["/a.txt"]
    desk.drive.stat = None  # type: ignore[method-assign, assignment]
    desk.transport.send("get", 0, "/a.txt")
    await until(lambda: bool(desk.transport.all("body")))
    assert "NoneType" in caplog.text
    assert desk.transport.closed_with is None


async def test_an_upload_is_acknowledged_as_it_is_taken(bench: Bench) -> None:
    desk = Desk(bench)
    desk.transport.send("put", 0, 3, "text/plain", "/sub/../new")
    await until(lambda: len(desk.acks(3)) == 1)
    desk.blob(3, b"one ")
    desk.blob(3, b"two")
    desk.transport.send("end", 3)
    await until(lambda: "/new" in desk.drive.files)
    assert desk.drive.files["/new"] == b"one two"
    assert desk.acks(3) == [("OK", "0")] * 3


async def test_an_upload_that_is_refused_at_once(bench: Bench) -> None:
    desk = Desk(bench)
    for index, path, message, status in (
        (0, "/no", "this file cannot be written", "771"),
        (7, "/new", "unknown file system: it may have been closed", "516"),
        (0, "/" + "a/" * (DEPTH_MAX + 1), "a path may have", "768"),
    ):
        desk.transport.send("put", index, 3, "text/plain", path)
        await until(lambda: desk.acks(3)[-1:] != [] and desk.acks(3)[-1][1] == status)  # noqa: B023
        assert message in desk.acks(3)[-1][0]


async def test_an_upload_that_fails_on_its_way(bench: Bench) -> None:
    desk = Desk(bench)
    desk.transport.send("put", 0, 3, "text/plain", "/new")
    for _ in range(8):
        desk.blob(3)
    await until(lambda: ("the disk is full", "771") in desk.acks(3))
    before = len(desk.acks(3))
    desk.blob(3)
    desk.transport.send("end", 3)
    assert len(desk.acks(3)) == before, "what was on its way is no error of its own"


async def test_blobs_are_not_piled_up(bench: Bench) -> None:
    desk = Desk(bench)
    desk.drive.gate.clear()
    desk.transport.send("put", 0, 3, "text/plain", "/new")
    for _ in range(AHEAD_MAX):
        desk.blob(3, b"x")
    assert desk.acks(3) == []
    desk.blob(3, b"x")
    assert desk.acks(3)[-1][1] == str(int(Status.CLIENT_OVERRUN))


async def test_transfers_are_bounded(bench: Bench) -> None:
    desk = Desk(bench)
    desk.drive.gate.clear()
    for stream in range(TRANSFERS_MAX):
        desk.transport.send("put", 0, stream, "text/plain", "/new")
    desk.transport.send("put", 0, 100, "text/plain", "/new")
    assert desk.acks(100)[-1][1] == str(int(Status.CLIENT_TOO_MANY))
    desk.transport.send("get", 0, "/a.txt")
    await until(lambda: desk.transport.all("body") != [])
    assert desk.transport.all("body")[-1][2] == ERROR_TYPE


async def test_who_leaves_ends_its_transfers(bench: Bench) -> None:
    desk = Desk(bench)
    other, _ = bench.connect(session_of(desk.user).id)
    desk.transport.send("get", 0, "/sub/b.bin")
    desk.transport.send("put", 0, 3, "text/plain", "/new")
    await until(lambda: desk.transport.all("body") != [] and desk.acks(3) != [])
    desk.transport.send("disconnect")
    await until(lambda: desk.drive.closed == 1)
    await until(lambda: not [t for t in asyncio.all_tasks() if "load of" in t.get_name()])
    assert other.closed_with is None
    assert "/new" not in desk.drive.files


@pytest.mark.parametrize("is_last", [True, False])
async def test_an_upload_that_has_arrived_is_stored_although_its_user_leaves(
    bench: Bench, is_last: bool
) -> None:
    desk = Desk(bench)
    if not is_last:
        bench.connect(session_of(desk.user).id)
    handler = sketch(desk.user)
    events = handler.events
    await until(lambda: ("run",) in events)
    desk.drive.gate.clear()
    desk.transport.send("put", 0, 3, "text/plain", "/new")
    desk.transport.send("put", 0, 4, "text/plain", "/incomplete")
    desk.blob(3, b"whole")
    desk.blob(4, b"who")
    desk.transport.send("end", 3)
    desk.transport.send("disconnect")
    for _ in range(10):
        await asyncio.sleep(0)
    assert ("ended",) not in events, "the handler has the connection that the upload needs"
    desk.drive.gate.set()
    await until(lambda: "/new" in desk.drive.files)
    assert desk.drive.files["/new"] == b"whole"
    assert "/incomplete" not in desk.drive.files
    if is_last:
        await until(lambda: ("ended",) in events)


async def test_nobody_waits_long_for_uploads(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "FINISH_MAX", 0.01)
    desk = Desk(bench)
    events = sketch(desk.user).events
    desk.drive.gate.clear()
    desk.transport.send("put", 0, 3, "text/plain", "/new")
    desk.blob(3, b"whole")
    desk.transport.send("end", 3)
    await until(lambda: ("run",) in events)
    desk.transport.send("disconnect")
    await until(lambda: ("ended",) in events)
    assert "/new" not in desk.drive.files


async def test_nobody_waits_long_for_transfers_that_do_not_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "CLEAN_UP_MAX", 0.01)
    desk = Desk(bench)
    events = sketch(desk.user).events
    released = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await released.wait()

    desk.user.transfers.start(stubborn(), "stubborn")
    await until(lambda: ("run",) in events)
    desk.transport.send("disconnect")
    await until(lambda: ("ended",) in events)
    released.set()


async def test_file_systems_are_bounded_and_withdrawn(bench: Bench) -> None:
    desk = Desk(bench)
    for index in range(1, OBJECTS_MAX):
        assert desk.user.objects.offer(Drive()) == index
    with pytest.raises(TooManyError, match=str(OBJECTS_MAX)):
        desk.user.objects.offer(Drive())
    desk.user.objects.withdraw(5)
    desk.user.objects.withdraw(5)
    assert desk.transport.all("undefine") == [("5",)]
    assert (await desk.error_of("/a.txt", 5))["status"] == Status.RESOURCE_NOT_FOUND
    assert desk.user.objects.offer(Drive()) == 5


async def test_who_may_only_watch_has_none(bench: Bench) -> None:
    desk = Desk(bench)
    transport, watcher = bench.connect(session_of(desk.user).id, read_only="true")
    assert watcher.objects.offer(Drive()) is None
    transport.send("get", 0, "/a.txt")
    transport.send("put", 0, 3, "text/plain", "/new")
    assert transport.all("filesystem") == transport.all("body") == []
    assert transport.all("ack")[-1][0::2] == ("3", str(int(Status.UNSUPPORTED)))


async def test_what_is_not_a_feature_is_refused(bench: Bench) -> None:
    desk = Desk(bench)
    desk.drive.allowed = frozenset()
    assert (await desk.get("/"))[0] == INDEX_TYPE, "directories can always be listed"
    error = await desk.error_of("/a.txt")
    assert error == {"message": "files cannot be downloaded from here", "status": 771}
    desk.transport.send("put", 0, 3, "text/plain", "/new")
    assert desk.acks(3) == [("files cannot be uploaded here", "771")]


async def test_what_a_file_system_does_not_implement_is_unsupported() -> None:
    drive = Drive()
    for request in (
        FileSystem.make_directory(drive, "/a"),
        FileSystem.rename(drive, "/a", "/b"),
        FileSystem.delete(drive, "/a"),
    ):
        with pytest.raises(UnsupportedError, match="cannot be"):
            await request


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("", "/"),
        ("/", "/"),
        ("a//b/", "/a/b"),
        ("/a/./b/../c", "/a/c"),
        ("../../etc/passwd", "/etc/passwd"),
        ("/..", "/"),
        ("/...", "/..."),
        ("/" + "x" * (PATH_MAX - 1), "/" + "x" * (PATH_MAX - 1)),
        ("/a" * DEPTH_MAX, "/a" * DEPTH_MAX),
    ],
)
def test_paths_are_normalised(path: str, result: str) -> None:
    assert normalised(path) == result


@given(st.text(st.sampled_from("./a\\ü"), max_size=60))
def test_no_path_leads_out(path: str) -> None:
    result = normalised(path)
    assert result == "/" or not {"", ".", ".."} & set(result[1:].split("/"))
    assert normalised(result) == result


@pytest.mark.parametrize("path", ["x" * (PATH_MAX + 1), "a\0b"])
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(BadRequestError):
        normalised(path)


async def test_what_is_refused_is_reported_with_the_file(bench: Bench) -> None:
    desk = Desk(bench, extended=True)

    async def refused(*request: object) -> tuple[str, str, bool | None]:
        with session_of(desk.user).events.subscribe() as events:
            desk.transport.send(*map(str, request))
            found: list[Refused] = []

            def is_reported() -> bool:
                found.extend(one for one in events._pending if isinstance(one, Refused))
                return bool(found)

            await until(is_reported)
        assert (found[0].session, found[0].user) == (session_of(desk.user).id, desk.user.id)
        return found[0].name, found[0].reason, found[0].incoming

    missing = "/missing is not there"
    assert await refused("get", 0, "/missing") == ("/missing", missing, False)
    assert await refused("files", 0, 1, "read", "/missing", 0) == ("/missing", missing, False)
    desk.drive.files["/lost"] = b""
    desk.drive.allowed = frozenset()
    sentence = "files cannot be downloaded from here"
    assert await refused("get", 0, "/lost") == ("/lost", sentence, False)
    assert await refused("files", 0, 2, "archive", "/sub") == ("/sub", sentence, False)
    sentence = "files cannot be uploaded here"
    assert await refused("put", 0, 3, "text/plain", "/new") == ("/new", sentence, True)
    sentence = "files cannot be deleted here"
    assert await refused("files", 0, 4, "delete", "/a.txt") == ("/a.txt", sentence, None)
