"""Several monitors: those of xrdp, and what hosts that can be resized are asked for."""

from __future__ import annotations

import asyncio
import re
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from tests.handlers.rdp.sessions import connected, each_engine, shows
from tests.handlers.rdp.test_session import show_something
from tests.support.certificates import Authority
from tests.support.rdp_desktop import RdpDesktop
from tests.support.scripted_host import scripted_host
from tests.support.waiting import until
from tests.support.x_display import XDisplay
from tests.support.xrdp import Xrdp

NAME = "Microsoft::Windows::RDS::DisplayControl"
TIMEOUT = 20.0
PAUSE = 0.5
"""Seconds between two requests."""


def monitors(display: XDisplay) -> list[str]:
    """The places of a display's monitors: width, height, left and top."""
    listed = display.run("xrandr", "--listmonitors").decode()
    return [
        "{}x{}+{}+{}".format(*found)
        for found in re.findall(r" (\d+)/\d+x(\d+)/\d+\+(\d+)\+(\d+)", listed)
    ]


async def test_xrdp_has_two(daemon: Daemon, xrdp: Xrdp) -> None:
    async with connected(
        daemon, xrdp.parameters(), monitors="2", resize_method="reconnect"
    ) as client:
        display = await xrdp.display()
        await until(lambda: len(monitors(display)) == 2, "monitors")
        assert monitors(display) == ["512x768+0+0", "512x768+512+0"]
        show_something(display)
        await shows(client, display)
        client.size(1301, 500)
        await until(lambda: display.picture().shape[:2] == (500, 1300), "another size", timeout=20)
        await until(lambda: monitors(display) == ["650x500+0+0", "650x500+650+0"], "other monitors")
        await shows(client, display)


def capabilities(most: int, area: int) -> bytes:
    """What a host can show."""
    return struct.pack("<IIIII", 5, 20, most, area, 1000)


async def asked(host: RdpDesktop) -> list[tuple[int, ...]]:
    """Flags, left, top, width, height, size in millimetres, orientation and scale factors of each
    monitor that a client asks for."""
    message = await host.heard.get()
    kind, length, size, count = struct.unpack_from("<IIII", message)
    assert (kind, length, size) == (2, len(message), 40)
    found = list(struct.iter_unpack("<IiiIIIIIII", message[16:]))
    assert len(found) == count
    return found


@asynccontextmanager
async def resizable(
    daemon: Daemon, authority: Authority, directory: Path, most: int, area: int, **more: str
) -> AsyncIterator[tuple[RdpDesktop, GuacClient]]:
    """A host that can be resized, and a client that shows its three monitors."""
    host = RdpDesktop(authority.server_context(directory))
    values = {"security": "tls", "monitors": "3", "resize-method": "display-update"}
    async with (
        scripted_host(host.script) as parameters,
        connected(daemon, parameters | values, **({"disable_scaling": "true"} | more)) as client,
        asyncio.timeout(TIMEOUT),
    ):
        assert await host.open(NAME) == 0
        host.say(capabilities(most, area))
        await host.paint()
        yield host, client


async def test_a_host_is_asked_for_several(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    async with resizable(daemon, authority, tmp_path, 16, 10_000) as (host, client):
        client.size(1210, 600)
        assert [one[:5] for one in await asked(host)] == [
            (1, 0, 0, 402, 600), (0, 402, 0, 402, 600), (0, 804, 0, 402, 600)
        ]  # fmt: skip


async def test_a_host_that_accepts_fewer(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    async with resizable(daemon, authority, tmp_path, 2, 10_000) as (host, _):
        # the desktop has 3 * 340 pixels, and the window 1024
        assert [one[1:5] for one in await asked(host)] == [(0, 0, 512, 768), (512, 0, 512, 768)]


async def test_a_host_is_not_asked_for_more_than_it_accepts(
    daemon: Daemon, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with resizable(daemon, authority, tmp_path, 16, 60) as (host, client):
        client.size(1200, 801)  # 961,200 pixels of 960,000
        await until(lambda: "no desktop of 1200 by 801 pixels" in caplog.text, "the remark")
        client.size(1200, 800)
        assert {one[4] for one in await asked(host)} == {800}


@each_engine
async def test_text_keeps_its_size(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    """Windows takes it back to the smallest unless each request says it again."""
    scaled = {"disable_scaling": "", "dpi": "192"}
    async with resizable(daemon, authority, tmp_path, 16, 10_000, **scaled) as (host, client):
        client.size(1200, 600)
        assert [one[5:] for one in await asked(host)] == [(53, 79, 0, 200, 180)] * 3


@each_engine
async def test_a_size_to_which_a_window_returns(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    """It is requested, although the host still has it."""
    async with resizable(daemon, authority, tmp_path, 16, 10_000, monitors="1") as (host, client):
        client.size(1200, 600)
        assert (await asked(host))[0][3:5] == (1200, 600)
        client.size(1024, 768)
        assert (await asked(host))[0][3:5] == (1024, 768)


@each_engine
async def test_a_storm_of_sizes(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    """A host is asked for the last one, and at most twice a second."""
    async with resizable(daemon, authority, tmp_path, 16, 10_000, monitors="1") as (host, client):
        begun, count = time.monotonic(), 0
        for width in range(1100, 1500, 2):
            client.size(width, 600)
        while (await asked(host))[0][3] < 1498:
            count += 1
        assert count <= (time.monotonic() - begun) / PAUSE + 1
