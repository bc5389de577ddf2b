"""Files on the clipboard, with xrdp."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
from pathlib import Path

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from tests.handlers.rdp.clipboard.test_clipboard import pastes
from tests.handlers.rdp.sessions import connected
from tests.support.xrdp import Xrdp


async def body(client: GuacClient, path: str) -> bytes:
    """Request a file or a directory of the clipboard."""
    client.send("get", 0, path)
    streams = client.state.streams
    await client.wait(lambda: [one for one in streams if one.args[-1] == path], path)
    data = bytes(streams[-1].data)
    streams.clear()
    return data


def home_file(xrdp: Xrdp, name: str) -> tuple[bytes, Path]:
    """Make a file in the home directory of xrdp's user, which does not outlive the server."""
    data, path = os.urandom(300_000), Path(pwd.getpwnam(xrdp.user).pw_dir, name)
    path.write_bytes(data)
    return data, path


async def test_a_file_of_the_host(daemon: Daemon, xrdp: Xrdp, tmp_path: Path) -> None:
    data, path = home_file(xrdp, "copied ü.bin")
    listed = tmp_path / "list"
    listed.write_text(f"copy\n{path.as_uri()}")
    async with connected(daemon, xrdp.parameters()) as client:
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
