"""Repeaters in front of real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.vnc import handler, server
from tests.handlers.vnc.test_security import secured
from tests.handlers.vnc.test_session import connected, shows
from tests.support.certificates import Authority
from tests.support.vnc_repeater import Repeater, repeater
from tests.support.waiting import free_port, until
from tests.support.xvnc import Desktop, x11vnc


def parameters(through: Repeater, host: str, port: int = 0) -> dict[str, str]:
    return {
        "hostname": "127.0.0.1",
        "port": str(through.port),
        "dest-host": host,
        "dest-port": str(port) if port else "",
    }


async def refusal(daemon: Daemon, values: dict[str, str]) -> tuple[str, int]:
    async with await GuacClient.connect(address(daemon), "vnc", values) as client:
        await client.wait_closed()
    (error,) = client.state.errors
    return error


async def test_mode_1(daemon: Daemon, desktop: Desktop) -> None:
    async with (
        repeater() as through,
        connected(daemon, parameters(through, "127.0.0.1", desktop.port)) as client,
    ):
        await shows(client, desktop)
    assert through.requests[0] == f"127.0.0.1:{desktop.port}".encode().ljust(250, b"\0")


async def test_mode_2(daemon: Daemon, desktop: Desktop) -> None:
    async with repeater() as through:
        to = f"repeater=ID:1234+127.0.0.1:{through.server_port}"
        async with (
            x11vnc(desktop, "-connect_or_exit", to),
            connected(daemon, parameters(through, "ID:1234")) as client,
        ):
            await shows(client, desktop)


async def test_a_server_that_comes_later(daemon: Daemon, desktop: Desktop) -> None:
    async with repeater() as through:
        values = parameters(through, "ID", 1234)
        client = await GuacClient.connect(address(daemon), "vnc", values)
        await until(lambda: through.requests, "the request")
        to = f"repeater=ID:1234+127.0.0.1:{through.server_port}"
        async with x11vnc(desktop, "-connect_or_exit", to):
            await client.wait(lambda: client.state.syncs, "the desktop")
        await client.close()


async def test_a_server_that_does_not_come(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HANDSHAKE_TIMEOUT", 0.1)
    monkeypatch.setattr(handler, "RETRY_PAUSE", 0.01)
    async with repeater() as through:
        values = parameters(through, "ID:7") | {"autoretry": "1"}
        sentence, status = await refusal(daemon, values)
        assert len(through.requests) == 2
    assert status == Status.UPSTREAM_TIMEOUT
    assert "check whether 'ID:7' is connected to the repeater" in sentence


async def test_a_server_that_the_repeater_cannot_reach(daemon: Daemon) -> None:
    async with repeater() as through:
        values = parameters(through, "127.0.0.1", free_port())
        monitored = await refusal(daemon, values)
    assert "check that the repeater knows '127.0.0.1' and can reach it" in monitored[0]


async def test_a_certificate_is_that_of_the_server(daemon: Daemon, tmp_path: Path) -> None:
    authority = Authority()
    async with (
        repeater() as through,
        secured(tmp_path, "X509None", authority, host="desk.example") as desktop,
    ):
        values = parameters(through, "127.0.0.1", desktop.port)
        values |= {"ca-cert": authority.certificate}
        sentence, _ = await refusal(daemon, values)
        assert "IP address mismatch" in sentence


@pytest.mark.parametrize("known", [True, False])
async def test_a_server_with_an_id_may_have_any_name(
    daemon: Daemon, tmp_path: Path, known: bool
) -> None:
    authority = Authority()
    async with (
        repeater() as through,
        secured(tmp_path, "X509None", authority, host="desk.example") as desktop,
    ):
        await through.register("ID:9", desktop.port)
        trusted = authority if known else Authority()
        values = parameters(through, "ID:9") | {"ca-cert": trusted.certificate}
        if known:
            async with connected(daemon, values) as client:
                await shows(client, desktop)
        else:
            sentence, _ = await refusal(daemon, values)
            assert "is not trusted" in sentence
