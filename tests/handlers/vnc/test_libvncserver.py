"""A server of libvncserver, whose messages and sizes are its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.vnc import handler
from tests.handlers.vnc.test_session import connected
from tests.support.libvncserver import SIZE, LibVncServer, compiled, libvncserver
from tests.support.waiting import until

TEXT = "Grüße, мир, 世界"
FIXED = {"disable-display-resize": "true"}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("libvncserver"))


@pytest.fixture
async def server(program: Path, tmp_path: Path) -> AsyncIterator[LibVncServer]:
    async with libvncserver(program, tmp_path) as running:
        yield running


async def shows(client: GuacClient, server: LibVncServer) -> None:
    """Until the client shows exactly what is in the server's framebuffer."""

    def same() -> bool:
        picture, shown = server.picture(), client.canvas.flatten()
        return picture.shape == shown.shape and bool((picture == shown).all())

    await client.wait(same, "the server's picture", timeout=20)


async def recolours(client: GuacClient, server: LibVncServer, red: int) -> None:
    """Fill the desktop with a colour, until the client shows it."""
    server.tell(f"fill 1020{red:02x}")
    await client.wait(lambda: client.canvas.flatten()[9, 9, 0] == red, "the colour")


@pytest.mark.parametrize(
    "encoding", ["raw", "rre", "corre", "hextile", "zlib", "tight", "tightpng", "zrle"]
)
async def test_the_picture_is_exact(daemon: Daemon, server: LibVncServer, encoding: str) -> None:
    more = FIXED | {"encodings": encoding, "force-lossless": "true"}
    async with connected(daemon, server.parameters | more) as client:
        await shows(client, server)
        await recolours(client, server, 0x30)
        await shows(client, server)


async def test_jpeg_becomes_exact_at_rest(daemon: Daemon, server: LibVncServer) -> None:
    async with connected(daemon, server.parameters | FIXED) as client:
        await shows(client, server)
        assert any("image/jpeg" in received.args for received in client.history)


async def test_keys_pointer_and_clipboard(daemon: Daemon, server: LibVncServer) -> None:
    async with connected(daemon, server.parameters | FIXED) as client:
        client.key(ord("ü"), True)
        client.key(ord("ü"), False)
        client.mouse(100, 120, 1)
        client.mouse(101, 121, 0)
        client.clipboard(TEXT)
        wanted = ("key fc 1", "key fc 0", "pointer 100 120 1", "pointer 101 121 0", f"text {TEXT}")
        await until(lambda: set(wanted) <= set(server.lines), "the input")
        server.tell(f"copy {TEXT[::-1]}")
        await client.wait(lambda: client.state.clipboards, "the server's text")
        assert client.state.clipboards == [("text/plain", TEXT[::-1].encode())]


async def test_the_desktop_takes_the_size_of_the_window(
    daemon: Daemon, server: LibVncServer
) -> None:
    async with connected(daemon, server.parameters) as client:
        await until(lambda: server.size == (1024, 768), "the client's own size")
        client.size(903, 500)
        await client.wait(lambda: client.canvas.size == (903, 500), "another size")
        await shows(client, server)
        server.tell("resize 700 401")
        await client.wait(lambda: client.canvas.size == (700, 401), "the server's size")
        await shows(client, server)


async def test_a_refusal_is_not_repeated(daemon: Daemon, server: LibVncServer) -> None:
    server.tell("refuse")
    async with connected(daemon, server.parameters) as client:
        await until(lambda: "requested 1024 768" in server.lines, "the request")
        client.size(903, 500)
        await recolours(client, server, 0x30)
        await shows(client, server)
        assert server.size == SIZE
        assert [line for line in server.lines if line.startswith("req")] == ["requested 1024 768"]


async def test_chats_and_files_do_no_harm(daemon: Daemon, server: LibVncServer) -> None:
    async with connected(daemon, server.parameters | FIXED) as client:
        for number in range(3):
            server.tell(f"chat {'x' * 900}")
            server.tell("bell")
            await recolours(client, server, number)
        await shows(client, server)
        assert not client.state.errors


async def test_a_server_that_is_killed_and_restarts(
    daemon: Daemon, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "RETRY_PAUSE", 0.05)
    async with libvncserver(program, tmp_path) as first:
        more = FIXED | {"autoretry": "100"}
        client = await GuacClient.connect(address(daemon), "vnc", first.parameters | more)
        await shows(client, first)
    async with client, libvncserver(program, tmp_path, port=first.port) as again:
        again.tell("resize 500 300")
        await client.wait(lambda: client.canvas.size == (500, 300), "the other desktop")
        await client.wait(lambda: 1 not in client.canvas.layers, "no notice")
        await shows(client, again)
        assert not client.state.errors


async def test_a_wrong_password(daemon: Daemon, program: Path, tmp_path: Path) -> None:
    async with libvncserver(program, tmp_path, "-passwd", "secret12") as server:
        right, wrong = (
            server.parameters | FIXED | {"password": password} for password in ("secret12", "no")
        )
        async with connected(daemon, right) as client:
            await shows(client, server)
        async with await GuacClient.connect(address(daemon), "vnc", wrong) as client:
            await client.wait_closed()
    ((sentence, status),) = client.state.errors
    assert status == Status.CLIENT_UNAUTHORIZED
    assert "refuses the login" in sentence
