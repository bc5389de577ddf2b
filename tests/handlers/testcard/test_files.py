"""The test card's files through the whole daemon: sizes to download, and uploads that it counts."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest

from guacr.daemon import Daemon
from guacr.testing.client import Behaviour, GuacClient
from guacr.testing.daemon import address, running_daemon
from handlers.testcard import TestcardHandler as CardHandler
from handlers.testcard.files import PIECE, SIZES, CardFiles
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
        assert (kind, json.loads(data)) == (INDEX, {"/download": INDEX, "/upload": INDEX})
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
        assert client.state.acks == [(0, "files can be sent to /upload only", 771)]


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
