"""What servers learn of a client, byte by byte."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.rdp.worker.engines import AARDWOLF
from tests.handlers.rdp.sessions import each_engine
from tests.support.certificates import Authority
from tests.support.rdp_host import Introduction, RdpHost
from tests.support.scripted_host import scripted_host

TIMEOUT = 20.0
NO_WALLPAPER, NO_DRAG, NO_ANIMATIONS, NO_THEMES, SMOOTHING, COMPOSITION = 1, 2, 4, 8, 0x80, 0x100
"""Performance flags (MS-RDPBCGR 2.2.1.11.1.1.1)."""
SHOW_PROTOCOL = 0x00200000
"""The option of a channel whose server sees the headers of parts, as Windows' clipboard wants."""
SESSION_VALID = 2
"""The flag of a session that is wanted (MS-RDPBCGR 2.2.1.3.5)."""


async def introduced(
    daemon: Daemon, authority: Authority, directory: Path, **more: str
) -> Introduction:
    """What a client with these parameters says, whose names have underscores."""
    host = RdpHost(authority.server_context(directory))
    values = {name.replace("_", "-"): value for name, value in more.items()}
    values |= {"security": "tls", "ignore-cert": "true"}
    async with (
        scripted_host(host.script) as parameters,
        await GuacClient.connect(address(daemon), "rdp", parameters | values) as client,
        asyncio.timeout(TIMEOUT),
    ):
        said = await host.introduced
        await client.wait_closed()
    return said


@each_engine
async def test_defaults(engine: str, daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    said = await introduced(daemon, authority, tmp_path)
    assert said.preconnection == b""
    assert b"\r\n" not in said.request
    assert said.client_name == "Guacamole RDP"
    assert said.size == (1024, 768)
    assert said.scales == (100, 100)
    assert not said.session[0] & SESSION_VALID
    assert said.texts[3] == ""
    assert said.performance == NO_WALLPAPER | NO_DRAG | NO_ANIMATIONS | NO_THEMES
    assert said.zone[0] == (-60 if engine == AARDWOLF else 0)  # FreeRDP 2 sends the daemon's
    assert said.channels["cliprdr"] & SHOW_PROTOCOL


@each_engine
async def test_what_precedes_the_connection(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    said = await introduced(
        daemon,
        authority,
        tmp_path,
        preconnection_id="70000",
        preconnection_blob="7c4b9ac4-é",
        load_balance_info="tsv://MS Terminal Services Plugin.1.Farm",
    )
    size, flags, version, number, count = struct.unpack_from("<IIIIH", said.preconnection)
    text = said.preconnection[18:].decode("utf-16-le")
    assert (size, flags, version, number) == (len(said.preconnection), 0, 2, 70000)
    assert len(text) == count
    assert text.rstrip("\0") == "7c4b9ac4-é"
    assert said.request[7:].startswith(b"tsv://MS Terminal Services Plugin.1.Farm\r\n")


@each_engine
async def test_a_number_precedes_the_connection(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    said = await introduced(daemon, authority, tmp_path, preconnection_id="0")
    assert said.preconnection[12:16] == bytes(4)


@each_engine
async def test_the_client_and_its_screen(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    said = await introduced(
        daemon,
        authority,
        tmp_path,
        client_name="désk-12",
        width="1921",
        height="1080",
        dpi="144",
        console="true",
    )
    assert said.client_name == "désk-12"
    assert said.size == (1920, 1080)
    assert said.physical_size == (339, 190)
    assert said.scales == (150, 140)
    assert said.session == (said.session[0] | SESSION_VALID, 0)


@each_engine
async def test_monitors(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    one = await introduced(daemon, authority, tmp_path)
    assert not one.monitors
    assert not one.monitor_attributes
    said = await introduced(
        daemon, authority, tmp_path, width="3001", height="900", dpi="144", monitors="3"
    )
    assert said.size == (3000, 900)
    assert said.monitors == [
        (0, 0, 999, 899, 1), (1000, 0, 1999, 899, 0), (2000, 0, 2999, 899, 0)
    ]  # fmt: skip
    assert said.monitor_attributes == [(176, 159, 0, 150, 140)] * 3


@each_engine
async def test_a_long_name_is_cut(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    said = await introduced(daemon, authority, tmp_path, client_name="a-long-name-of-a-client")
    assert said.client_name == "a-long-name-of-"


@each_engine
async def test_the_session(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    said = await introduced(
        daemon,
        authority,
        tmp_path,
        username="CORP\\ann",
        password="sesame",
        initial_program="C:\\Tools\\run.exe /é",
        enable_wallpaper="true",
        enable_theming="true",
        enable_font_smoothing="true",
        enable_full_window_drag="true",
        enable_desktop_composition="true",
        enable_menu_animations="true",
    )
    assert said.texts == ["CORP", "ann", "sesame", "C:\\Tools\\run.exe /é", ""]
    assert said.performance == SMOOTHING | COMPOSITION
