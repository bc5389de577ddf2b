"""Servers that end, restart, freeze or leave."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from struct import pack

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.notice import Notice
from handlers.vnc import handler, server
from handlers.vnc.alive import AliveCheck
from handlers.vnc.handler import VncHandler
from terminal.drawing.fonts import FontsError
from tests.handlers.vnc.test_session import shows
from tests.support.freed import freed
from tests.support.rfb_server import SIZE, RfbPeer, rfb_server
from tests.support.waiting import free_port, until
from tests.support.xvnc import Desktop, password_file, xvnc


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "RETRY_PAUSE", 0.05)


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers are probed after fractions of a second."""

    def check(connection, sender, notice, name, interval):  # type: ignore[no-untyped-def]
        return AliveCheck(connection, sender, notice, name, 0.05)

    monkeypatch.setattr(server, "AliveCheck", check)


async def connected(daemon: Daemon, parameters: dict[str, str]) -> GuacClient:
    client = await GuacClient.connect(address(daemon), "vnc", parameters)
    await client.wait(lambda: client.state.syncs, "the desktop")
    client.mouse(1, 1)
    return client


def handler_of(daemon: Daemon) -> VncHandler:
    (session,) = daemon.registry.sessions.values()
    assert isinstance(session.handler, VncHandler)
    return session.handler


def has_notice(client: GuacClient) -> bool:
    return 1 in client.canvas.layers and client.canvas.opaque(1)


def error_of(client: GuacClient) -> tuple[str, int]:
    (error,) = client.state.errors
    return error


async def test_a_server_that_is_killed(daemon: Daemon) -> None:
    async with xvnc() as desktop, freed(daemon.registry):
        client = await connected(daemon, desktop.parameters)
        desktop.server.kill()
        await client.wait_closed()
        await client.close()
    sentence, status = error_of(client)
    assert status == Status.UPSTREAM_ERROR
    assert "has closed the connection" in sentence


async def test_a_server_that_restarts_with_another_size(daemon: Daemon) -> None:
    more = {"autoretry": "100", "disable-display-resize": "true"}
    async with xvnc() as desktop, freed(daemon.registry):
        client = await connected(daemon, desktop.parameters | more)
        client.clipboard("kept")
        await until(
            lambda: _server(daemon).clipboard.contents == {"text/plain": b"kept"}, "the clipboard"
        )
        picture = client.canvas.flatten()
        desktop.server.kill()
        await client.wait(lambda: has_notice(client), "a notice")
        assert (client.canvas.flatten()[200:] == picture[200:]).all()
        client.key(ord("x"))
        async with xvnc(size=(640, 400), port=desktop.port) as again:
            again.run("xsetroot", "-solid", "#8a2e5c")
            await client.wait(lambda: client.canvas.size == (640, 400), "the other desktop")
            client.mouse(2, 2)
            await client.wait(lambda: not has_notice(client), "no notice")
            await shows(client, again)
            paste = ("xclip", "-o", "-selection", "clipboard")
            assert await asyncio.to_thread(again.run, *paste) == b"kept"
            assert not client.state.errors
            await client.close()


def _server(daemon: Daemon) -> server.Server:
    found = handler_of(daemon)._server
    assert found is not None
    return found


async def test_a_server_that_does_not_come_back(daemon: Daemon) -> None:
    async with xvnc() as desktop:
        client = await connected(daemon, desktop.parameters | {"autoretry": "2"})
    await client.wait_closed()
    sentence, status = error_of(client)
    assert status == Status.UPSTREAM_UNAVAILABLE
    assert "refuses connections" in sentence
    await client.close()


async def test_a_login_that_is_refused_is_not_repeated(daemon: Daemon, tmp_path: Path) -> None:
    async with xvnc() as desktop:
        parameters = desktop.parameters | {"autoretry": "100", "password": "wrong"}
        client = await connected(daemon, parameters)
        desktop.server.kill()
        await client.wait(lambda: has_notice(client), "a notice")
    options = ("-SecurityTypes", "VncAuth", "-PasswordFile", "-BlacklistThreshold", "2")
    path = str(password_file(tmp_path, "secret12"))
    async with xvnc(*options[:3], path, *options[3:], port=desktop.port):
        await client.wait_closed()
    sentence, status = error_of(client)
    assert status == Status.CLIENT_UNAUTHORIZED
    assert "Authentication failure" in sentence
    await client.close()


@pytest.mark.parametrize(("greeting", "connections"), [(b"", 3), (b"RFB 003.008\n", 1)])
async def test_only_servers_that_have_said_nothing_are_tried_again(
    daemon: Daemon, greeting: bytes, connections: int
) -> None:
    async def script(peer: RfbPeer) -> None:
        peer.send(greeting)
        if greeting:
            await peer.read(12)

    async with (
        rfb_server(script) as remote,
        await GuacClient.connect(
            address(daemon), "vnc", remote.parameters | {"autoretry": "2"}
        ) as client,
    ):
        await client.wait_closed()
        assert remote.connections == connections
    assert "closed the connection before" in error_of(client)[0]


