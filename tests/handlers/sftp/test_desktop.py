"""Files beside a desktop: a VNC server and an SSH server, both real."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address, running_daemon
from handlers.sftp import desktop as desktop_files
from handlers.vnc import VncHandler
from tests.support.file_desk import BINARY, file_system, get, send
from tests.support.freed import freed
from tests.support.openssh import OpenSsh
from tests.support.tcp_proxy import tcp_proxy
from tests.support.waiting import free_port, until
from tests.support.xvnc import Desktop, xvnc


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    async with running_daemon(VncHandler) as running:
        yield running


@pytest.fixture
async def desktop() -> AsyncIterator[Desktop]:
    async with xvnc(size=(400, 300)) as running:
        yield running


@pytest.fixture
def parameters(desktop: Desktop, server: OpenSsh, key: str, folder: Path) -> dict[str, str]:
    """Those of the desktop, and of files on the same host."""
    return desktop.parameters | {
        "enable-sftp": "true",
        "sftp-port": str(server.port),
        "sftp-username": server.user,
        "sftp-private-key": key,
        "sftp-host-key": server.host_key(),
        "sftp-root-directory": str(folder.parent),
        "sftp-directory": str(folder),
    }


@asynccontextmanager
async def connected(daemon: Daemon, parameters: dict[str, str]) -> AsyncIterator[GuacClient]:
    async with await GuacClient.connect(address(daemon), "vnc", parameters) as client:
        await client.frame()
        yield client


async def still_answers(client: GuacClient) -> None:
    """Check that the desktop goes on."""
    client.size(500, 400)
    await client.wait(lambda: client.canvas.size == (500, 400), "a resized desktop")
    assert not client.state.errors


def notice(daemon: Daemon) -> str:
    """The notice about files above the desktop of the only session."""
    (session,) = daemon.registry.sessions.values()
    assert isinstance(session.handler, VncHandler)
    return session.handler._files._notice.text


async def test_files_go_both_ways_beside_a_desktop(
    daemon: Daemon, parameters: dict[str, str], folder: Path
) -> None:
    (folder / "file").write_bytes(b"content")
    async with connected(daemon, parameters) as client:
        index, name = await file_system(client)
        assert name == str(folder.parent)
        _, listing = await get(client, index, f"/{folder.name}")
        assert json.loads(listing) == {f"/{folder.name}/file": BINARY}
        assert await get(client, index, f"/{folder.name}/file") == (BINARY, b"content")
        await send(client, "put", index, BINARY, f"/{folder.name}/put", data=b"1")
        await send(client, "file", BINARY, "dropped", data=b"2")
        await until(lambda: (folder / "put").read_bytes() == b"1", "an upload")
        await until(lambda: (folder / "dropped").read_bytes() == b"2", "a dropped file")


async def test_without_the_parameter_there_are_no_files(
    daemon: Daemon, parameters: dict[str, str]
) -> None:
    async with connected(daemon, parameters | {"enable-sftp": "false"}) as client:
        sentence, status = await send(client, "file", BINARY, "dropped", data=b"2")
        assert "parameter enable-sftp" in sentence
        assert status == Status.UNSUPPORTED


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sftp-private-key": "", "sftp-password": "secret"}, "rejects the password of user"),
        ({"sftp-private-key": ""}, "asks 'Password: ', and nobody is asked beside a desktop"),
        ({"sftp-private-key": "secret"}, "parameter sftp-private-key contains no private key"),
        ({"sftp-host-key": "ssh-ed25519 secret"}, "parameter sftp-host-key has no key"),
        ({"sftp-port": "1"}, "refuses connections to port 1"),
        ({"sftp-username": ""}, "parameter sftp-username is empty"),
        ({"sftp-root-directory": "/none"}, "sftp-root-directory"),
    ],
)
async def test_a_desktop_without_its_files_goes_on_and_says_why(
    daemon: Daemon,
    parameters: dict[str, str],
    changes: dict[str, str],
    sentence: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(desktop_files, "NOTICE_TIME", 0.2)
    async with connected(daemon, parameters | changes) as client:
        await until(lambda: sentence in notice(daemon), f"a notice: {sentence}")
        told = notice(daemon)
        assert told.startswith("The files of the host are not available: ")
        assert "'secret'" not in told
        assert f"files are not available: {told[41:-1]}" in caplog.text
        await until(lambda: not notice(daemon), "the end of the notice")
        await still_answers(client)


async def test_files_are_not_asked_for_before_there_is_a_desktop(
    daemon: Daemon, parameters: dict[str, str]
) -> None:
    connections = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    port = str(server.sockets[0].getsockname()[1])
    values = parameters | {"port": str(free_port()), "sftp-port": port, "autoretry": "1"}
    async with await GuacClient.connect(address(daemon), "vnc", values) as client:
        await client.wait_closed()
    server.close()
    await server.wait_closed()
    assert not connections


async def test_another_host_key_is_refused(
    daemon: Daemon, parameters: dict[str, str], server: OpenSsh
) -> None:
    server.keygen("-t", "ed25519", "-f", "other_host", "-N", "")
    other = " ".join(server.file("other_host.pub").read_text().split()[:2])
    async with connected(daemon, parameters | {"sftp-host-key": other}):
        await until(lambda: "not the one expected by parameter sftp-host-key" in notice(daemon), "")


async def test_the_passphrase_is_a_parameter(
    daemon: Daemon, parameters: dict[str, str], server: OpenSsh
) -> None:
    encrypted = server.make_key("-t", "ed25519", "-a", "4", passphrase="open sesame")
    values = parameters | {"sftp-private-key": encrypted}
    async with connected(daemon, values):
        await until(lambda: "sftp-passphrase: the private key is encrypted" in notice(daemon), "")
    async with connected(daemon, values | {"sftp-passphrase": "open sesame"}) as client:
        await file_system(client)


async def test_a_lost_connection_is_made_again_by_the_next_use(
    daemon: Daemon, parameters: dict[str, str], server: OpenSsh, folder: Path
) -> None:
    (folder / "file").write_bytes(b"content")
    async with (
        tcp_proxy(server.host, server.port) as (proxy, port),
        connected(daemon, parameters | {"sftp-port": str(port)}) as client,
    ):
        index, _ = await file_system(client)
        proxy.reset()
        path = f"/{folder.name}/file"
        answer = await get(client, index, path)
        if answer[0] != BINARY:  # the reset arrived during the request
            answer = await get(client, index, path)
        assert answer == (BINARY, b"content")
    async with connected(daemon, parameters | {"sftp-port": str(port)}) as client:
        await until(lambda: "refuses connections" in notice(daemon), "a notice")
        sentence, _ = await send(client, "file", BINARY, "dropped", data=b"2")
        assert "refuses connections" in sentence
        await still_answers(client)


async def test_a_desktop_with_files_is_freed(daemon: Daemon, parameters: dict[str, str]) -> None:
    async with freed(daemon.registry):
        client = await GuacClient.connect(address(daemon), "vnc", parameters)
        await file_system(client)
        await client.close()
