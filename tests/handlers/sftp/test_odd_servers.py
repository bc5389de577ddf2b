"""SFTP servers that are hostile, broken or unusual."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh import SFTPAttrs, SFTPName, SFTPServer

from guacr.api import (
    ForbiddenError,
    OverrunError,
    UnsupportedError,
    UpstreamError,
    UpstreamTimeoutError,
)
from handlers.sftp.files import SftpFiles
from handlers.sftp.pace import BLOCK
from handlers.sftp.wire import VERSION, Kind, packet, string, u32
from tests.support.odd_sftp import odd_files, scripted_files
from tests.support.sftp import content, listed, pieces
from tests.support.waiting import until

SOME = random.Random(3).randbytes(5 * BLOCK + 3)
BINARY = "application/octet-stream"
REGULAR, DIRECTORY = 0o100644, 0o40755


def named(*names: bytes, mode: int = REGULAR) -> type[SFTPServer]:
    """A server whose directories have these names."""

    class Named(SFTPServer):
        async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
            for name in names:
                yield SFTPName(name, b"longname", SFTPAttrs(permissions=mode, size=1, mtime=7))

    return Named


async def test_names_that_are_no_names_are_omitted(tmp_path: Path) -> None:
    names = (b"", b".", b"..", b"../../etc", b"/etc", b"a\0b", b"n" * 1025, b"good", b"n" * 1024)
    async with odd_files(str(tmp_path), named(*names)) as (_, files):
        assert sorted(await listed(files, "/")) == ["good", "n" * 1024]


async def test_a_directory_without_an_end_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Endless(SFTPServer):
        async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
            while True:
                yield SFTPName(b"name", b"longname", SFTPAttrs(permissions=REGULAR))

    monkeypatch.setattr("handlers.sftp.listing.ENTRIES_MAX", 1000)
    async with odd_files(str(tmp_path), Endless) as (_, files):
        with pytest.raises(OverrunError, match="more than 1000 entries"):
            await listed(files, "/")
        (tmp_path / "directory").mkdir()
        with pytest.raises(OverrunError, match="more than 10000 files and folders"):
            await files.delete("/directory")
    monkeypatch.setattr("handlers.sftp.listing.ENTRIES_MAX", 2)
    async with odd_files(str(tmp_path), named(b"a", b"b")) as (_, files):
        assert len(await listed(files, "/")) == 2


async def test_directories_that_contain_themselves_are_not_deleted_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.sftp.trees.TREE_MAX", 100)
    (tmp_path / "a").mkdir()
    async with odd_files(str(tmp_path), named(b"a", mode=DIRECTORY)) as (_, files):
        with pytest.raises(OverrunError, match="more than 100 files and folders"):
            await files.delete("/a")


async def test_deep_directories_and_names_that_are_none_have_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.sftp.trees.PATHS_MAX", 50_000)
    monkeypatch.setattr("handlers.sftp.trees.SKIPPED_MAX", 100)
    (tmp_path / "a").mkdir()
    listed = 0

    class Deep(SFTPServer):
        async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
            nonlocal listed
            listed += 1
            yield SFTPName(b"d" * 1000, b"longname", SFTPAttrs(permissions=DIRECTORY))

    class Dots(SFTPServer):
        async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
            while True:
                yield SFTPName(b".", b"longname", SFTPAttrs(permissions=DIRECTORY))

    for server in (Deep, Dots):
        async with odd_files(str(tmp_path), server) as (_, files):
            with pytest.raises(OverrunError, match="nothing was deleted"):
                await files.delete("/a")
    assert listed == 10  # of 1,000 to 10,000 bytes


@pytest.mark.parametrize("said", [None, 0, 10, 10 * len(SOME)])
async def test_sizes_may_lie(tmp_path: Path, said: int | None) -> None:
    class Lying(SFTPServer):
        def stat(self, path: bytes) -> Any:
            return SFTPAttrs(permissions=REGULAR, size=said)

    (tmp_path / "file").write_bytes(SOME)
    async with odd_files(str(tmp_path), Lying) as (_, files):
        assert await content(files, "/file") == SOME
        assert await content(files, "/file", BLOCK) == SOME[BLOCK:]


async def test_reads_may_be_short(tmp_path: Path) -> None:
    sizes = []

    class Short(SFTPServer):
        def read(self, file_obj: object, offset: int, size: int) -> Any:
            sizes.append(size)
            return super().read(file_obj, offset, min(size, 5000))

    (tmp_path / "file").write_bytes(SOME)
    async with odd_files(str(tmp_path), Short) as (_, files):
        assert await content(files, "/file") == SOME
        assert 5000 in sizes, "as many as the server sends"


async def test_a_file_that_grows_is_read_to_its_last_end(tmp_path: Path) -> None:
    path = tmp_path / "file"

    class Growing(SFTPServer):
        def read(self, file_obj: object, offset: int, size: int) -> Any:
            if offset and path.stat().st_size < len(SOME):
                with path.open("ab") as file:
                    file.write(SOME[path.stat().st_size :][:BLOCK])
            return super().read(file_obj, offset, size)

    path.write_bytes(SOME[:10])
    async with odd_files(str(tmp_path), Growing) as (_, files):
        assert await content(files, "/file") == SOME


async def test_a_read_that_is_never_answered_ends_and_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = asyncio.Event()

    class Stuck(SFTPServer):
        async def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> object:
            if path == b"/stuck":
                await end.wait()
            return super().open(path, pflags, attrs)

    for name in ("stuck", "file"):
        (tmp_path / name).write_bytes(SOME)
    monkeypatch.setattr("handlers.sftp.channel.SILENCE_MAX", 0.2)
    async with odd_files(str(tmp_path), Stuck) as (_, files):
        with pytest.raises(UpstreamTimeoutError, match=r"has not answered for 0.2 s"):
            await content(files, "/stuck")
        assert await content(files, "/file") == SOME
        end.set()


async def test_more_data_than_requested_closes_the_channel(tmp_path: Path) -> None:
    class Generous(SFTPServer):
        def read(self, file_obj: object, offset: int, size: int) -> Any:
            return bytes(size + 1)

    (tmp_path / "file").write_bytes(SOME)
    async with odd_files(str(tmp_path), Generous) as (_, files):
        with pytest.raises(UpstreamError, match="more data than requested"):
            await content(files, "/file")
        assert "file" in await listed(files, "/")


async def test_the_servers_own_words_are_shown_without_controls(tmp_path: Path) -> None:
    class Quota(SFTPServer):
        def write(self, file_obj: object, offset: int, data: bytes) -> Any:
            raise asyncssh.SFTPFailure("Quota\x1b[2J of ann exceeded.")

    async with odd_files(str(tmp_path), Quota) as (_, files):
        with pytest.raises(UpstreamError) as raised:
            await files.write("/file", BINARY, pieces(SOME))
        assert "cannot write '/file': quota" in str(raised.value)
        assert "\x1b" not in str(raised.value)
        assert await listed(files, "/") == {}


async def test_an_error_at_closing_is_an_error_of_the_upload(tmp_path: Path) -> None:
    class Late(SFTPServer):
        def close(self, file_obj: object) -> Any:
            super().close(file_obj)
            raise asyncssh.SFTPFailure("no space left on the network drive")

    async with odd_files(str(tmp_path), Late) as (_, files):
        with pytest.raises(UpstreamError, match="no space left on the network drive"):
            await files.write("/file", BINARY, pieces(SOME))
        assert await listed(files, "/") == {}


async def test_what_is_being_written_when_a_user_leaves_is_kept(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    class Slow(SFTPServer):
        async def write(self, file_obj: object, offset: int, data: bytes) -> int:
            begun.set()
            await go_on.wait()
            written: Any = super().write(file_obj, offset, data)
            return int(written)

    async def waiting() -> AsyncIterator[bytes]:
        yield SOME
        await asyncio.Event().wait()

    async with odd_files(str(tmp_path), Slow) as (_, files):
        upload = asyncio.create_task(files.write("/file", BINARY, waiting()))
        await begun.wait()
        upload.cancel()
        asyncio.get_running_loop().call_soon(go_on.set)
        await asyncio.wait([upload])
        kept = SOME[: 2 * BLOCK]  # the others would have followed
        await until(lambda: (tmp_path / "file").read_bytes() == kept, "what was under way")


async def test_little_is_requested_beyond_the_end(tmp_path: Path) -> None:
    offsets = []

    class Counting(SFTPServer):
        def read(self, file_obj: object, offset: int, size: int) -> Any:
            offsets.append(offset)
            return super().read(file_obj, offset, size)

    (tmp_path / "file").write_bytes(SOME)
    async with odd_files(str(tmp_path), Counting) as (_, files):
        assert await content(files, "/file") == SOME
        assert len([offset for offset in offsets if offset >= len(SOME)]) <= 1


async def test_what_the_server_cannot_do_is_unsupported(tmp_path: Path) -> None:
    class Simple(SFTPServer):
        def mkdir(self, path: bytes, attrs: SFTPAttrs) -> Any:
            raise asyncssh.SFTPOpUnsupported("")

        def stat(self, path: bytes) -> Any:
            raise asyncssh.SFTPNoConnection("the disks are away")

    async with odd_files(str(tmp_path), Simple) as (_, files):
        with pytest.raises(UnsupportedError, match="its server does not do that"):
            await files.make_directory("/new")
        with pytest.raises(UpstreamTimeoutError, match="has lost a connection"):
            await files.stat("/")


async def test_a_connection_lost_midway_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(SOME * 10)
    async with odd_files(str(tmp_path), SFTPServer) as (server, files):

        async def losing() -> AsyncIterator[bytes]:
            yield SOME
            server.cut()
            await (await files.open())._channel.wait_closed()  # type: ignore[union-attr]
            yield SOME

        reading = files.read("/file")
        await anext(reading)
        with pytest.raises(UpstreamError, match="has ended: try again"):
            await files.write("/new", BINARY, losing())
        with pytest.raises(UpstreamError, match="has ended: try again"):
            async for _ in reading:
                pass


async def test_files_of_unknown_types_can_be_read(tmp_path: Path) -> None:
    class Untyped(SFTPServer):
        def stat(self, path: bytes) -> Any:
            return SFTPAttrs(size=len(SOME)) if path == b"/file" else super().stat(path)

    (tmp_path / "file").write_bytes(SOME)
    async with odd_files(str(tmp_path), Untyped) as (_, files):
        assert await content(files, "/file") == SOME
        with pytest.raises(ForbiddenError, match="is a folder, not a file"):
            await content(files, "/")


# ---- byte by byte

VERSION_3 = packet(Kind.VERSION, VERSION)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"Welcome to this machine!\r\n", "a packet of 1466264675 bytes"),
        (packet(Kind.VERSION, 2), "an answer without a request"),
        (packet(Kind.STATUS, VERSION, u32(4)), "does not answer with a version"),
        (u32(2) + b"\2\0\0\0\3", "a packet of 2 bytes"),
    ],
)
async def test_a_server_that_does_not_begin_as_it_should(answer: bytes, sentence: str) -> None:
    async with scripted_files(lambda kind, number: answer) as files:
        with pytest.raises(UpstreamError, match=sentence):
            await files.stat("/")


NAMES_CUT = u32(2) + string(b"name") + string(b"") + u32(0)


@pytest.mark.parametrize(
    ("kind", "answer", "sentence"),
    [
        (Kind.STAT, packet(Kind.ATTRS, 4, u32(1)), "cut off"),
        (Kind.STAT, packet(Kind.ATTRS, 4, u32(1 << 31), u32(33)), "33 extended attributes"),
        (Kind.STAT, packet(Kind.DATA, 4, string(b"")), "an answer of type 103"),
        (Kind.STAT, packet(Kind.STATUS, 4, u32(0)), "an answer of type 101"),
        (Kind.STAT, packet(Kind.STATUS, 9, u32(0)), "an answer without a request"),
        (Kind.STAT, u32((256 << 10) + 1) + b"\x69\0\0\0\4", "a packet of 262145 bytes"),
        (Kind.OPENDIR, packet(Kind.HANDLE, 4, string(b"h" * 257)), "too long"),
        (Kind.OPENDIR, packet(Kind.HANDLE, 4, u32(9)), "cut off"),
        (Kind.READDIR, packet(Kind.NAME, 5, NAMES_CUT), "cut off"),
    ],
)
async def test_answers_that_are_not_what_they_should_be(
    kind: Kind, answer: bytes, sentence: str
) -> None:
    def script(requested: int, number: int) -> bytes:
        if requested == Kind.INIT:
            return VERSION_3
        return answer if requested == kind else packet(Kind.HANDLE, number, string(b"h"))

    async with scripted_files(script) as files:
        with pytest.raises(UpstreamError, match=sentence):
            await (files.stat("/") if kind == Kind.STAT else listed(files, "/"))


async def test_answers_without_names_end_a_directory() -> None:
    def script(requested: int, number: int) -> bytes:
        if requested == Kind.INIT:
            return VERSION_3
        if requested == Kind.OPENDIR:
            return packet(Kind.HANDLE, number, string(b"h"))
        return packet(Kind.NAME, number, u32(0))

    async with scripted_files(script) as files:
        assert await listed(files, "/") == {}


async def test_a_file_that_opens_too_late_is_closed() -> None:
    asked, closed = asyncio.Event(), asyncio.Event()
    opening: list[int] = []

    def script(requested: int, number: int) -> bytes:
        match requested:
            case Kind.INIT:
                return VERSION_3
            case Kind.OPEN:
                opening.append(number)
                asked.set()
                return b""
            case Kind.CLOSE:
                closed.set()
                return b""
        late = b"".join(packet(Kind.HANDLE, one, string(b"h")) for one in opening)
        opening.clear()
        return late + packet(Kind.ATTRS, number, u32(4), u32(REGULAR))

    async with scripted_files(script) as files:
        reading = asyncio.create_task(content(files, "/file"))
        await asked.wait()
        reading.cancel()
        await asyncio.wait([reading])
        await files.stat("/file")
        async with asyncio.timeout(5):
            await closed.wait()


def all_but_the_first() -> tuple[list[int], Callable[[int, int], bytes]]:
    """A script that answers all requests but the first, and the number of that one, once it has
    come."""
    first: list[int] = []

    def script(requested: int, number: int) -> bytes:
        if requested == Kind.INIT:
            return VERSION_3
        if not first:
            first.append(number)
            return b""
        return packet(Kind.ATTRS, number, u32(4), u32(REGULAR))

    return first, script


async def test_a_server_that_answers_others_has_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.sftp.channel.SILENCE_MAX", 0.2)
    first, script = all_but_the_first()
    async with scripted_files(script) as files:
        channel, loop = await files.open(), asyncio.get_running_loop()
        waiting = asyncio.create_task(channel.stat(b"/slow"))
        await until(lambda: first, "the first request")
        later = loop.time() + 0.6
        while loop.time() < later:
            await channel.stat(b"/quick")
        assert not waiting.done()
        with pytest.raises(UpstreamTimeoutError):
            await waiting


async def test_a_server_does_not_have_more_time_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.sftp.channel.SILENCE_MAX", 0.2)
    monkeypatch.setattr("handlers.sftp.channel.ANSWER_MAX", 0.4)
    first, script = all_but_the_first()
    async with scripted_files(script) as files:
        channel = await files.open()
        waiting = asyncio.create_task(channel.stat(b"/slow"))
        await until(lambda: first, "the first request")
        while not waiting.done():
            with suppress(UpstreamTimeoutError):
                await channel.stat(b"/quick")
            await asyncio.sleep(0)  # a closed channel refuses at once
        with pytest.raises(UpstreamTimeoutError, match=r"for 0\.4 s"):
            await waiting


async def test_requests_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.sftp.channel.REQUESTS_MAX", 3)

    async def stat(files: SftpFiles) -> None:
        await files.stat("/")

    async with scripted_files(lambda kind, _: VERSION_3 if kind == Kind.INIT else b"") as files:
        await files.open()
        waiting = [asyncio.create_task(stat(files)) for _ in range(4)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert "has not answered 3 requests" in str(next(iter(done)).exception())
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
