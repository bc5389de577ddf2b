"""wayvnc, a server for Wayland."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator

import numpy as np
import pytest
from numpy.typing import NDArray

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.vnc import handler
from tests.handlers.vnc.test_security import refusal
from tests.handlers.vnc.test_session import connected
from tests.support.certificates import Authority
from tests.support.waiting import until
from tests.support.wayvnc import OUTPUT, SIZE, WaylandDesktop, wayland_desktop, wayvnc

TEXT = "Grüße, мир, 世界 🐧\nzweite Zeile"


def photo() -> NDArray[np.uint8]:
    """A picture of many colours."""
    x, y = np.meshgrid(*(np.arange(side) for side in SIZE))
    return np.stack([x * x // 90 + y, x + y * y // 70, x * y // 300], axis=-1).astype(np.uint8)


@pytest.fixture
async def desktop() -> AsyncIterator[WaylandDesktop]:
    async with wayland_desktop(photo()) as running:
        yield running


async def shows(client: GuacClient, desktop: WaylandDesktop) -> None:
    """Until the client shows exactly what the desktop does."""

    def same() -> bool:
        picture, shown = desktop.picture(), client.canvas.flatten()
        return picture.shape == shown.shape and bool((picture == shown).all())

    async with asyncio.timeout(20):
        while not same():  # noqa: ASYNC110 - the desktop does not tell
            await asyncio.sleep(0.1)


async def recolour(desktop: WaylandDesktop, colour: str) -> None:
    desktop.run("swaymsg", "output", OUTPUT, "bg", colour, "solid_color")
    wanted = list(bytes.fromhex(colour[1:]))
    await until(lambda: desktop.picture()[99, 99].tolist() == wanted, "the colour")


@pytest.mark.parametrize("encoding", ["raw", "tight", "zrle"])
async def test_the_picture_is_exact(daemon: Daemon, desktop: WaylandDesktop, encoding: str) -> None:
    async with (
        wayvnc(desktop) as parameters,
        connected(daemon, parameters | {"encodings": encoding, "force-lossless": "true"}) as client,
    ):
        await shows(client, desktop)
        await recolour(desktop, "#8a2e5c")
        await shows(client, desktop)


async def test_jpeg_becomes_exact_at_rest(daemon: Daemon, desktop: WaylandDesktop) -> None:
    async with wayvnc(desktop) as parameters, connected(daemon, parameters) as client:
        await shows(client, desktop)
        assert any("image/jpeg" in received.args for received in client.history)


async def test_the_outputs_size(daemon: Daemon, desktop: WaylandDesktop) -> None:
    async with wayvnc(desktop) as parameters, connected(daemon, parameters) as client:
        client.size(900, 500)
        desktop.run("swaymsg", "output", OUTPUT, "resolution", "710x410")
        await client.wait(lambda: client.canvas.size == (710, 410), "the size")
        await shows(client, desktop)
        assert not client.state.errors


async def test_keys_and_pointer(daemon: Daemon, desktop: WaylandDesktop) -> None:
    async with (
        desktop.running("stdbuf", "-oL", "wev") as wev,
        wayvnc(desktop) as parameters,
        connected(daemon, parameters) as client,
    ):
        assert wev.stdout is not None
        seen = bytearray()
        reading = asyncio.create_task(asyncio.to_thread(_read, wev, seen))
        await until(lambda: b"wl_keyboard" in seen or b"enter" in seen, "the window")
        client.mouse(300, 200, 0)
        client.mouse(300, 200, 1)
        client.mouse(300, 200, 0)
        client.key(ord("A"))
        await until(lambda: b"sym: A" in seen, "the key")
        await until(lambda: b"button: 272 (left)" in seen, "the button")
        assert b"x, y: 300.000000, 200.000000" in seen
        wev.terminate()
        await reading


def _read(process: subprocess.Popen[bytes], seen: bytearray) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        seen.extend(line)


async def test_the_clipboard(daemon: Daemon, desktop: WaylandDesktop) -> None:
    """Before 0.8 it has no extended clipboard, but its texts are UTF-8."""
    more = {"clipboard-encoding": "UTF-8"}
    async with wayvnc(desktop) as parameters, connected(daemon, parameters | more) as client:
        client.clipboard(TEXT)
        await until(lambda: pasted(desktop) == TEXT, "the user's text")
        async with desktop.running("wl-copy", "--foreground", TEXT[::-1]):
            await client.wait(lambda: client.state.clipboards, "the desktop's text")
        assert client.state.clipboards == [("text/plain", TEXT[::-1].encode())]


def pasted(desktop: WaylandDesktop) -> str:
    try:
        return desktop.run("wl-paste", "--no-newline").decode()
    except subprocess.CalledProcessError:  # nothing has been copied
        return ""


async def test_a_server_that_restarts(
    daemon: Daemon, desktop: WaylandDesktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "RETRY_PAUSE", 0.05)
    async with wayvnc(desktop) as parameters:
        client = await GuacClient.connect(address(daemon), "vnc", parameters | {"autoretry": "100"})
        await client.wait(lambda: client.state.syncs, "the desktop")
    async with client:
        await client.wait(lambda: 1 in client.canvas.layers, "a notice")
        async with wayvnc(desktop, port=int(parameters["port"])):
            await client.wait(lambda: 1 not in client.canvas.layers, "no notice")
            await shows(client, desktop)
        assert not client.state.errors


async def test_a_login_with_a_certificate(daemon: Daemon, desktop: WaylandDesktop) -> None:
    authority = Authority()
    pair = authority.issue("server")
    certificate = desktop.write("certificate.pem", pair.certificate.encode())
    key = desktop.write("key.pem", pair.key.encode())
    config = (
        f"enable_auth=true\nusername=ann\npassword=secret12\ncertificate_file={certificate}\n"
        f"private_key_file={key}\n"
    )
    async with wayvnc(desktop, config) as parameters:
        right = {"ca-cert": authority.certificate, "username": "ann", "password": "secret12"}
        async with connected(daemon, parameters | right) as client:
            await shows(client, desktop)
        sentence, status = await refusal(daemon, parameters | right | {"password": "wrong"})
    assert sentence.startswith("the VNC server refuses the login; check the password")
    assert status == Status.CLIENT_UNAUTHORIZED
