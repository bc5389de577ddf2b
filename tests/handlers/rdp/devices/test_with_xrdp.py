"""A drive in sessions of xrdp, which mounts it for its programs."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from handlers.rdp.devices.drive import DOWNLOADS
from tests.handlers.rdp.clipboard.test_files_of_xrdp import body, upload
from tests.handlers.rdp.devices.test_tree import inside
from tests.handlers.rdp.sessions import connected, each_engine
from tests.support.certificates import Pair
from tests.support.freed import freed
from tests.support.require import missing
from tests.support.waiting import until
from tests.support.xrdp import Xrdp, xrdp_server

DRIVE = "GUACFS"


@pytest.fixture(scope="module")
def running_xrdp(pair: Pair) -> Iterator[Xrdp]:
    if not Path("/dev/fuse").exists():
        missing("this system has no FUSE")
    with xrdp_server(pair, files=True) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, object]:
    return {"drive_directories": [str(tmp_path)]}


class Shell:
    """Runs commands as the user of a session, in the directory of its drive."""

    def __init__(self, server: Xrdp) -> None:
        self._server = server
        self._mount = server.home / "thinclient_drives" / DRIVE
        self._look = f"test ! -d '{self._mount}' || echo it is there"

    async def run(self, script: str) -> str:
        """The output of a script."""
        command = f"cd '{self._mount}' && {script}"
        return (await asyncio.to_thread(self._server.run, "sh", "-euc", command)).decode()

    async def begin(self) -> None:
        """Wait until the drive is mounted."""
        async with asyncio.timeout(20):
            while not await asyncio.to_thread(self._server.run, "sh", "-c", self._look):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@each_engine
async def test_files(daemon: Daemon, xrdp: Xrdp, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    (tmp_path / "mine ü.bin").write_bytes(data)
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir/file").write_text("old")
    (tmp_path / "link").symlink_to("/etc")
    terms = {"enable_drive": "true", "drive_path": str(tmp_path)}
    async with (
        freed(daemon.registry),
        connected(daemon, xrdp.parameters(), **terms) as client,
    ):
        await xrdp.display()
        shell = Shell(xrdp)
        await shell.begin()
        names = set((await shell.run("ls")).split("\n"))
        assert names == {"", "Download", "dir", "mine ü.bin"}
        home = xrdp.home / "copied"
        await shell.run(f"cp 'mine ü.bin' {home}")
        assert home.read_bytes() == data
        await shell.run(f"cp {home} dir/larger && cat {home} {home} >> dir/larger")
        assert (tmp_path / "dir/larger").read_bytes() == data * 3
        await shell.run("printf new > dir/file && mkdir made && mv dir/file made/moved")
        assert (tmp_path / "made/moved").read_text() == "new"
        await shell.run("rm dir/larger && rmdir dir")
        await until(lambda: not (tmp_path / "dir").exists(), "the end of the directory")
        await shell.run("touch -d @1700000000 made/moved")
        assert (tmp_path / "made/moved").stat().st_mtime == 1_700_000_000
        assert await shell.run("stat -c %Y.%s made/moved") == "1700000000.3\n"
        await shell.run("test ! -e missing && test ! -e link/passwd")
        await _share(client, shell, tmp_path)


async def _share(client: GuacClient, shell: Shell, path: Path) -> None:
    """Exchange files between the owner and the host."""
    shown = {f"/{name}" for name in inside(path) - {"link"}}
    assert set(json.loads(await body(client, "/"))) == shown
    await upload(client, "sent.txt", b"from the owner" * 1000)
    await until(lambda: (path / "sent.txt").stat().st_size == 14_000, "the upload")
    assert await shell.run("cat sent.txt") == "from the owner" * 1000
    assert await body(client, "/made/moved") == b"new"
    streams = client.state.streams
    await shell.run(f"printf 'for the owner' > {DOWNLOADS}/given.txt")
    await client.wait(lambda: [one for one in streams if one.opcode == "file"], "a download")
    (stream,) = [one for one in streams if one.opcode == "file"]
    assert stream.args == ("application/octet-stream", "given.txt")
    assert bytes(stream.data) == b"for the owner"
    await until(lambda: not (path / DOWNLOADS / "given.txt").exists(), "the file's end")


async def test_a_drive_stays_after_another_connection(
    daemon: Daemon, xrdp: Xrdp, tmp_path: Path
) -> None:
    """And besides a printer, which xrdp refuses."""
    (tmp_path / "file").write_text("content")
    terms = {"enable_drive": "true", "drive_path": str(tmp_path), "enable_printing": "true"}
    for _ in range(2):
        async with connected(daemon, xrdp.parameters(), **terms):
            await xrdp.display()
            shell = Shell(xrdp)
            await shell.begin()
            assert await shell.run("cat file") == "content"
