"""Hosts that do not speak RDP, and connections that break off."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.rdp import attempts, server
from handlers.rdp import engine as rdp_engine
from tests.handlers.rdp.sessions import connected, each_engine, shows, workers, zygote_pid
from tests.support.certificates import Pair
from tests.support.freerdp_shadow import freerdp_shadow
from tests.support.scripted_host import Script, resetting, saying, scripted_host
from tests.support.tcp_proxy import tcp_proxy
from tests.support.waiting import until
from tests.support.xvnc import Desktop

CONFIRM = bytes.fromhex("030000130ed000001234000200080001000000")
"""Of a connection, with TLS."""


async def failure(script: Script, daemon: Daemon) -> tuple[str, int]:
    async with scripted_host(script) as parameters:
        values = parameters | {"username": "ann", "password": "sesame"}
        async with await GuacClient.connect(address(daemon), "rdp", values) as client:
            await client.wait_closed()
    ((sentence, status),) = client.state.errors
    assert "sesame" not in sentence
    return sentence, status


@each_engine
@pytest.mark.parametrize(
    "script",
    [
        saying(b"", closing=True),
        saying(b"SSH-2.0-OpenSSH_9.2\r\n" * 9),
        saying(CONFIRM, closing=True),
        saying(CONFIRM + bytes(4000)),
        resetting(),
        resetting(CONFIRM),
    ],
    ids=[
        "closes", "another protocol", "closes in TLS", "garbage in TLS", "resets", "resets in TLS",
    ],
)  # fmt: skip
async def test_a_host_that_does_not_speak_rdp(script: Script, daemon: Daemon) -> None:
    sentence, status = await failure(script, daemon)
    assert status == Status.UPSTREAM_ERROR, sentence


@each_engine
@pytest.mark.parametrize(
    ("said", "protocol"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"RFB 003.008\n", "VNC"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"),
    ],
)
@pytest.mark.parametrize("closing", [True, False], ids=["closes", "waits"])
async def test_a_host_with_another_protocol_is_named(
    said: bytes, protocol: str, closing: bool, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FreeRDP itself would wait for the rest of what it takes for a message."""
    monkeypatch.setattr(attempts, "PROBE_AFTER", 0.1)
    sentence, status = await failure(saying(said, closing=closing), daemon)
    assert f"belongs to a server for {protocol}, not for RDP: check" in sentence
    assert status == Status.UPSTREAM_ERROR


@each_engine
@pytest.mark.parametrize("data", [b"", CONFIRM], ids=["at once", "in TLS"])
async def test_a_host_that_falls_silent(
    data: bytes, engine: str, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HANDSHAKE_TIMEOUT", 1.0)
    sentence, status = await failure(saying(data), daemon)
    assert status == Status.UPSTREAM_TIMEOUT, sentence


@each_engine
@pytest.mark.parametrize("data", [b"", CONFIRM], ids=["at once", "in TLS"])
async def test_a_user_who_leaves_a_silent_host(
    data: bytes, engine: str, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker ends by itself, and needs not be killed."""
    monkeypatch.setattr(rdp_engine, "STOP_TIMEOUT", 60.0)
    said = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(data)
        said.set()
        await reader.read()

    async with scripted_host(script) as parameters:
        async with await GuacClient.connect(address(daemon), "rdp", parameters):
            await said.wait()
        await until(lambda: not workers(zygote_pid(engine)), "the worker's end")


@each_engine
async def test_a_connection_that_is_reset(
    daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    async with (
        freerdp_shadow(desktop, "tls", pair, tmp_path) as parameters,
        tcp_proxy("127.0.0.1", int(parameters["port"])) as (proxy, port),
        connected(daemon, parameters | {"port": str(port)}) as client,
    ):
        client.mouse(1, 1)
        await shows(client, desktop)
        proxy.reset()
        await client.wait_closed()
    ((sentence, status),) = client.state.errors
    assert status == Status.UPSTREAM_ERROR, sentence
