"""guacamole-lite 1.2.0 in front of the daemon, as its users have it in front of guacd."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest

from guacr.access.guacamole_lite import make_guacamole_lite_token
from guacr.access.tokens import Grant
from guacr.daemon import Daemon
from guacr.session import keep_alive
from guacr.session.session import Session
from guacr.testing.daemon import local_settings
from guacr.ticker import TICK
from handlers.testcard.files import PIECE
from tests.support.node import require_package
from tests.support.require import require
from tests.support.site import Socket
from tests.support.waiting import until

KEY = "MySuperSecretKeyForParamsToken12"
SERVER = Path(__file__).with_name("server.js")
INACTIVITY = 6500
"""Milliseconds without data after which guacamole-lite gives up; it is 10,000 by default."""


MOVING = ("scrolling-text", "moving-window", "noise", "clock")
"""Parameters of the test card without which it rests."""


@dataclass(slots=True)
class Lite:
    """A running guacamole-lite with the daemon behind it."""

    daemon: Daemon
    http: aiohttp.ClientSession
    port: int

    async def open(self, grant: Grant, **query: str) -> Socket:
        """A browser's WebSocket to guacamole-lite."""
        words = urlencode({"token": make_guacamole_lite_token(KEY, grant), **query})
        url = f"http://127.0.0.1:{self.port}/?{words}"
        return Socket(await self.http.ws_connect(url, protocols=["guacamole"], max_msg_size=0))

    @property
    def session(self) -> Session:
        (session,) = self.daemon.registry.sessions.values()
        return session


@pytest.fixture
async def lite() -> AsyncIterator[Lite]:
    require_package("guacamole-lite")
    daemon = Daemon(local_settings())
    await daemon.start()
    process = await asyncio.create_subprocess_exec(
        require("node"),
        SERVER,
        str(daemon.port),
        KEY,
        str(INACTIVITY),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            port = int(await process.stdout.readline())
        async with aiohttp.ClientSession() as http:
            yield Lite(daemon, http, port)
    finally:
        process.kill()
        await process.communicate()
        await daemon.close()


def card(**parameters: str) -> Grant:
    return Grant(protocol="testcard", parameters=parameters)


async def connection_id(client: Socket) -> str:
    """Return the connection id, which guacamole-lite sends instead of `ready`."""
    return (await client.until(""))[0]


async def test_from_a_token_to_a_picture(lite: Lite) -> None:
    client = await lite.open(card(), width="800", height="600")
    assert await connection_id(client) == lite.session.id
    for _ in range(3):
        await client.send("sync", (await client.until("sync"))[0])
    assert lite.session.context.size == (800, 600)
    assert lite.session.context.owner_info.version == (1, 1, 0)
    assert client.all("error") == []
    await client.socket.close()
    await until(lambda: not lite.daemon.registry.sessions, "the end of the session")


async def test_tunnel_pings_of_the_browser_are_answered(lite: Lite) -> None:
    client = await lite.open(card())
    await client.until("sync")
    await client.send("", "ping", "1700000000000")
    while (answer := await client.until("")) != ("ping", "1700000000000"):
        assert len(answer) == 1


async def test_an_idle_session_is_kept_alive(lite: Lite, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1000 * (keep_alive.KEEP_ALIVE + TICK) < INACTIVITY
    monkeypatch.setattr(keep_alive, "KEEP_ALIVE", 0.5)
    client = await lite.open(card(**dict.fromkeys(MOVING, "false")))
    await client.until("sync")
    async with asyncio.timeout(INACTIVITY / 1000):
        await client.until("nop")


async def test_joining(lite: Lite) -> None:
    owner = await lite.open(card())
    await owner.until("sync")
    join = Grant(join=lite.session.id, parameters={"read-only": "true"})
    viewer = await lite.open(join)
    assert await connection_id(viewer) == lite.session.id
    await viewer.until("sync")
    assert [user.rights.read_only for user in lite.session.users] == [False, True]


async def test_the_end_reaches_the_browser(lite: Lite) -> None:
    client = await lite.open(card())
    await client.until("sync")
    lite.session.close()
    code, _ = await client.closed()
    assert client.received[-1].opcode == "disconnect"
    assert code in (1000, 1011)


async def test_errors_reach_the_browser(lite: Lite) -> None:
    client = await lite.open(Grant(join="$8e3a4c55-5a6e-4a8e-9d05-94d4e3c5c1a1"))
    message, status = await client.until("error")
    assert message.startswith("unknown connection")
    assert status == "516"


async def test_files_both_ways(lite: Lite) -> None:
    client = await lite.open(card(**dict.fromkeys(MOVING, "false")))
    assert await client.until("filesystem") == ("0", "Test card")
    await client.send("get", 0, "/download/1 MiB")
    _, stream, _, name = await client.until("body")
    await client.send("ack", stream, "OK", 0)
    content = b""
    while len(content) < len(PIECE) * 16:
        at, data = await client.until("blob")
        if at == stream:
            content += b64decode(data)
            await client.send("ack", stream, "OK", 0)
    assert (name, content) == ("/download/1 MiB", PIECE * 16)
    await client.send("put", 0, 0, "application/octet-stream", "/upload/a")
    for _ in range(3):
        assert await client.until("ack") == ("0", "OK", "0")
        await client.send("blob", 0, "A" * 8064)
    await client.send("end", 0)
