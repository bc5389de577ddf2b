"""The test card's files through the whole daemon: sizes to download, and uploads that it counts."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator

import pytest

from guacr.api import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    OverrunError,
    TooManyError,
)
from guacr.daemon import Daemon
from guacr.testing.client import Behaviour, GuacClient
from guacr.testing.daemon import address, running_daemon
from handlers.testcard import TestcardHandler as CardHandler
from handlers.testcard.files import MIB, PIECE, SIZES, CardFiles
from tests.support.waiting import until

INDEX = "application/vnd.glyptodon.guacamole.stream-index+json"
FILE = "application/octet-stream"


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    async with running_daemon(CardHandler) as daemon:
        yield daemon


async def card(daemon: Daemon, **parameters: str) -> GuacClient:
    behaviour = Behaviour(paint=False)
    slow = {"frame-rate": "1"} | {name.replace("_", "-"): text for name, text in parameters.items()}
    return await GuacClient.connect(address(daemon), "testcard", slow, behaviour=behaviour)


async def get(client: GuacClient, path: str) -> tuple[str, bytes]:
    """Mimetype and content of a file or directory."""
    known = len(client.state.streams)
    client.send("get", 0, path)
    await client.wait(lambda: len(client.state.streams) > known, path)
    body = client.state.streams[-1]
    assert (body.opcode, body.args[0], body.args[2]) == ("body", "0", path)
    return body.args[1], bytes(body.data)


async def test_what_there_is(daemon: Daemon) -> None:
    async with await card(daemon) as client:
        await client.wait(lambda: client.state.syncs)
        assert any(
            one.opcode == "filesystem" and one.args == ("0", "Test card") for one in client.history
        )
        kind, data = await get(client, "/")
        assert (kind, json.loads(data)) == (
            INDEX,
            {"/download": INDEX, "/files": INDEX, "/upload": INDEX},
        )
        kind, data = await get(client, "/download")
        assert json.loads(data) == {f"/download/{name}": FILE for name in SIZES}
        assert json.loads((await get(client, "/upload"))[1]) == {}


@pytest.mark.parametrize("name", ["empty", "1 KiB", "1 MiB"])
async def test_downloads_are_whole(daemon: Daemon, name: str) -> None:
    async with await card(daemon) as client:
        kind, data = await get(client, f"/download/{name}")
        assert kind == FILE
        assert data == (PIECE * 16)[: SIZES[name]]


async def test_what_is_not_there(daemon: Daemon) -> None:
    async with await card(daemon) as client:
        kind, data = await get(client, "/download/9 GiB")
        assert kind == "application/vnd.guacr.error+json"
        message = "there is no '/download/9 GiB' on the test card"
        assert json.loads(data) == {"message": message, "status": 516}


@pytest.mark.parametrize("opening", [("put", 0, "/upload/a"), ("file", "a")])
async def test_uploads_are_counted(
    daemon: Daemon, opening: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    monkeypatch.setattr(CardHandler, "_note", lambda self, text: notes.append(text))
    async with await card(daemon) as client:
        before, after = (opening[1:2], opening[2:]) if opening[0] == "put" else ((), opening[1:])
        client.send(opening[0], *before, 0, FILE, *after)
        for sent in range(10):
            await client.wait(lambda: len(client.state.acks) == sent + 1, "an ack")  # noqa: B023
            client.send("blob", 0, "A" * 8000)
        client.send("end", 0)
        await until(lambda: len(notes) == 2, "the card's notes")
        assert notes[0] == "file 'a'"
        assert re.fullmatch(r"60,000 bytes, \d+\.\d MB/s, all", notes[1])
        assert {ack[1:] for ack in client.state.acks} == {("OK", 0)}


@pytest.mark.parametrize("path", ["/", "/download/empty", "/upload"])
async def test_uploads_go_to_their_place_only(daemon: Daemon, path: str) -> None:
    async with await card(daemon) as client:
        client.send("put", 0, 0, FILE, path)
        await client.wait(lambda: client.state.acks, "an ack")
        assert client.state.acks == [(0, "files can be sent to /upload and /files only", 771)]


async def test_only_the_owner_has_files(daemon: Daemon) -> None:
    async with await card(daemon) as owner:
        await owner.wait(lambda: owner.state.syncs)
        async with await GuacClient.connect(address(daemon), owner.state.ready) as joiner:
            await joiner.wait(lambda: joiner.state.syncs)
            assert not [one for one in joiner.history if one.opcode == "filesystem"]
    async with await card(daemon, read_only="true") as watcher:
        await watcher.wait(lambda: watcher.state.syncs)
        assert not [one for one in watcher.history if one.opcode == "filesystem"]


async def test_progress_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    monkeypatch.setattr("handlers.testcard.files.NOTE_INTERVAL", 0.0)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(1000)

    await CardFiles(notes.append).write("/upload/a", FILE, pieces())
    sizes = [note.partition(" bytes")[0] for note in notes[1:]]
    assert sizes == ["1,000", "2,000", "3,000", "3,000"]


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def content(files: CardFiles, path: str, offset: int = 0) -> bytes:
    return b"".join([piece async for piece in files.read(path, offset)])


async def names(files: CardFiles, path: str) -> list[str]:
    return [entry.name async for entry in files.list(path)]


@pytest.fixture
def files() -> CardFiles:
    return CardFiles(lambda text: None)


async def test_files_in_memory(files: CardFiles) -> None:
    assert await names(files, "/files") == ["About these files.txt", "Colours.png", "Reports"]
    assert (await content(files, "/files/Colours.png"))[1:4] == b"PNG"
    before = time.time()
    await files.write("/files/a", FILE, pieces(b"one ", b"two"))
    entry = await files.stat("/files/a")
    assert (entry.name, entry.is_directory, entry.size) == ("a", False, 7)
    assert entry.modified is not None
    assert before <= entry.modified <= time.time()
    await files.write("/files/a", FILE, pieces(b"three"), offset=4)
    assert await content(files, "/files/a") == b"one three"
    with pytest.raises(ConflictError, match="only 9 bytes"):
        await files.write("/files/a", FILE, pieces(), offset=10)
    await files.write("/files/a", FILE, pieces(b"1"))
    assert await content(files, "/files/a") == b"1"


@pytest.mark.parametrize("path", ["/download/1 MiB", "/files/a"])
async def test_reading_from_an_offset(files: CardFiles, path: str) -> None:
    await files.write("/files/a", FILE, pieces(PIECE * 16))
    for offset in (0, 1, len(PIECE), len(PIECE) + 1, MIB - 1, MIB, MIB + 1):
        assert await content(files, path, offset) == (PIECE * 16)[offset:]


async def test_folders_are_made_renamed_and_deleted(files: CardFiles) -> None:
    await files.make_directory("/files/a")
    await files.make_directory("/files/a/b")
    await files.write("/files/a/b/c", FILE, pieces(b"text"))
    await files.write("/files/ab", FILE, pieces(b"beside"))
    await files.rename("/files/a", "/files/Reports/x")
    assert await content(files, "/files/Reports/x/b/c") == b"text"
    assert (await files.stat("/files/Reports/x")).is_directory
    await files.delete("/files/Reports")
    assert "Reports" not in await names(files, "/files")
    assert await content(files, "/files/ab") == b"beside"
    for path in ("/files/a", "/files/Reports/x/b/c"):
        with pytest.raises(NotFoundError, match="does not exist"):
            await files.stat(path)


async def test_nothing_is_replaced(files: CardFiles) -> None:
    taken, free = "/files/Colours.png", "/files/new"
    await files.make_directory(free)
    refused = [
        (ConflictError, files.make_directory(taken)),
        (ConflictError, files.rename("/files/Reports", taken)),
        (ConflictError, files.rename(free, f"{free}/below")),
        (ConflictError, files.make_directory(f"{taken}/below")),
        (NotFoundError, files.make_directory("/files/none/below")),
        (NotFoundError, files.rename("/files/none", "/files/other")),
        (NotFoundError, files.delete("/files/none")),
        (ForbiddenError, files.delete("/files")),
        (ForbiddenError, files.delete("/download/empty")),
        (ForbiddenError, files.rename(free, "/upload/new")),
        (ForbiddenError, files.write(free, FILE, pieces())),
    ]
    for error, request in refused:
        with pytest.raises(error):
            await request
    assert (await content(files, taken))[1:4] == b"PNG"


async def test_the_memory_is_limited(files: CardFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OverrunError, match="delete files first"):
        await files.write("/files/a", FILE, pieces(*[bytes(MIB)] * 33))
    assert "a" not in await names(files, "/files"), "an incomplete file is removed"
    await files.write("/files/a", FILE, pieces(*[bytes(MIB)] * 31))
    await files.write("/files/a", FILE, pieces(*[bytes(MIB)] * 31))
    monkeypatch.setattr("handlers.testcard.tree.ENTRIES_MAX", 8)
    await files.make_directory("/files/one")
    with pytest.raises(TooManyError, match="at most 8"):
        await files.make_directory("/files/two")


async def test_an_upload_that_can_be_continued_is_kept(files: CardFiles) -> None:
    waiting = asyncio.Event()

    async def interrupted() -> AsyncIterator[bytes]:
        yield b"begun"
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(files.write("/files/a", FILE, interrupted()))
    await waiting.wait()
    task.cancel()
    await asyncio.wait([task])
    assert await content(files, "/files/a") == b"begun"
