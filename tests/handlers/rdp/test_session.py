"""Sessions with real servers: pictures, sizes, pointer, joins, ends."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.rdp.worker.engines import AARDWOLF, AUTO
from tests.handlers.rdp.sessions import TIMEOUT, aardwolf, connected, each_engine, shows
from tests.handlers.vnc.test_quality import SIDE, show_photo
from tests.support.certificates import Pair
from tests.support.freed import freed
from tests.support.freerdp_shadow import ALICE, freerdp_shadow
from tests.support.ssim import ssim
from tests.support.waiting import free_port, until
from tests.support.weston import weston
from tests.support.x_display import XDisplay
from tests.support.xrdp import Xrdp
from tests.support.xvnc import Desktop

SCREEN = (
    "for i in $(seq 20); do printf '\\033[4%dmline %d \\342\\226\\210\\342\\226\\222\\n' "
    "$((i % 8)) $i; done; sleep 100"
)
MANY = 100
"""Shades that only the photo has."""


def show_something(display: XDisplay) -> None:
    display.run("xsetroot", "-solid", "#2e5c8a")
    display.start("xterm", "-geometry", "80x24+30+40", "-e", "sh", "-c", SCREEN)


@each_engine
@pytest.mark.parametrize("security", ["rdp", "tls", "nla"])
async def test_the_shadow_servers_picture_is_exact(
    security: str, daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    show_something(desktop)
    async with (
        freerdp_shadow(desktop, security, pair, tmp_path) as parameters,
        connected(daemon, parameters | ALICE.parameters, security=security) as client,
    ):
        client.mouse(1, 1)
        await shows(client, desktop)
        desktop.run("xsetroot", "-solid", "#8a2e5c")
        await shows(client, desktop)


@pytest.mark.parametrize(("given", "used"), [({}, True), ({"disable_gfx": "true"}, False)])
async def test_the_graphics_pipeline_is_used(
    given: dict[str, str],
    used: bool,
    daemon: Daemon,
    desktop: Desktop,
    pair: Pair,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    show_something(desktop)
    async with (
        freerdp_shadow(desktop, "tls", pair, tmp_path) as parameters,
        connected(daemon, parameters, **given) as client,
    ):
        client.mouse(1, 1)
        await shows(client, desktop)
    assert ("channel Microsoft::Windows::RDS::Graphics is open" in caplog.text) == used


@pytest.mark.parametrize(
    ("engine", "port", "depth"),
    [
        (AUTO, "Xorg", ""),
        (AUTO, "Xorg", "24"),
        (AUTO, "Xvnc", ""),
        (AUTO, "Xvnc", "24"),
        (AUTO, "rdp", ""),  # with RDP's own encryption
        pytest.param(AARDWOLF, "Xorg", "", marks=aardwolf),
        pytest.param(AARDWOLF, "Xvnc", "", marks=aardwolf),
        pytest.param(AARDWOLF, "rdp", "", marks=aardwolf),
    ],
)
async def test_the_picture_of_xrdp_is_exact(
    port: str, depth: str, daemon: Daemon, xrdp: Xrdp
) -> None:
    async with connected(daemon, xrdp.parameters(port), color_depth=depth) as client:
        display = await xrdp.display()
        show_something(display)
        client.mouse(1, 1)
        await shows(client, display)
        display.run("xsetroot", "-solid", "#8a2e5c")
        await shows(client, display)


@each_engine
@pytest.mark.parametrize(("depth", "most"), [("8", 50), ("15", 7), ("16", 7)])
async def test_fewer_colours(depth: str, most: int, daemon: Daemon, xrdp: Xrdp) -> None:
    """Each is nearly the same: `most` is the difference that rounding to fewer bits makes."""
    async with connected(daemon, xrdp.parameters(), color_depth=depth) as client:
        display = await xrdp.display()
        show_something(display)
        client.mouse(1, 1)

        def is_alike() -> bool:
            picture, shown = display.picture(), client.canvas.flatten()
            return int(np.abs(picture.astype(int) - shown).max()) <= most

        await until(is_alike, "nearly the same picture", timeout=TIMEOUT)


async def test_users_choose_the_quality(
    daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    async with freerdp_shadow(desktop, "tls", pair, tmp_path) as parameters:
        async with connected(daemon, parameters) as client:
            assert client.state.argv["picture-quality"] == ""
            client.argv("picture-quality", "low")
            await client.wait(lambda: client.state.argv["picture-quality"] == "low", "the value")
        async with connected(daemon, parameters, force_lossless="true") as client:
            assert "picture-quality" not in client.state.argv
            client.argv("picture-quality", "low")
            acks = client.state.acks
            await client.wait(lambda: acks and acks[-1][2], "a refusal")
            _, sentence, status = acks[-1]
            assert "force-lossless is set" in sentence
            assert status == Status.CLIENT_FORBIDDEN


async def test_losses_are_made_up_for(
    daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    """What is sent first is much like the picture, and what rests is exact."""
    async with (
        freerdp_shadow(desktop, "tls", pair, tmp_path) as parameters,
        connected(daemon, parameters, picture_quality="low") as client,
    ):
        client.mouse(1, 1)
        await shows(client, desktop)
        seen: list[float] = []

        def compare() -> bool:
            picture, shown = desktop.picture(), client.canvas.flatten()
            if len(np.unique(shown[:SIDE, :SIDE, 1])) > MANY:
                seen.append(ssim(picture, shown))
            return bool(seen) and bool((picture == shown).all())

        show_photo(desktop, tmp_path)
        await until(compare, "the photo", timeout=TIMEOUT)
    assert 0.85 < seen[0] < 1


async def test_a_second_viewer_sees_the_same(daemon: Daemon, xrdp: Xrdp) -> None:
    async with connected(daemon, xrdp.parameters()) as client:
        display = await xrdp.display()
        show_something(display)
        await shows(client, display)
        async with await GuacClient.connect(address(daemon), client.state.ready, {}) as second:
            await shows(second, display)
            display.run("xsetroot", "-solid", "#8a2e5c")
            await shows(second, display)


@each_engine
@pytest.mark.parametrize("method", ["display-update", "reconnect"])
async def test_the_desktop_takes_the_size_of_the_window(
    method: str, daemon: Daemon, xrdp: Xrdp
) -> None:
    async with connected(daemon, xrdp.parameters(), resize_method=method) as client:
        display = await xrdp.display()
        assert display.picture().shape == (768, 1024, 3)
        show_something(display)
        await shows(client, display)
        client.size(900, 500)
        await until(lambda: display.picture().shape == (500, 900, 3), "another size", timeout=20)
        await shows(client, display)


@each_engine
@pytest.mark.parametrize("method", ["display-update", "reconnect"])
async def test_a_storm_of_sizes(method: str, daemon: Daemon, xrdp: Xrdp) -> None:
    """The last one counts, whatever comes before and between."""
    async with connected(daemon, xrdp.parameters(), resize_method=method) as client:
        display = await xrdp.display()
        show_something(display)
        for number in range(60):
            client.size(400 + number * 7919 % 900, 300 + number * 104729 % 600)
            client.mouse(number, number, number % 2)
            if number % 20 == 0:
                await client.frame()
        client.size(901, 501)
        await until(lambda: display.picture().shape == (501, 900, 3), "another size", timeout=20)
        await shows(client, display)


async def test_the_window_may_be_left_alone(daemon: Daemon, xrdp: Xrdp) -> None:
    async with connected(daemon, xrdp.parameters(), width="800", height="600") as client:
        display = await xrdp.display()
        client.size(900, 500)
        client.mouse(10, 10)
        await shows(client, display)
        assert display.picture().shape == (600, 800, 3)


@each_engine
async def test_the_pointer_reaches_the_desktop(daemon: Daemon, xrdp: Xrdp) -> None:
    async with connected(daemon, xrdp.parameters()) as client:
        display = await xrdp.display()
        command = ("stdbuf", "-oL", "xev", "-geometry", "400x300+0+0")
        xev = display.start(*command, stdout=subprocess.PIPE)
        seen = bytearray()
        reading = asyncio.create_task(asyncio.to_thread(_read, xev, seen))
        await until(lambda: b"Expose" in seen, "the window")
        client.mouse(100, 120, 0)
        await until(lambda: b"root:(100,120)" in seen, "the pointer")
        buttons = (
            (1, b"1"),
            (2, b"2"),
            (4, b"3"),
            (8, b"4"),
            (16, b"5"),
            (32, b"6"),
            (64, b"7"),
            (128, b"8"),
            (256, b"9"),
        )
        for button, number in buttons:
            client.click(100, 120, button)
            await until(partial(seen.__contains__, b"button " + number), "a button")
        xev.kill()
        await reading


async def test_a_host_that_refuses_connections(daemon: Daemon) -> None:
    parameters = {"hostname": "127.0.0.1", "port": str(free_port())}
    async with await GuacClient.connect(address(daemon), "rdp", parameters) as client:
        await client.wait_closed()
        ((sentence, status),) = client.state.errors
        assert status == Status.UPSTREAM_UNAVAILABLE
        assert "refuses connections to port" in sentence


@each_engine
async def test_a_server_that_ends(
    daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    async with freerdp_shadow(desktop, "tls", pair, tmp_path) as parameters:
        opened = connected(daemon, parameters, security="tls")
        client = await opened.__aenter__()
    await client.wait_closed()
    ((sentence, status),) = client.state.errors
    assert status == Status.UPSTREAM_ERROR
    assert "has closed the connection" in sentence
    await opened.__aexit__(None, None, None)


@each_engine
async def test_a_server_that_comes_back(
    daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    port = free_port()
    first, second = tmp_path / "first", tmp_path / "second"
    for directory in (first, second):
        directory.mkdir()
    show_something(desktop)
    async with freerdp_shadow(desktop, "tls", pair, first, port=port) as parameters:
        opened = connected(daemon, parameters, security="tls", autoretry="60")
        client = await opened.__aenter__()
    desktop.run("xsetroot", "-solid", "#8a2e5c")
    async with freerdp_shadow(desktop, "tls", pair, second, port=port):
        client.mouse(1, 1)
        await shows(client, desktop)
    await opened.__aexit__(None, None, None)


async def test_an_ended_session_leaves_memory(
    daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    async with (
        freerdp_shadow(desktop, "tls", pair, tmp_path) as parameters,
        freed(daemon.registry),
        connected(daemon, parameters, security="tls") as client,
    ):
        client.mouse(3, 4, 1)
        client.size(700, 500)
        await client.frame()


def _read(process: subprocess.Popen[bytes], into: bytearray) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            into += line


@each_engine
async def test_westons_picture_is_exact(engine: str, daemon: Daemon, pair: Pair) -> None:
    """It sends surfaces instead of bitmaps. Its pointer is a part of the picture, near the top."""
    picture = np.random.default_rng(1).integers(0, 255, (300, 400, 3), np.uint8)
    async with (
        weston(picture, pair) as parameters,
        connected(daemon, parameters, security="tls", width="400", height="300") as client,
    ):
        await client.wait(
            lambda: bool((client.canvas.flatten()[150:] == picture[150:]).all()),
            "the picture",
            TIMEOUT,
        )
