"""TigerVNC's server for any X display."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.vnc import handler
from tests.handlers.vnc.test_session import connected, show_something, shows
from tests.support.waiting import until
from tests.support.xvnc import Desktop, password_file, x0vncserver

EXACT = {"force-lossless": "true", "disable-display-resize": "true"}


@pytest.mark.parametrize("encoding", ["raw", "hextile", "tight", "zrle"])
async def test_the_picture_is_exact(daemon: Daemon, desktop: Desktop, encoding: str) -> None:
    await show_something(desktop)
    async with (
        x0vncserver(desktop) as parameters,
        connected(daemon, parameters | EXACT | {"encodings": encoding}) as client,
    ):
        await shows(client, desktop)
        desktop.run("xsetroot", "-solid", "#8a2e5c")
        await shows(client, desktop)


async def test_the_display_takes_its_mode_that_fits_the_window(
    daemon: Daemon, desktop: Desktop
) -> None:
    async with x0vncserver(desktop) as parameters, connected(daemon, parameters) as client:
        for window, mode in (((1024, 768), (1024, 768)), ((900, 500), (640, 480))):
            client.size(*window)
            await client.wait(lambda mode=mode: client.canvas.size == mode, "the mode")  # type: ignore[misc]
            await shows(client, desktop)


async def test_keys_and_pointer_reach_the_desktop(daemon: Daemon, desktop: Desktop) -> None:
    xev = desktop.start("stdbuf", "-oL", "xev", "-geometry", "400x300+0+0", stdout=subprocess.PIPE)
    assert xev.stdout is not None
    seen = bytearray()
    reading = asyncio.create_task(asyncio.to_thread(_read, xev, seen))
    async with x0vncserver(desktop) as parameters, connected(daemon, parameters | EXACT) as client:
        await until(lambda: b"Expose" in seen, "the window")
        client.mouse(100, 120, 0)
        client.mouse(100, 120, 4)
        client.mouse(100, 120, 0)
        client.key(ord("A"))
        await until(lambda: b"keysym 0x41, A" in seen, "the key")
        assert b"root:(100,120)" in seen
        assert b"button 3" in seen
    xev.terminate()
    await reading


def _read(process: subprocess.Popen[bytes], seen: bytearray) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            seen.extend(line)


async def test_texts_that_it_has_no_clipboard_for(daemon: Daemon, desktop: Desktop) -> None:
    async with x0vncserver(desktop) as parameters, connected(daemon, parameters | EXACT) as client:
        client.clipboard("Grüße, 世界")
        client.clipboard("x" * 100_000)
        desktop.run("xsetroot", "-solid", "#123456")
        await shows(client, desktop)
        assert not client.state.errors


async def test_a_server_that_restarts_on_the_same_display(
    daemon: Daemon, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "RETRY_PAUSE", 0.05)
    async with x0vncserver(desktop) as parameters:
        more = EXACT | {"autoretry": "100"}
        client = await GuacClient.connect(address(daemon), "vnc", parameters | more)
        await client.wait(lambda: client.state.syncs, "the desktop")
    async with client:
        await client.wait(lambda: 1 in client.canvas.layers, "a notice")
        desktop.run("xsetroot", "-solid", "#8a2e5c")
        async with x0vncserver(desktop, port=int(parameters["port"])):
            await client.wait(lambda: 1 not in client.canvas.layers, "no notice")
            client.mouse(1, 1)
            await shows(client, desktop)
        assert not client.state.errors


async def test_passwords(daemon: Daemon, desktop: Desktop, tmp_path: Path) -> None:
    path = str(password_file(tmp_path, "secret12"))
    async with x0vncserver(desktop, "-PasswordFile", path) as parameters:
        async with connected(daemon, parameters | EXACT | {"password": "secret12"}) as client:
            await shows(client, desktop)
        wrong = parameters | {"password": "wrong"}
        async with await GuacClient.connect(address(daemon), "vnc", wrong) as client:
            await client.wait_closed()
    ((sentence, status),) = client.state.errors
    assert status == Status.CLIENT_UNAUTHORIZED
    assert "Authentication failure" in sentence
