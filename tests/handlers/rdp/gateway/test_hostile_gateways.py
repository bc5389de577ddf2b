"""Gateways that send without end, or never close: other sessions do not notice, and their own ends
in time. The guard of event loops fails a test whose session holds the others up."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.rdp.gateway import websocket
from tests.support.certificates import Authority
from tests.support.hostile_gateway import HostileGateway, frame, packet
from tests.support.ntlm_acceptor import NtlmAcceptor
from tests.support.rd_gateway import NT_HASH
from tests.support.scripted_host import scripted_host
from tests.support.waiting import until

ENOUGH = 1 << 19
"""Bytes of a flood that are received."""
PING, EMPTY, EMPTY_PART = frame(9, b""), frame(2, b""), frame(0, b"", is_last=False)
KEEP_ALIVE, NO_DATA, REAUTH = packet(13), packet(10, bytes(2)), packet(12)


def values(found: dict[str, str], authority: Authority) -> dict[str, str]:
    return {
        "hostname": "desk.internal", "ignore-cert": "true", "security": "tls",
        "gateway-hostname": "localhost", "gateway-port": found["port"],
        "gateway-username": "gina", "gateway-password": "sesame",
        "gateway-ca-cert": authority.certificate,
    }  # fmt: skip


async def ends(daemon: Daemon) -> None:
    await until(lambda: not daemon.registry.sessions, "the end of the session", 10)
    await until(
        lambda: not any(task.get_name().startswith("gateway") for task in asyncio.all_tasks()),
        "the end of the connection to the gateway",
        2 * websocket.CLOSE_TIMEOUT + 2,
    )


@pytest.mark.parametrize(
    ("begin", "flood"),
    [
        (b"", PING * 50_000),
        (b"", EMPTY * 50_000),
        (frame(2, b"", is_last=False), EMPTY_PART * 50_000),
        (b"", frame(2, KEEP_ALIVE * 100_000)),
        (b"", frame(2, NO_DATA * 80_000)),
        (b"", frame(2, REAUTH * 100_000)),
    ],
    ids=["pings", "empty messages", "empty frames", "keep-alives", "no data", "reauthentications"],
)
async def test_floods(
    begin: bytes, flood: bytes, daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    gateway = HostileGateway(opening=begin, flood=flood)
    async with (
        scripted_host(gateway.script, authority.server_context(tmp_path)) as found,
        await GuacClient.connect(address(daemon), "rdp", values(found, authority)) as client,
    ):
        await until(lambda: gateway.sent > ENOUGH, "the flood", 60)
        assert not client.state.errors
        await client.close()
        await ends(daemon)


@pytest.mark.parametrize(
    ("begin", "flood"),
    [
        ("", b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" * 2000),
        ("HTTP/1.1 401 No\r\n", b"X-Y: z\r\n" * 8000),
        ("HTTP/1.1 401 No\r\nX: ", bytes(1 << 16)),
        (
            "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\na\r\n" * 10_000,
        ),
    ],
    ids=["interim answers", "headers", "one header", "chunks"],
)
async def test_answers_without_end(
    begin: str, flood: bytes, daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    gateway = HostileGateway(answer=begin.encode(), flood=flood)
    async with (
        scripted_host(gateway.script, authority.server_context(tmp_path)) as found,
        await GuacClient.connect(address(daemon), "rdp", values(found, authority)) as client,
    ):
        await client.wait_closed(5)
    ((sentence, status),) = client.state.errors
    assert "does not speak the gateway's protocol" in sentence
    assert status == Status.UPSTREAM_ERROR


def cut(challenge: bytes) -> bytes:
    return challenge[:50]


def of_another_time(challenge: bytes) -> bytes:
    """The time is after the year 9999."""
    at = challenge.index(struct.pack("<HH", 7, 8))
    return challenge[: at + 4] + b"\xff" * 8 + challenge[at + 12 :]


def noise(challenge: bytes) -> bytes:
    return challenge[:12] + random.Random(4).randbytes(40_000)


@pytest.mark.parametrize("change", [cut, of_another_time, noise])
async def test_challenges_that_are_invalid(
    change: Callable[[bytes], bytes], daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    challenge = NtlmAcceptor("gina", "CORP", NT_HASH, b"").challenge()
    gateway = HostileGateway(challenge=change(challenge))
    async with (
        scripted_host(gateway.script, authority.server_context(tmp_path)) as found,
        await GuacClient.connect(address(daemon), "rdp", values(found, authority)) as client,
    ):
        await client.wait_closed(10)
    ((sentence, status),) = client.state.errors
    assert sentence.startswith("gateway 'localhost' "), sentence
    assert status in (Status.UPSTREAM_ERROR, Status.CLIENT_UNAUTHORIZED)


async def test_events_without_data_are_slowed_down() -> None:
    loop, rests = asyncio.get_running_loop(), websocket.Rests()
    begun = loop.time()
    for _ in range(websocket.IDLE_MAX * 3):
        await rests.note()
    assert loop.time() - begun > websocket.REST * 2.9
