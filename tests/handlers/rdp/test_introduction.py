"""What servers learn of a client, byte by byte."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient, Hello
from guacr.testing.daemon import address
from handlers.rdp.worker.engines import AARDWOLF
from tests.handlers.rdp.sessions import each_engine
from tests.support.certificates import Authority
from tests.support.rdp_desktop import RdpDesktop
from tests.support.rdp_host import Introduction, RdpHost
from tests.support.scripted_host import scripted_host

TIMEOUT = 20.0
NO_WALLPAPER, NO_DRAG, NO_ANIMATIONS, NO_THEMES, SMOOTHING, COMPOSITION = 1, 2, 4, 8, 0x80, 0x100
"""Performance flags (MS-RDPBCGR 2.2.1.11.1.1.1)."""
SHOW_PROTOCOL = 0x00200000
"""The option of a channel whose server sees the headers of parts, as Windows' clipboard wants."""
SILENT, SOUND_AT_THE_HOST = 0x00080000, 0x2000
"""Flags of the logon about sound (MS-RDPBCGR 2.2.1.11.1.1)."""
TLS, NLA, NLA_EXTENDED = 1, 2, 8
"""Security protocols (MS-RDPBCGR 2.2.1.1.1)."""
ORDERS, INPUT, GLYPHS, CODECS = 3, 13, 16, 29
"""Capabilities: drawing orders, input, glyphs, and codecs of bitmaps (MS-RDPBCGR 2.2.7)."""
ORDER_LIST, CACHED_BITMAPS, GLYPH_LEVEL = 36, 3, 48
"""Offsets: of the orders, among them of that with a cached bitmap, and of the level of support."""
EVERY_INPUT = 0x01 | 0x04 | 0x10 | 0x100
"""Scancodes, buttons beyond the third, characters, and wheels from side to side."""
SESSION_VALID = 2
"""The flag of a session that is wanted (MS-RDPBCGR 2.2.1.3.5)."""


async def introduced(
    daemon: Daemon,
    authority: Authority,
    directory: Path,
    hello: Hello | None = None,
    /,
    **more: str,
) -> Introduction:
    """What a client with these parameters says, whose names have underscores."""
    host = RdpHost(authority.server_context(directory))
    values = {name.replace("_", "-"): value for name, value in more.items()}
    values |= {"security": "tls", "ignore-cert": "true"}
    async with (
        scripted_host(host.script) as parameters,
        await GuacClient.connect(
            address(daemon), "rdp", parameters | values, hello=hello
        ) as client,
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
async def test_the_screen_of_the_browser(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    hello = Hello(width=2560, height=1440, dpi=192)
    said = await introduced(daemon, authority, tmp_path, hello)
    assert said.size == (2560, 1440)
    assert said.physical_size == (339, 190)
    assert said.scales == (200, 180)
    said = await introduced(daemon, authority, tmp_path, hello, disable_scaling="true")
    assert said.size == (2560, 1440)
    assert said.scales == (100, 100)


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


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ({}, 0),
        ({"disable_audio": "true"}, SILENT),
        ({"console_audio": "true"}, SOUND_AT_THE_HOST),
    ],
)
async def test_where_sound_is_heard(
    given: dict[str, str], flags: int, daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    said = await introduced(daemon, authority, tmp_path, **given)
    assert said.flags & (SILENT | SOUND_AT_THE_HOST) == flags


@each_engine
@pytest.mark.parametrize(
    ("given", "protocols"),
    [
        ({}, TLS | NLA),
        ({"security": "nla"}, NLA),
        ({"security": "nla-ext"}, NLA | NLA_EXTENDED),
        ({"security": "tls"}, TLS),
        ({"disable-auth": "true"}, TLS),
    ],
)
async def test_security_protocols(given: dict[str, str], protocols: int, daemon: Daemon) -> None:
    requests: list[bytes] = []

    async def script(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(4)
        requests.append(await reader.readexactly(struct.unpack(">xxH", head)[0] - 4))

    async with (
        scripted_host(script) as parameters,
        await GuacClient.connect(address(daemon), "rdp", parameters | given) as client,
    ):
        await client.wait_closed(TIMEOUT)
    (kind, _, size, wanted) = struct.unpack("<BBHI", requests[0][-8:])
    assert (kind, size) == (1, 8)
    # FreeRDP names TLS together with NLA, and refuses it later
    assert wanted & ~TLS == protocols & ~TLS
    assert wanted & TLS or not protocols & TLS


async def capabilities(
    daemon: Daemon, authority: Authority, directory: Path, **more: str
) -> dict[int, bytes]:
    """What a client with these parameters is able to do."""
    host = RdpDesktop(authority.server_context(directory))
    values = {name.replace("_", "-"): value for name, value in more.items()}
    values |= {"security": "tls", "ignore-cert": "true"}
    async with (
        scripted_host(host.script) as parameters,
        await GuacClient.connect(address(daemon), "rdp", parameters | values),
        asyncio.timeout(TIMEOUT),
    ):
        return await host.confirmed


async def test_what_is_cached(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    usual = await capabilities(daemon, authority, tmp_path)
    assert usual[ORDERS][ORDER_LIST + CACHED_BITMAPS]
    assert usual[GLYPHS][GLYPH_LEVEL]
    without = await capabilities(
        daemon,
        authority,
        tmp_path,
        disable_bitmap_caching="true",
        disable_glyph_caching="true",
    )
    assert not without[ORDERS][ORDER_LIST + CACHED_BITMAPS]
    assert not without[GLYPHS][GLYPH_LEVEL]


@each_engine
async def test_input_and_codecs(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    """NSCodec and RemoteFX would lose details."""
    found = await capabilities(daemon, authority, tmp_path)
    (flags,) = struct.unpack_from("<H", found[INPUT], 4)
    assert flags & EVERY_INPUT == EVERY_INPUT
    assert CODECS not in found
