"""Sessions with real servers: pictures, sizes, keys, pointer, clipboard, passwords, ends."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from tests.support.freed import freed
from tests.support.timelines import noted_steps
from tests.support.waiting import free_port, until
from tests.support.xvnc import Desktop, password_file, x11vnc, xvnc

SCREEN = (
    "for i in $(seq 20); do printf '\\033[4%dmline %d \\342\\226\\210\\342\\226\\222\\n' "
    "$((i % 8)) $i; done; printf '\\033[48;5;201mend'; sleep 100"
)
END = (255, 0, 255)
"""The colour of the last word."""


@asynccontextmanager
async def connected(daemon: Daemon, parameters: dict[str, str]) -> AsyncIterator[GuacClient]:
    async with await GuacClient.connect(address(daemon), "vnc", parameters) as client:
        await client.wait(lambda: client.state.syncs or client.state.errors, "the desktop")
        assert not client.state.errors
        # Xvnc draws the pointer into the picture until the client has been where it is.
        client.mouse(1, 1)
        yield client


async def shows(client: GuacClient, desktop: Desktop) -> None:
    """Until the client shows exactly what the display does."""

    def same() -> bool:
        picture, shown = desktop.picture(), client.canvas.flatten()
        return picture.shape == shown.shape and bool((picture == shown).all())

    async with asyncio.timeout(20):
        while not same():  # noqa: ASYNC110 - the display does not tell
            await asyncio.sleep(0.1)


async def show_something(desktop: Desktop) -> None:
    """Fill the desktop, and wait until all of it is drawn."""
    desktop.run("xsetroot", "-solid", "#2e5c8a")
    desktop.start("xterm", "-geometry", "80x24+30+40", "-e", "sh", "-c", SCREEN)
    await until(lambda: (desktop.picture() == END).all(2).any(), "the end of the text")


@pytest.mark.parametrize("encoding", ["raw", "rre", "hextile", "tight", "tightpng", "zrle"])
async def test_the_picture_is_exact(daemon: Daemon, desktop: Desktop, encoding: str) -> None:
    await show_something(desktop)
    parameters = desktop.parameters | {"encodings": encoding, "quality-level": "10"}
    async with connected(daemon, parameters) as client:
        await shows(client, desktop)
        desktop.run("xsetroot", "-solid", "#8a2e5c")
        await shows(client, desktop)


async def test_the_steps_of_the_connection_are_noted(daemon: Daemon, desktop: Desktop) -> None:
    steps = noted_steps(daemon.registry)
    async with connected(daemon, desktop.parameters):
        assert steps == ["open", "resolve", "tcp", "login", "connect"]


@pytest.mark.parametrize("encoding", ["corre", "zlib", "hextile", "tight", "zrle"])
async def test_the_picture_of_x11vnc_is_exact(
    daemon: Daemon, desktop: Desktop, encoding: str
) -> None:
    await show_something(desktop)
    async with x11vnc(desktop) as parameters:
        parameters |= {"encodings": encoding, "quality-level": "10", "cursor": "local"}
        async with connected(daemon, parameters) as client:
            await shows(client, desktop)


@pytest.mark.parametrize(("depth", "most"), [("8", 40), ("16", 8)])
async def test_fewer_colours(daemon: Daemon, desktop: Desktop, depth: str, most: int) -> None:
    desktop.run("xsetroot", "-solid", "#2e5c8a")
    async with connected(daemon, desktop.parameters | {"color-depth": depth}) as client:
        await client.wait(lambda: bool(client.canvas.flatten().any()), "a picture")
        found = client.canvas.flatten()[5, 5].astype(int)
        assert abs(found - [0x2E, 0x5C, 0x8A]).max() <= most


async def test_the_desktop_takes_the_size_of_the_window(daemon: Daemon, desktop: Desktop) -> None:
    async with connected(daemon, desktop.parameters) as client:
        await until(lambda: desktop.picture().shape == (768, 1024, 3), "the client's own size")
        client.size(900, 500)
        await until(lambda: desktop.picture().shape == (500, 900, 3), "another size")
        await shows(client, desktop)


async def test_the_window_may_be_left_alone(daemon: Daemon, desktop: Desktop) -> None:
    parameters = desktop.parameters | {"disable-display-resize": "true"}
    async with connected(daemon, parameters) as client:
        client.size(900, 500)
        desktop.run(
            "xrandr", "--output", "VNC-0", "--mode", "640x480"
        )  # the host resizes by itself
        await until(lambda: client.canvas.size == (640, 480), "the host's size")
        await shows(client, desktop)
        assert desktop.picture().shape == (480, 640, 3)


async def test_keys_and_pointer_reach_the_desktop(daemon: Daemon, desktop: Desktop) -> None:
    xev = desktop.start("stdbuf", "-oL", "xev", "-geometry", "400x300+0+0", stdout=subprocess.PIPE)
    assert xev.stdout is not None
    seen = bytearray()
    reading = asyncio.create_task(asyncio.to_thread(_read, xev, seen))
    async with connected(daemon, desktop.parameters) as client:
        await until(lambda: b"Expose" in seen, "the window")
        client.mouse(100, 120, 0)
        client.mouse(100, 120, 1)
        client.mouse(100, 120, 0)
        for wheel in (8, 16, 32, 64):
            client.click(100, 120, wheel)
        client.click(100, 120, 128)  # Xvnc 1.12 has seven buttons
        client.key(ord("a"))
        await until(lambda: b"keysym 0x61, a" in seen, "the key")
        assert b"root:(100,120)" in seen
        for button in (b"1", b"4", b"5", b"6", b"7"):
            assert b"button " + button in seen
    xev.terminate()
    await reading


def _read(process: subprocess.Popen[bytes], seen: bytearray) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            seen.extend(line)


async def test_a_password_is_asked_for(daemon: Daemon, tmp_path: Path) -> None:
    path = password_file(tmp_path, "secret12")
    async with xvnc("-SecurityTypes", "VncAuth", "-PasswordFile", str(path)) as desktop:
        async with connected(daemon, desktop.parameters | {"password": "secret12"}) as client:
            await shows(client, desktop)
        async with await GuacClient.connect(address(daemon), "vnc", desktop.parameters) as client:
            await client.wait(lambda: client.state.required == [("password",)], "the question")
            client.argv("password", "secret12")
            await shows(client, desktop)


async def test_a_wrong_password_is_told_with_the_servers_reason(
    daemon: Daemon, tmp_path: Path
) -> None:
    path = password_file(tmp_path, "secret12")
    async with xvnc("-SecurityTypes", "VncAuth", "-PasswordFile", str(path)) as desktop:
        parameters = desktop.parameters | {"password": "wrong"}
        async with await GuacClient.connect(address(daemon), "vnc", parameters) as client:
            await client.wait_closed()
        ((sentence, status),) = client.state.errors
        assert status == Status.CLIENT_UNAUTHORIZED
        assert "refuses the login: 'Authentication failure'" in sentence
        assert "wrong" not in sentence


async def test_a_host_that_is_not_there(daemon: Daemon) -> None:
    parameters = {"hostname": "127.0.0.1", "port": str(free_port()), "autoretry": "1"}
    async with await GuacClient.connect(address(daemon), "vnc", parameters) as client:
        await client.wait_closed()
    ((sentence, status),) = client.state.errors
    assert status == Status.UPSTREAM_UNAVAILABLE
    assert "refuses connections" in sentence
    assert client.state.syncs == 0


async def test_a_server_that_ends(daemon: Daemon) -> None:
    async with xvnc() as desktop:
        client = await GuacClient.connect(address(daemon), "vnc", desktop.parameters)
        await client.wait(lambda: client.state.syncs, "the desktop")
    await client.wait_closed()
    await client.close()


@pytest.mark.parametrize("politely", [True, False])
async def test_it_leaves_memory(daemon: Daemon, desktop: Desktop, politely: bool) -> None:
    async with freed(daemon.registry):
        client = await GuacClient.connect(address(daemon), "vnc", desktop.parameters)
        await client.wait(lambda: client.state.syncs, "the desktop")
        client.mouse(5, 5, 1)
        await client.close(politely=politely)


@pytest.mark.parametrize("kind", ["Xvnc", "x11vnc"])
async def test_the_hosts_own_input_is_disabled_where_the_server_can(
    daemon: Daemon, desktop: Desktop, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncExitStack() as stack:
        parameters = desktop.parameters
        if kind == "x11vnc":
            parameters = await stack.enter_async_context(x11vnc(desktop))
        parameters = parameters | {"disable-server-input": "true"}
        client = await stack.enter_async_context(connected(daemon, parameters))
        for colour in ("#112233", "#332211"):
            desktop.run("xsetroot", "-solid", colour)
            await shows(client, desktop)
        assert not client.state.errors
        assert ("stay active" in caplog.text) == (kind == "Xvnc")