async def show_a_desktop(peer: RfbPeer) -> None:
    await peer.versions(b"003.008", b"003.008")
    await peer.choose(1)
    peer.send(bytes(4))
    await peer.begin()


async def test_attempts_are_granted_again_once_a_desktop_was_shown_for_long(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "STABLE_AFTER", 0.0)
    async with rfb_server(show_a_desktop) as remote:
        client = await connected(daemon, remote.parameters | {"autoretry": "1"})
        await until(lambda: remote.connections > 4, "further connections")
        await client.close()


async def test_modifiers_that_are_held_across_a_loss_stay_pressed(daemon: Daemon) -> None:
    control, alt = b"\4\1\0\0\0\0\xff\xe3", b"\4\1\0\0\0\0\xff\xe9"
    letter = b"\4\1\0\0\0\0\0c"
    received: list[bytes] = []
    lost, back = asyncio.Event(), asyncio.Event()

    async def script(peer: RfbPeer) -> None:
        is_first = not received
        received.append(b"")
        if not is_first:
            await back.wait()
        await show_a_desktop(peer) if is_first else await show_nothing(peer)
        while letter not in received[-1]:
            received[-1] += await peer.read(1)
        lost.set()

    async with rfb_server(script) as remote:
        client = await connected(daemon, remote.parameters | {"autoretry": "100"})
        for keysym in (0xFFE3, 0xFFE5, ord("c")):
            client.key(keysym, True)
        await lost.wait()
        await client.wait(lambda: has_notice(client), "a notice")
        client.key(0xFFE9, True)
        client.key(ord("y"), True)
        back.set()
        await until(lambda: alt in received[-1], "the modifiers")
        client.key(ord("c"))
        await until(lambda: letter in received[-1], "the letter")
        await client.close()
    assert received[1].index(control) < received[1].index(alt) < received[1].index(letter)
    assert received[1].count(b"\4\1\0\0") == 3, "no other key has been pressed"


async def show_nothing(peer: RfbPeer) -> None:
    """Finish the handshake without a picture."""
    await peer.versions(b"003.008", b"003.008")
    await peer.choose(1)
    peer.send(bytes(4))
    await peer.read(1)
    peer.send(pack(">HH", *SIZE), bytes(16), pack(">I", 4), b"desk")


async def test_a_server_that_flaps_is_given_up(daemon: Daemon) -> None:
    async with rfb_server(show_a_desktop) as remote:
        client = await connected(daemon, remote.parameters | {"autoretry": "2"})
        await client.wait_closed()
        assert remote.connections == 3
        await client.close()
    assert "has closed the connection" in error_of(client)[0]


@pytest.mark.parametrize("probed_after", [0, 60])
async def test_a_server_whose_system_has_forgotten_the_connection(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, probed_after: int
) -> None:
    """Its answer to a probe is a reset. One that comes sooner is a refusal."""
    monkeypatch.setattr(server, "PROBED_AFTER", probed_after)

    async def script(peer: RfbPeer) -> None:
        if remote.connections == 1:
            peer.reset()
        else:
            await show_a_desktop(peer)
            await peer.ended()

    async with (
        rfb_server(script) as remote,
        await GuacClient.connect(address(daemon), "vnc", remote.parameters) as client,
    ):
        if probed_after:
            await client.wait_closed()
            assert "closed the connection before" in error_of(client)[0]
        else:
            await client.frame()
            assert remote.connections == 2


