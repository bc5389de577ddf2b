"""The agent, asked by OpenSSH's own tools and by clients that break its protocol."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from handlers.ssh.agent import CLIENTS_MAX, MESSAGE_MAX, Agent, open_agent
from handlers.ssh.keys import load_private_key
from tests.handlers.ssh.people import Person
from tests.support.openssh import OpenSsh

FAILURE = b"\x00\x00\x00\x01\x05"


@asynccontextmanager
async def agent_with(key: str, certificate: str = "") -> AsyncIterator[Agent]:
    agent = await open_agent(await load_private_key(key, "", certificate, Person()))
    try:
        yield agent
    finally:
        await agent.close()
    assert not agent.path.parent.exists()


async def run(agent: Agent, *command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "SSH_AUTH_SOCK": str(agent.path)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.parametrize(
    "options", [("-t", "ed25519"), ("-t", "rsa", "-b", "2048"), ("-t", "ecdsa")]
)
async def test_it_signs_for_openssh(server: OpenSsh, options: tuple[str, ...]) -> None:
    async with agent_with(server.make_key(*options)) as agent:
        status, output = await run(
            agent, "ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentityFile=none",
            "-p", str(server.port), f"{server.user}@{server.host}", "echo", "let-in",
        )  # fmt: skip
    assert (status, output.strip().splitlines()[-1]) == (0, "let-in")


async def test_it_lists_the_key_and_its_certificate(server: OpenSsh) -> None:
    key = server.make_key("-t", "ed25519", "-C", "my comment")
    async with agent_with(key, server.certify(key)) as agent:
        _, output = await run(agent, "ssh-add", "-l")
    assert "(ED25519-CERT)" in output
    assert "(ED25519)" in output
    assert "my comment" in output


async def test_it_takes_no_other_key(server: OpenSsh, key: str, tmp_path: Path) -> None:
    other = server.file("authority")
    async with agent_with(key) as agent:
        status, _ = await run(agent, "ssh-add", str(other))
        assert status != 0
        status, _ = await run(agent, "ssh-add", "-D")
        assert status != 0
        _, output = await run(agent, "ssh-add", "-l")
    assert len(output.splitlines()) == 1


async def test_only_this_user_reaches_it(key: str) -> None:
    async with agent_with(key) as agent:
        assert agent.path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "request_",
    [b"\x0d", b"\x0d\xff\xff\xff\xff", b"\x0d\x00\x00\x00\x01", b"\x1b\x00\x00\x00\x00", b"\xff",
     b"\x0d" + b"\x00\x00\x00\x01x" * 2, b"\x0d" + b"\x00\x00\x00\x01x" * 2 + bytes(4)],
)  # fmt: skip
async def test_what_it_does_not_understand_it_declines(key: str, request_: bytes) -> None:
    async with agent_with(key) as agent:
        reader, writer = await asyncio.open_unix_connection(agent.path)
        writer.write(len(request_).to_bytes(4, "big") + request_)
        assert await reader.readexactly(5) == FAILURE
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("length", [0, MESSAGE_MAX + 1])
async def test_a_message_of_a_wrong_length_ends_the_connection(key: str, length: int) -> None:
    async with agent_with(key) as agent:
        reader, writer = await asyncio.open_unix_connection(agent.path)
        writer.write(length.to_bytes(4, "big"))
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_clients_are_bounded_and_dropped_in_the_end(key: str) -> None:
    before = asyncio.all_tasks()
    async with agent_with(key) as agent:
        connections = [await asyncio.open_unix_connection(agent.path) for _ in range(CLIENTS_MAX)]
        for reader, writer in connections:
            writer.write(b"\x00\x00\x00\x01\xff")
            assert await reader.readexactly(5) == FAILURE
        late, late_writer = await asyncio.open_unix_connection(agent.path)
        assert await late.read() == b""
        late_writer.close()
    for reader, writer in connections:
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert asyncio.all_tasks() == before
