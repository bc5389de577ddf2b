"""A daemon that is stopped for a while and goes on, as after a move of its machine."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from guacr.testing.client import GuacClient
from tests.integration.test_recording import port_of
from tests.support.file_desk import file_system, get
from tests.support.openssh import OpenSsh, openssh_server, sshd
from tests.support.require import missing
from tests.support.scripted_host import scripted_host
from tests.support.waiting import until

LIMIT = 2
"""Seconds that hosts and clients have."""
CONFIG = f"""
[server]
port = 0
protocols = ["ssh"]
client_timeout = {LIMIT}
[websocket]
enabled = false
[ssh]
handshake_timeout = {LIMIT}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    if sshd() is None:
        missing("OpenSSH's server is not installed")
    with openssh_server() as running:
        yield running


@contextmanager
def daemon(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """The process of a daemon."""
    config = directory / "guacr.toml"
    config.write_text(CONFIG)
    command = [sys.executable, "-m", "guacr", "serve", "-f", "--config", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@asynccontextmanager
async def stopped(process: subprocess.Popen[str]) -> AsyncIterator[None]:
    """The process stands still until the time of all is up. It begins where it waits for data."""
    stat = Path(f"/proc/{process.pid}/stat")

    def state() -> str:
        return stat.read_text().rpartition(")")[2].split()[0]

    await until(lambda: state() == "S", "a process that waits")
    process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    await until(lambda: state() == "T", "the standstill")
    yield
    await until(lambda: time.monotonic() > begun + 2 * LIMIT, "the time of all to be up")
    process.send_signal(signal.SIGCONT)


class ShyHost:
    """Stands before a server, and greets nobody before it is told to."""

    def __init__(self, server: OpenSsh) -> None:
        self._server = server
        self.is_awaited = False
        """True once somebody waits for its greeting."""
        self.greets = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        greeting = await reader.readline()
        self.is_awaited = True
        await self.greets.wait()
        far_reader, far_writer = await asyncio.open_connection(self._server.host, self._server.port)
        far_writer.write(greeting)
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
    finally:
        writer.close()


async def talk(client: GuacClient) -> None:
    """Say something all the time."""
    while True:
        client.send("nop")
        await asyncio.sleep(LIMIT / 10)


@asynccontextmanager
async def talking(client: GuacClient) -> AsyncIterator[None]:
    task = asyncio.create_task(talk(client))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def leave(client: GuacClient) -> None:
    """End the shell, which shows that there is one."""
    client.type("exit\n")
    await client.wait(lambda: client.state.disconnect, "the end")
    await client.wait_closed()
    assert not client.state.errors


async def test_a_login_that_is_under_way(server: OpenSsh, tmp_path: Path) -> None:
    login = {"username": server.user, "private-key": server.make_key("-t", "ed25519")}
    host = ShyHost(server)
    with daemon(tmp_path) as process:
        port = await asyncio.to_thread(port_of, process)
        async with (
            scripted_host(host.serve) as address,
            await GuacClient.connect(
                ("127.0.0.1", port), "ssh", address | login | {"timeout": str(LIMIT)}
            ) as client,
            talking(client),
        ):
            await until(lambda: host.is_awaited, "a connection to the host")
            async with stopped(process):
                host.greets.set()
            await client.frame()
            await leave(client)


async def test_clients_and_files(server: OpenSsh, tmp_path: Path) -> None:
    values = server.address | {
        "username": server.user,
        "private-key": server.make_key("-t", "ed25519"),
        "enable-sftp": "true",
    }
    with daemon(tmp_path) as process:
        port = await asyncio.to_thread(port_of, process)
        async with (
            await GuacClient.connect(("127.0.0.1", port), "ssh", values) as client,
            await GuacClient.connect(("127.0.0.1", port), client.state.ready) as joiner,
            talking(client),
            talking(joiner),
        ):
            files, _ = await file_system(client)
            async with stopped(process):
                client.send("get", files, "/etc")
            await client.wait(lambda: client.state.streams, "the answer")
            assert "/etc/passwd" in (await get(client, files, "/etc"))[1].decode()
            assert not joiner.state.errors
            await leave(client)
