"""Archives of directories: read by Python's zipfile and by unzip, and what cannot be packed."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from zipfile import ZipFile

import pytest

from guacr.errors import ForbiddenError, NotFoundError, OverrunError, UpstreamError
from guacr.protocol.files import ANSWER_TYPE, ARCHIVE_TYPE
from guacr.session.events import TransferEnded
from guacr.session.streams import archive
from guacr.session.streams.archive import AHEAD_MAX, PROBLEMS, collect, packed
from guacr.session.streams.bodies import ERROR_TYPE
from guacr.session.streams.files import PATH_MAX, Entry, FileSystem
from tests.guacr.session.streams.desk import Desk
from tests.support.loopback import Bench, session_of, until
from tests.support.require import require

Tree = dict[str, "Tree | bytes"]


class Shelf(FileSystem):
    """A tree of dictionaries; files named `secret` cannot be read."""

    name = "Shelf"

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.knows_sizes = True

    def _find(self, path: str) -> Tree | bytes:
        node: Tree | bytes = self.tree
        for part in filter(None, path.split("/")):
            if isinstance(node, bytes) or part not in node:
                raise NotFoundError(f"{path} is not there")
            node = node[part]
        return node

    def _entry(self, name: str, node: Tree | bytes) -> Entry:
        if isinstance(node, dict):
            return Entry(name, is_directory=True, modified=1e9)
        return Entry(name, size=len(node) if self.knows_sizes else None, modified=1.7e9)

    async def stat(self, path: str) -> Entry:
        return self._entry(path.rpartition("/")[2], self._find(path))

    async def list(self, path: str) -> AsyncGenerator[Entry, None]:
        if path.endswith("/locked"):
            raise ForbiddenError("you may not look into it")
        node = self._find(path)
        assert isinstance(node, dict)
        for name, one in node.items():
            yield self._entry(name, one)

    async def read(self, path: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        if path.endswith("secret"):
            raise ForbiddenError("you may not read it")
        if path.endswith("gone"):
            yield b"half"
            raise UpstreamError("the host has gone")
        node = self._find(path)
        assert isinstance(node, bytes)
        for start in range(offset, len(node), 1000):
            yield node[start : start + 1000]

    async def write(
        self, path: str, mimetype: str, data: AsyncIterator[bytes], offset: int = 0
    ) -> None:
        raise NotImplementedError


async def archive_of(files: FileSystem, path: str = "/", *names: str) -> bytes:
    contents = await collect(files, path, names)
    async with aclosing(packed(files, contents)) as pieces:
        return b"".join([piece async for piece in pieces])


def contents_of(data: bytes) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(data)) as found:
        assert found.testzip() is None
        return {name: found.read(name) for name in found.namelist()}


BIG = bytes(range(256)) * 100
TREE: Tree = {"a.txt": b"text", "d": {"b": BIG, "empty": b"", "ü 🙂": {"c": b"deep"}}}
ALL = {
    "a.txt": b"text",
    "d/": b"",
    "d/b": BIG,
    "d/empty": b"",
    "d/ü 🙂/": b"",
    "d/ü 🙂/c": b"deep",
}


@pytest.mark.parametrize("knows_sizes", [True, False])
async def test_a_tree(knows_sizes: bool) -> None:
    shelf = Shelf(TREE)
    shelf.knows_sizes = knows_sizes
    data = await archive_of(shelf)
    assert contents_of(data) == ALL
    with ZipFile(io.BytesIO(data)) as found:
        assert found.getinfo("a.txt").date_time == (2023, 11, 14, 22, 13, 20)


async def test_other_programs_unpack_it(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    file.write_bytes(await archive_of(Shelf(TREE)))
    out = str(tmp_path / "out")
    unzip = str(require("unzip"))
    done = await asyncio.create_subprocess_exec(
        unzip, "-q", str(file), "-d", out, stderr=subprocess.PIPE
    )
    assert (await done.communicate())[1] == b""
    assert done.returncode == 0
    assert (tmp_path / "out" / "d" / "b").read_bytes() == BIG
    assert (tmp_path / "out" / "a.txt").stat().st_mtime == 1.7e9


async def test_chosen_names_of_a_directory() -> None:
    shelf = Shelf(TREE)
    assert contents_of(await archive_of(shelf, "/d", "b", "empty")) == {"b": BIG, "empty": b""}
    with pytest.raises(NotFoundError):
        await archive_of(shelf, "/d", "none")
    with pytest.raises(Exception, match="slashes"):
        await archive_of(shelf, "/d", "../a.txt")


async def test_names_that_lead_out_or_are_alike() -> None:
    tree: Tree = {"..\\..\\evil": b"1", ".._.._evil": b"2", "a\nb": b"3", "\udcff": b"4"}
    tree |= {"\u202egnp.exe": b"5", "👩\u200d💻": b"6"}
    found = contents_of(await archive_of(Shelf(tree)))
    assert sorted(found) == [".._.._evil", ".._.._evil (2)", "_", "_gnp.exe", "a_b", "👩\u200d💻"]


async def test_what_cannot_be_read_is_listed() -> None:
    tree: Tree = {"a": b"1", "secret": b"2", "locked": {"x": b"3"}}
    found = contents_of(await archive_of(Shelf(tree)))
    problems = found.pop(PROBLEMS).decode().splitlines()
    assert found == {"a": b"1", "locked/": b""}
    assert sorted(problems) == [
        "/locked: you may not look into it",
        "/secret: you may not read it",
    ]


async def test_what_no_path_can_name_is_listed() -> None:
    long = "x" * PATH_MAX
    tree: Tree = {"1": b"one", long: b"2", "3": {long: {"a": b"4"}}, "5": b"five", "6\0": b"6"}
    found = contents_of(await archive_of(Shelf(tree)))
    problems = found.pop(PROBLEMS).decode().splitlines()
    assert found == {"1": b"one", "3/": b"", "5": b"five"}
    assert [line[:8] for line in sorted(problems)] == ["/3/xxxxx", "/6\\x00: ", "/xxxxxxx"]


async def test_a_file_does_not_take_the_place_of_the_list() -> None:
    found = contents_of(await archive_of(Shelf({PROBLEMS: b"mine", "secret": b""})))
    assert found.pop(f"{PROBLEMS} (2)") == b"mine"
    assert found == {PROBLEMS: b"/secret: you may not read it\n"}


async def test_problems_are_lines() -> None:
    shelf = Shelf({"a": b"1", "b\nno: \udcff\u202e secret": b"2"})
    found = contents_of(await archive_of(shelf))
    assert found[PROBLEMS] == rb"/b\nno: \udcff\u202e secret: you may not read it" + b"\n"


async def test_many_names_that_are_alike() -> None:
    used: dict[str, int] = {}
    names = [archive._name_in_archive("x", "", used) for _ in range(20_000)]
    assert names[:3] == ["x", "x (2)", "x (3)"]
    assert len(set(names)) == len(names)
    assert archive._name_in_archive("x (2)", "", used) == "x (2) (2)"
    assert archive._name_in_archive("x", "d/", used) == "x"


async def test_a_lost_host_ends_it() -> None:
    with pytest.raises(UpstreamError):
        await archive_of(Shelf({"gone": b""}))


async def test_trees_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "TREE_MAX", 6)
    await archive_of(Shelf(TREE))
    monkeypatch.setattr(archive, "TREE_MAX", 5)
    with pytest.raises(OverrunError, match="at most 5"):
        await archive_of(Shelf(TREE))


async def test_endless_directories_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "TREE_MAX", 100)
    listed = 0

    async def endless(path: str) -> AsyncGenerator[Entry, None]:
        nonlocal listed
        while True:
            listed += 1
            yield Entry(str(listed))

    shelf = Shelf({})
    shelf.list = endless  # type: ignore[method-assign]
    with pytest.raises(OverrunError):
        await archive_of(shelf)
    assert listed <= 102


async def test_a_directory_that_contains_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "TREE_MAX", 100)
    loop: Tree = {"a": b""}
    loop["loop"] = loop
    with pytest.raises(OverrunError):
        await archive_of(Shelf(loop))


async def test_a_file_that_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "SMALL_MAX", 1500)
    found = contents_of(await archive_of(Shelf({"a": b"x" * 1600, "b": b"1"})))
    assert found["b"] == b"1"
    assert b"/a: the file has grown" in found[PROBLEMS]


async def test_over_the_protocol() -> None:
    bench = Bench()
    desk = Desk(bench, extended=True)
    assert desk.user.objects.offer(Shelf(TREE)) == 1
    assert await desk.ask("archive", "/d", index=1) == (ANSWER_TYPE, b'{"files": 4, "size": 25604}')
    mimetype, data = await desk.body("7", 1)
    assert mimetype == ARCHIVE_TYPE
    assert contents_of(data) == {
        name.removeprefix("d/"): content
        for name, content in ALL.items()
        if name.startswith("d/") and name != "d/"
    }
    await bench.close()


async def test_what_is_sent_is_reported() -> None:
    bench = Bench()
    desk = Desk(bench, extended=True)
    desk.user.objects.offer(Shelf(TREE))
    with session_of(desk.user).events.subscribe() as events:
        for names in ((), ("b", "empty")):
            before = len(desk.transport.all("body"))
            await desk.ask("archive", "/d", *names, index=1)
            await desk.body("7", before + 1)
        await until(lambda: not desk.user.transfers._under_way)
        found = [event.name for event in events._pending if isinstance(event, TransferEnded)]
    assert found == ["/d", "/d: b, empty"]
    await bench.close()


async def test_a_client_that_cancels() -> None:
    bench = Bench()
    desk = Desk(bench, extended=True)
    desk.user.objects.offer(Shelf({"a": bytes(10_000_000), "b": b""}))
    desk.transport.send("files", 1, 7, "archive", "/")
    await until(lambda: len(desk.transport.all("body")) == 2)
    _, stream, _, _ = desk.transport.all("body")[1]
    desk.transport.send("ack", stream, "OK", 0)
    await until(lambda: bool(desk.transport.all("blob")))
    desk.transport.send("ack", stream, "enough", 518)
    await until(lambda: not desk.user.transfers._under_way)
    assert json.loads((await desk.ask("stat", "/a", index=1))[1])["size"] == 10_000_000
    assert ERROR_TYPE not in [body[2] for body in desk.transport.all("body")]
    await bench.close()


class SlowShelf(Shelf):
    """A shelf whose files arrive when they are let go, and which knows what is being read."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(tree)
        self.open: list[str] = []
        self.most = 0
        self.arrives = asyncio.Event()

    async def read(self, path: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        self.open.append(path)
        self.most = max(self.most, len(self.open))
        try:
            await self.arrives.wait()
            async with aclosing(super().read(path, offset)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            self.open.remove(path)


async def test_the_next_files_are_opened_before_their_turn() -> None:
    tree: Tree = {str(number): b"%d" % number for number in range(20)} | {"d": {}}
    files = SlowShelf(tree)
    packing = asyncio.create_task(archive_of(files))
    await until(lambda: len(files.open) == AHEAD_MAX + 1)
    files.arrives.set()
    found = contents_of(await packing)
    assert found == {str(number): b"%d" % number for number in range(20)} | {"d/": b""}
    assert (files.open, files.most) == ([], AHEAD_MAX + 1)


async def test_files_that_were_opened_in_vain_are_closed() -> None:
    tree: Tree = {str(number): b"x" for number in range(20)}
    files = SlowShelf(tree)
    packing = asyncio.create_task(archive_of(files))
    await until(lambda: len(files.open) == AHEAD_MAX + 1)
    packing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await packing
    await until(lambda: not files.open)
    files = SlowShelf({"gone": b"", **tree})
    files.arrives.set()
    with pytest.raises(UpstreamError):
        await archive_of(files)
    assert files.open == []