async def test_a_server_that_is_killed_within_a_picture(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await show_a_desktop(peer)
        peer.send(pack(">BxH", 0, 2), pack(">HHHHi", 0, 0, *SIZE, 0), bytes(100))

    async with rfb_server(script) as remote:
        client = await connected(daemon, remote.parameters)
        await client.wait_closed()
        await client.close()
    assert "has closed the connection" in error_of(client)[0]


@pytest.mark.usefixtures("probed")
async def test_a_server_that_is_idle_answers_probes(
    daemon: Daemon, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.vnc.alive.PROBES", 1000)
    client = await connected(daemon, desktop.parameters)
    connection = _server(daemon).connection
    received = connection.received
    await until(lambda: connection.received > received + 400, "answers to probes")
    await client.close()


@pytest.mark.usefixtures("probed")
async def test_a_server_that_freezes_and_goes_on(
    daemon: Daemon, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.vnc.alive.PROBES", 1000)
    client = await connected(daemon, desktop.parameters)
    desktop.server.send_signal(signal.SIGSTOP)
    await client.wait(lambda: has_notice(client), "a notice")
    desktop.server.send_signal(signal.SIGCONT)
    await client.wait(lambda: not has_notice(client), "no notice")
    desktop.run("xsetroot", "-solid", "#8a2e5c")
    await shows(client, desktop)
    await client.close()


@pytest.mark.usefixtures("probed")
async def test_a_server_that_reads_slowly_is_alive(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.vnc.alive.PROBES", 1000)
    reads = asyncio.Event()

    async def script(peer: RfbPeer) -> None:
        await show_a_desktop(peer)
        await reads.wait()
        with suppress(asyncio.IncompleteReadError):
            while True:
                await peer.read(1 << 16)
                await asyncio.sleep(0.005)

    async with rfb_server(script) as remote:
        client = await connected(daemon, remote.parameters)
        (session,) = daemon.registry.sessions.values()
        for _ in range(20):
            client.clipboard("x" * 1_000_000)
        await until(lambda: session.context.input_paused, "more than the server reads")
        notice, gone = _server(daemon)._notice, asyncio.Event()
        clear = Notice.clear

        def clear_and_tell(self: Notice) -> None:
            if self.text:
                gone.set()  # another one follows soon, since the server still sends nothing
            clear(self)

        connection = _server(daemon).connection
        await until(lambda: notice.text and connection.unsent, "a notice")
        monkeypatch.setattr(Notice, "clear", clear_and_tell)
        reads.set()
        async with asyncio.timeout(10):
            await gone.wait()
        await client.close()


async def test_input_goes_on_after_a_server_that_did_not_read(daemon: Daemon) -> None:
    leaves = asyncio.Event()

    async def script(peer: RfbPeer) -> None:
        if remote.connections == 1:
            await show_a_desktop(peer)
            await leaves.wait()
            peer.reset()
        else:
            await peer.ended()

    async with rfb_server(script) as remote:
        client = await connected(daemon, remote.parameters | {"autoretry": "1"})
        (session,) = daemon.registry.sessions.values()
        for _ in range(20):
            client.clipboard("x" * 1_000_000)
        await until(lambda: session.context.input_paused, "more than the server reads")
        leaves.set()
        await until(lambda: remote.connections == 2, "another connection")
        await until(lambda: not session.context.input_paused, "input to go on")
        await client.close()


@pytest.mark.usefixtures("probed")
async def test_a_server_that_freezes_is_given_up(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await show_a_desktop(peer)
        await peer.ended()

    async with rfb_server(script) as remote, freed(daemon.registry):
        client = await connected(daemon, remote.parameters)
        await client.wait_closed()
        await client.close()
    sentence, status = error_of(client)
    assert status == Status.UPSTREAM_TIMEOUT
    assert "has stopped answering" in sentence


async def test_a_server_that_is_not_to_be_asked(daemon: Daemon, desktop: Desktop) -> None:
    client = await connected(daemon, desktop.parameters | {"server-alive-interval": "0"})
    assert _server(daemon)._alive_check is None
    await client.close()


@pytest.mark.parametrize("parting", [b"", b"\0\0\0\1\0\0\0\4time"])
async def test_a_server_that_leaves_while_a_person_is_asked(daemon: Daemon, parting: bytes) -> None:
    leaves = asyncio.Event()

    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(2)
        peer.send(bytes(16))
        await leaves.wait()
        peer.send(parting)

    async with (
        rfb_server(script) as remote,
        freed(daemon.registry),
        await GuacClient.connect(address(daemon), "vnc", remote.parameters) as client,
    ):
        await client.wait(lambda: client.state.required, "the question")
        leaves.set()
        await client.wait_closed()
    sentence, status = error_of(client)
    assert status == Status.UPSTREAM_ERROR
    assert "closed the connection before the login was complete" in sentence


async def test_a_server_that_talks_while_a_person_is_asked(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(2)
        peer.send(bytes(16), bytes(1 << 20))
        await peer.ended()

    async with (
        rfb_server(script) as remote,
        await GuacClient.connect(address(daemon), "vnc", remote.parameters) as client,
    ):
        await client.wait_closed()
    assert "while it should wait for the login" in error_of(client)[0]


async def test_nothing_is_shown_before_the_first_desktop(daemon: Daemon) -> None:
    parameters = {"hostname": "127.0.0.1", "port": str(free_port()), "autoretry": "3"}
    async with await GuacClient.connect(address(daemon), "vnc", parameters) as client:
        await client.wait_closed()
    assert client.state.syncs == 0


async def test_a_connection_that_is_reset_leaves_no_memory(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await show_a_desktop(peer)
        peer.reset()

    async with rfb_server(script) as remote, freed(daemon.registry):
        client = await connected(daemon, remote.parameters | {"autoretry": "1"})
        await client.wait_closed()
        await client.close()
    assert "has closed the connection" in error_of(client)[0]


async def test_without_a_font_a_notice_is_only_logged(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object) -> None:
        raise FontsError("there is no font")

    monkeypatch.setattr("handlers.notice.drawn", fail)
    async with rfb_server(show_a_desktop) as remote:
        client = await connected(daemon, remote.parameters | {"autoretry": "1"})
        await client.wait_closed()
        await client.close()
    assert "has closed the connection" in error_of(client)[0]
    assert "not shown, as there is no font: The connection to host" in caplog.text
