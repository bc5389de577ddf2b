"""Servers that connect to the daemon."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address, local_settings, running_daemon
from handlers.vnc import VncHandler, handler
from tests.handlers.vnc.test_loss import show_nothing
from tests.handlers.vnc.test_security import secured
from tests.handlers.vnc.test_session import shows
from tests.support.certificates import Authority
from tests.support.freed import freed
from tests.support.rfb_server import RfbPeer
from tests.support.waiting import free_port, listens, until
from tests.support.xvnc import Desktop, x11vnc

PORTS = {"reverse_port_min": 15000, "reverse_port_max": 32000}


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    settings = local_settings(vnc={"reverse_hosts": ["127.0.0.1", "::1"], **PORTS})
    async with running_daemon(VncHandler, settings=settings) as running:
        yield running


def waiting(**more: str) -> dict[str, str]:
    values = {"reverse-connect": "true", "port": str(free_port()), "listen-timeout": "20000"}
    return values | {name.replace("_", "-"): value for name, value in more.items()}


async def refusal(daemon: Daemon, values: dict[str, str]) -> tuple[str, int]:
    async with await GuacClient.connect(address(daemon), "vnc", values) as client:
        await client.wait_closed()
    (error,) = client.state.errors
    return error


async def opened(daemon: Daemon, values: dict[str, str]) -> GuacClient:
    client = await GuacClient.connect(address(daemon), "vnc", values)
    await until(lambda: listens(int(values["port"])), "the session to listen")
    return client


async def show(peer: RfbPeer) -> None:
    await peer.versions(b"003.008", b"003.008")
    await peer.choose(1)
    peer.send(bytes(4))
    await peer.begin()


async def call(
    values: dict[str, str],
    script: Callable[[RfbPeer], Awaitable[None]] = show,
    source: str = "127.0.0.1",
) -> asyncio.StreamWriter:
    """Connect to the daemon as a server."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", int(values["port"]), local_addr=(source, 0)
    )
    await script(RfbPeer(reader, writer))
    return writer


async def test_x11vnc_connects(daemon: Daemon, desktop: Desktop) -> None:
    values = waiting(hostname="127.0.0.1")
    client = await opened(daemon, values)
    async with x11vnc(desktop, "-connect_or_exit", f"127.0.0.1:{values['port']}"):
        await client.wait(lambda: client.canvas.size == (800, 600), "the desktop")
        client.mouse(1, 1)
        await shows(client, desktop)
        assert not listens(int(values["port"]))
    await client.close()


async def test_xvnc_connects(daemon: Daemon, desktop: Desktop) -> None:
    values = waiting()
    async with freed(daemon.registry):
        client = await opened(daemon, values)
        connect = ("vncconfig", "-connect", f"127.0.0.1::{values['port']}")
        await asyncio.to_thread(desktop.run, *connect)
        await client.wait(lambda: client.state.name, "the desktop")
        client.mouse(1, 1)
        await shows(client, desktop)
        await client.close()


async def test_people_see_that_a_server_is_waited_for(daemon: Daemon) -> None:
    values = waiting()
    client = await opened(daemon, values)
    await client.wait(lambda: client.canvas.flatten().any(), "the notice")
    await client.close()
    await until(lambda: not listens(int(values["port"])), "nobody to listen")


async def test_nobody_connects(daemon: Daemon) -> None:
    values = waiting(listen_timeout="30")
    sentence, status = await refusal(daemon, values)
    assert status == Status.UPSTREAM_TIMEOUT
    assert f"no VNC server has connected to port {values['port']} within 0.03 s" in sentence
    assert not listens(int(values["port"]))


async def test_another_host_is_refused(daemon: Daemon) -> None:
    values = waiting(hostname="127.0.0.5")
    client = await opened(daemon, values)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(values["port"]))
    assert await reader.read() == b""
    writer.close()
    peer = await call(values, source="127.0.0.5")
    await client.wait(lambda: client.canvas.size == (64, 48), "the desktop")
    peer.close()
    await client.wait_closed()
    assert "host '127.0.0.5' has closed the connection" in client.state.errors[0][0]
    await client.close()


