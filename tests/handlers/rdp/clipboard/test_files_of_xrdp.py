"""Files on the clipboard, with xrdp."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from subprocess import CalledProcessError
from urllib.parse import unquote, urlsplit

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.streams import BLOB_MAX
from tests.handlers.rdp.clipboard.test_clipboard import pastes
from tests.handlers.rdp.sessions import connected
from tests.support.certificates import Pair
from tests.support.freed import freed
from tests.support.require import missing
from tests.support.xrdp import Xrdp, xrdp_server

STREAM = 300


async def body(client: GuacClient, path: str) -> bytes:
    """Request a file or a directory of the clipboard."""
    client.send("get", 0, path)
    streams = client.state.streams
    await client.wait(lambda: [one for one in streams if one.args[-1] == path], path)
    data = bytes(streams[-1].data)
    streams.clear()
    return data


async def upload(client: GuacClient, name: str, data: bytes) -> None:
    """Send a file, with each blob after the acknowledgement of the last one."""
    client.send("file", STREAM, "application/octet-stream", name)
    for number, start in enumerate(range(0, len(data), BLOB_MAX), 1):
        await client.wait(partial(_acknowledged, client, number), "an acknowledgement")
        client.send("blob", STREAM, b64encode(data[start : start + BLOB_MAX]).decode())
    client.send("end", STREAM)


def _acknowledged(client: GuacClient, count: int) -> bool:
    found = [status for index, _, status in client.state.acks if index == STREAM]
    assert not any(found)
    return len(found) >= count


def home_file(xrdp: Xrdp, name: str) -> tuple[bytes, Path]:
    """Make a file in the home directory of xrdp's user, which does not outlive the server."""
    data, path = os.urandom(300_000), Path(pwd.getpwnam(xrdp.user).pw_dir, name)
    path.write_bytes(data)
    return data, path


async def test_a_file_of_the_host(daemon: Daemon, xrdp: Xrdp, tmp_path: Path) -> None:
    data, path = home_file(xrdp, "copied ü.bin")
    listed = tmp_path / "list"
    listed.write_text(f"copy\n{path.as_uri()}")
    async with freed(daemon.registry), connected(daemon, xrdp.parameters()) as client:
        display = await xrdp.display()
        client.clipboard("text first")
        await pastes(display, "text first")
        assert json.loads(await body(client, "/")) == {}
        display.start(
            *("xclip", "-quiet", "-selection", "clipboard"),
            *("-target", "x-special/gnome-copied-files", "-in", str(listed)),
        )
        async with asyncio.timeout(20):
            while not (names := json.loads(await body(client, "/"))):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert list(names) == [f"/{path.name}"]
        assert await body(client, f"/{path.name}") == data


@pytest.mark.parametrize("given", [{}, {"disable_download": "true"}])
async def test_downloads_may_be_disabled(given: dict[str, str], daemon: Daemon, xrdp: Xrdp) -> None:
    async with connected(daemon, xrdp.parameters(), **given) as client:
        client.clipboard("text first")
        await pastes(await xrdp.display(), "text first")
        await upload(client, "mine", b"data")
        await client.wait(partial(_acknowledged, client, 2), "the last acknowledgement")
        async with asyncio.timeout(20):  # it is copied once it has been received completely
            while not given and not json.loads(await body(client, "/")):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        names = json.loads(await body(client, "/"))
        assert list(names) == ([] if given else ["/mine"])


async def test_uploads_may_be_disabled(daemon: Daemon, xrdp: Xrdp) -> None:
    async with connected(daemon, xrdp.parameters(), disable_upload="true") as client:
        client.clipboard("text first")
        await pastes(await xrdp.display(), "text first")
        client.send("file", STREAM, "application/octet-stream", "mine")
        acks = client.state.acks
        await client.wait(lambda: [ack for ack in acks if ack[0] == STREAM], "a refusal")
        _, sentence, status = acks[-1]
        assert "uploads are disabled: disable-upload is set" in sentence
        assert status == Status.CLIENT_FORBIDDEN


@pytest.fixture
def xrdp_with_fuse(pair: Pair) -> Iterator[Xrdp]:
    if not Path("/dev/fuse").exists():
        missing("this system has no FUSE")
    with xrdp_server(pair, files=True) as server:
        yield server


async def test_files_of_a_user(daemon: Daemon, xrdp_with_fuse: Xrdp) -> None:
    server, data = xrdp_with_fuse, os.urandom(300_000)
    async with freed(daemon.registry), connected(daemon, server.parameters()) as client:
        display = await server.display()
        client.clipboard("text first")
        await pastes(display, "text first")
        await upload(client, "mine ü.bin", data)
        paste = ("xclip", "-selection", "clipboard", "-target", "x-special/gnome-copied-files")

        def pasted() -> str:
            with suppress(CalledProcessError):
                return display.run(*paste, "-out").decode()
            return ""

        async with asyncio.timeout(20):
            while "mine" not in (listed := await asyncio.to_thread(pasted)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        _, place = listed.splitlines()
        path = unquote(urlsplit(place).path)
        assert path.endswith("/mine ü.bin")
        assert await asyncio.to_thread(server.read, path) == data
    await server.end_sessions()
