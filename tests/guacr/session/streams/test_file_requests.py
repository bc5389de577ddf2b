"""The requests of the extension for files: their answers, and every refusal."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from guacr.protocol.files import ANSWER_TYPE, DIRECTORY_TYPE
from guacr.session.streams import directories
from guacr.session.streams.bodies import ERROR_TYPE, FILE_TYPE, INDEX_TYPE
from guacr.session.streams.files import PATH_MAX, Entry, Feature
from guacr.session.streams.transfers import TRANSFERS_MAX
from tests.guacr.session.streams.desk import Desk
from tests.support.loopback import Bench, session_of, until

ALL = sorted(feature.value for feature in Feature)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.close()


@pytest.fixture
async def desk(bench: Bench) -> Desk:
    return Desk(bench, extended=True)


async def test_a_directory_has_sizes_and_dates(desk: Desk) -> None:
    mimetype, data = await desk.ask("list", "/")
    assert mimetype == DIRECTORY_TYPE
    assert json.loads(data) == {
        "features": ALL,
        "entries": [{"name": "a.txt"}, {"name": 'sub "ü"', "directory": True, "modified": 1.5}],
        "cut": False,
    }
    assert (await desk.get("/"))[0] == INDEX_TYPE, "a get is answered as by guacd"


async def test_names_of_every_kind(desk: Desk) -> None:
    names = ["\u202etxt.exe", "new\nline", "<script>", "🙂", "\udcff", "x" * 3000, " ", "…"]

    async def every(path: str) -> AsyncGenerator[Entry, None]:
        for name in names:
            yield Entry(name, size=1 << 60, modified=float("nan"))

    desk.drive.list = every  # type: ignore[method-assign]
    _, data = await desk.ask("list", "/")
    assert json.loads(data)["entries"] == [{"name": name, "size": 1 << 60} for name in names]


async def test_a_directory_is_cut(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directories, "ENTRIES_MAX", 2)
    assert json.loads((await desk.ask("list", "/"))[1])["cut"] is False
    monkeypatch.setattr(directories, "ENTRIES_MAX", 1)
    found = json.loads((await desk.ask("list", "/"))[1])
    assert (len(found["entries"]), found["cut"]) == (1, True)
    monkeypatch.setattr(directories, "ENTRIES_MAX", 2)
    monkeypatch.setattr(directories, "SIZE_MAX", 10)
    found = json.loads((await desk.ask("list", "/"))[1])
    assert (len(found["entries"]), found["cut"]) == (1, True)


async def test_a_file_is_described_and_read_from_an_offset(desk: Desk) -> None:
    assert await desk.ask("stat", "/x/../a.txt") == (ANSWER_TYPE, b'{"name": "a.txt", "size": 4}')
    assert await desk.ask("read", "/a.txt", "2") == (FILE_TYPE, b"xt")
    assert await desk.ask("read", "/a.txt", "9") == (FILE_TYPE, b"")


async def test_changes(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "guacr.session")
    for request in (
        ("make-directory", "/new/./a"),
        ("rename", "/a.txt", "/../b\n.txt"),
        ("delete", "/sub//"),
    ):
        assert await desk.ask(*request) == (ANSWER_TYPE, b"{}")
    assert desk.drive.done == [
        ("make-directory", "/new/a"),
        ("rename", "/a.txt", "/b\n.txt"),
        ("delete", "/sub"),
    ]
    assert f"user {desk.user.id} renamed to '/b\\n.txt': '/a.txt' in Drive" in caplog.messages


@pytest.mark.parametrize(
    ("request_", "message", "status"),
    [
        (("stat", "/none"), "/none is not there", 516),
        (("list", "/a.txt"), "is not a folder", 768),
        (("list", "/sub"), "may not look", 771),
        (("read", "/sub", "0"), "is a folder", 768),
        (("read", "/none", "0"), "is not there", 516),
        (("read", "/a.txt"), "read needs 2 arguments", 768),
        (("read", "/a.txt", "-1"), "'-1' is not an offset", 768),
        (("read", "/a.txt", "9" * 17), "is not an offset", 768),
        (("stat", "/" + "x" * PATH_MAX), "2048 characters", 768),
        (("stat",), "stat needs 1 arguments", 768),
        (("delete", "/a/.."), "the root folder", 771),
        (("rename", "/", "/a"), "the root folder", 771),
        (("rename", "/a.txt", "//"), "the root folder", 771),
        (("make-directory", "/a\0"), "is not a path", 768),
        (("format",), "'format' is not supported", 256),
    ],
)
async def test_refusals(desk: Desk, request_: tuple[str, ...], message: str, status: int) -> None:
    mimetype, data = await desk.ask(*request_)
    error = json.loads(data)
    assert mimetype == ERROR_TYPE
    assert message in error["message"]
    assert error["status"] == status
    assert desk.drive.done == []
    assert (await desk.ask("read", "/a.txt", "0"))[1] == b"text", "and the next is not disturbed"


@pytest.mark.parametrize(
    "request_",
    [
        ("read", "/a.txt", "0"),
        ("archive", "/"),
        ("make-directory", "/n"),
        ("rename", "/a.txt", "/n"),
        ("delete", "/a.txt"),
    ],
)
async def test_what_is_not_a_feature(desk: Desk, request_: tuple[str, ...]) -> None:
    desk.drive.allowed = frozenset()
    error = json.loads((await desk.ask(*request_))[1])
    assert error["status"] == 771
    assert desk.drive.done == []
    assert json.loads((await desk.ask("list", "/"))[1])["features"] == []


async def test_uploads_that_are_not_features(desk: Desk) -> None:
    desk.drive.allowed = frozenset((Feature.WRITE,))
    desk.transport.send("put", 0, 3, "text/plain", "/a.txt", 2)
    assert desk.acks(3) == [("uploads cannot be continued here: send the whole file", "771")]


async def test_requests_are_bounded(desk: Desk) -> None:
    desk.drive.gate.clear()
    for number in range(TRANSFERS_MAX):
        desk.transport.send("files", 0, number, "delete", "/a.txt")
    error = json.loads((await desk.ask("stat", "/a.txt"))[1])
    assert error["status"] == 797
    desk.drive.gate.set()
    await until(lambda: len(desk.drive.done) == TRANSFERS_MAX)


async def test_unknown_file_systems(desk: Desk) -> None:
    error = json.loads((await desk.ask("stat", "/a.txt", index=1))[1])
    assert error == {"message": "unknown file system: it may have been closed", "status": 516}


async def test_who_may_only_watch_changes_nothing(bench: Bench, desk: Desk) -> None:
    transport, _ = bench.connect(session_of(desk.user).id, read_only="true")
    transport.send("files", 0, 1, "delete", "/a.txt")
    assert transport.all("body") == [("0", "0", ERROR_TYPE, "1")]
    assert json.loads(b64decode(transport.all("blob")[-1][1]))["status"] == 771
    assert desk.drive.done == []


async def test_who_leaves_ends_its_requests(bench: Bench, desk: Desk) -> None:
    bench.connect(session_of(desk.user).id)
    desk.drive.gate.clear()
    desk.transport.send("files", 0, 1, "delete", "/a.txt")
    await until(lambda: bool(desk.user.transfers._under_way))
    desk.transport.send("disconnect")
    await until(lambda: not desk.user.transfers._under_way)
    assert desk.drive.done == []