async def test_others_do_not_keep_the_server_out(daemon: Daemon) -> None:
    """The system answers connections that are not accepted yet, up to a limit; beyond it, it leaves
    a server without an answer for a second."""
    values = waiting(hostname="127.0.0.5")
    client = await opened(daemon, values)
    with ExitStack() as stack:
        for last in [1] * 9 + [5]:  # faster than the daemon can accept
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.bind((f"127.0.0.{last}", 0))
            sock.connect_ex(("127.0.0.1", int(values["port"])))
        assert sock.getpeername()[0] == "127.0.0.1"
        reader, writer = await asyncio.open_connection(sock=sock)
        await show(RfbPeer(reader, writer))
        await client.wait(lambda: client.canvas.size == (64, 48), "the desktop")
        writer.close()
    await client.wait_closed()
    await client.close()


async def test_only_one_connection_is_accepted(daemon: Daemon) -> None:
    values = waiting()
    client = await opened(daemon, values)
    peer = await call(values)
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", int(values["port"]))
    peer.close()
    await client.wait_closed()
    assert "the VNC server has closed the connection" in client.state.errors[0][0]
    await client.close()


async def test_one_that_ends_before_its_first_picture_was_the_only_one(daemon: Daemon) -> None:
    """Nothing says that it will connect again, and anybody else could."""
    values = waiting()
    client = await opened(daemon, values)
    peer = await call(values, show_nothing)
    peer.close()
    await client.wait_closed()
    assert "the VNC server has closed the connection" in client.state.errors[0][0]
    await client.close()


async def test_a_server_that_is_lost_may_connect_again(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "RETRY_PAUSE", 0.01)
    values = waiting(autoretry="3")
    client = await opened(daemon, values)
    for _ in range(2):
        peer = await call(values)
        peer.transport.abort()
        await until(lambda: listens(int(values["port"])), "the session to listen again")
    await client.close()


async def test_two_sessions_cannot_wait_on_one_port(daemon: Daemon) -> None:
    values = waiting()
    client = await opened(daemon, values)
    sentence, status = await refusal(daemon, values)
    assert status == Status.RESOURCE_CONFLICT
    assert f"port {values['port']} is in use" in sentence
    await client.close()


@pytest.mark.parametrize("port", ["80", "14999", "32001"])
async def test_other_ports_are_refused(daemon: Daemon, port: str) -> None:
    sentence, status = await refusal(daemon, waiting(port=port))
    assert status == Status.CLIENT_FORBIDDEN
    assert "use one from 15000 to 32000" in sentence


async def test_it_is_disabled_by_default() -> None:
    async with running_daemon(VncHandler) as daemon:
        values = waiting(port="5500")
        sentence, status = await refusal(daemon, values)
        assert status == Status.CLIENT_FORBIDDEN
        assert "reverse connections are disabled" in sentence
        assert not listens(5500)


async def test_an_address_of_another_machine() -> None:
    settings = local_settings(vnc={"reverse_hosts": ["192.0.2.1"], **PORTS})
    async with running_daemon(VncHandler, settings=settings) as daemon:
        sentence, status = await refusal(daemon, waiting())
    assert status == Status.UPSTREAM_ERROR
    assert "check vnc.reverse_hosts" in sentence


async def test_a_peer_that_is_no_server(daemon: Daemon) -> None:
    values = waiting()
    client = await opened(daemon, values)
    with socket.create_connection(("127.0.0.1", int(values["port"]))) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
        await client.wait_closed()
    assert "this is not a VNC server" in client.state.errors[0][0]
    await client.close()


@pytest.mark.parametrize(
    ("host", "told"),
    [("", ""), ("desk.example", "the certificate of the VNC server is not trusted")],
)
async def test_a_certificate_must_contain_the_address(
    daemon: Daemon, tmp_path: Path, host: str, told: str
) -> None:
    authority = Authority()
    async with secured(tmp_path, "X509None", authority, host=host) as desktop:
        values = waiting() | {"ca-cert": authority.certificate}
        client = await opened(daemon, values)
        connect = ("vncconfig", "-connect", f"127.0.0.1::{values['port']}")
        await asyncio.to_thread(desktop.run, *connect)
        await client.wait(lambda: client.state.name or client.state.errors, "the desktop")
        errors = [sentence for sentence, _ in client.state.errors]
        assert all(told in sentence for sentence in errors)
        assert bool(errors) == bool(told)
        await client.close()
