"""Workers that send valid messages in an order in which no worker does, or end at moments that
matter."""

from __future__ import annotations

import asyncio
import logging
import mmap
import os
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator

import pytest

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address, local_settings, running_daemon
from handlers.pins import fingerprint
from handlers.rdp import attempts, handler, server, watch
from handlers.rdp.channel import memory
from handlers.rdp.channel.codec import Message, Parser
from handlers.rdp.channel.messages import (
    TO_WORKER,
    Certificate,
    CertificateVerdict,
    Connected,
    CredentialsWanted,
    Ended,
    Indicators,
    Locks,
    Mouse,
    Painted,
    Remark,
    Scancode,
    Sized,
    Stop,
)
from handlers.rdp.channel.redirection import Redirected
from handlers.rdp.handler import RdpHandler
from handlers.rdp.key_sender import CAPS
from handlers.rdp.launcher import Loaded, Process
from handlers.rdp.pointer import BUTTONS, DOWN, MOVED
from tests.handlers.test_wake import card, parameters
from tests.support.certificates import Authority
from tests.support.waiting import until

X = 0x2D
"""The scancode of the key."""
SHOWN = (Connected(), Sized(64, 48), Painted.of(0, [(0, 0, 64, 48)]))


class Script:
    """A launcher, whose worker is this test, and the process that is ended instead."""

    def __init__(self) -> None:
        self.forks = 0
        self._channel = socket.socket()
        self.header = memoryview(b"")
        self._process = subprocess.Popen(["sleep", "600"])

    def start(self) -> Loaded:
        return Loaded("freerdp", "9.9")

    def fork(self, channel: int, shared: int, sock: int) -> Process:
        self._channel.close()
        self._channel = socket.socket(fileno=os.dup(channel))
        self.header.release()
        self.header = memory.header(mmap.mmap(shared, memory.SIZE))
        self.forks += 1
        return Process(self._process.pid, os.pidfd_open(self._process.pid))

    async def forked(self, times: int = 1) -> None:
        await until(lambda: self.forks == times, "the worker")

    def say(self, *messages: Message) -> None:
        self._channel.sendall(b"".join(message.encode() for message in messages))

    async def told(self) -> list[Message]:
        """The messages of the daemon until it ends the connection."""
        return await self.heard(Stop)

    async def heard(self, kind: type[Message]) -> list[Message]:
        """The messages of the daemon up to one of a kind."""
        parser, found = Parser(TO_WORKER), list[Message]()
        while not any(isinstance(message, kind) for message in found):
            found += parser.feed(await asyncio.to_thread(self._channel.recv, 1 << 16))
        return found

    def end(self) -> None:
        """Lose the connection to the host."""
        self.say(Ended("", True, 1))
        self._channel.shutdown(socket.SHUT_WR)

    def hang_up(self) -> None:
        """End as a worker does, without a word; sessions do not wait for it."""
        self._channel.close()

    def close(self) -> None:
        self.header.release()
        self.hang_up()
        self._process.kill()
        self._process.wait()


@pytest.fixture
async def script(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Script]:
    made = Script()
    for module in (handler, server):
        monkeypatch.setitem(module.launchers, "auto", made)
    yield made
    made.close()


@pytest.fixture
async def daemon(script: Script) -> AsyncIterator[Daemon]:
    async with running_daemon(RdpHandler, settings=local_settings()) as running:
        yield running
        script.hang_up()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """That of a server which says nothing."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1]
    listening.close()
    await listening.wait_closed()


async def opened(daemon: Daemon, port: int, **parameters: str) -> GuacClient:
    values = {"hostname": "127.0.0.1", "port": str(port), "username": "u"} | parameters
    values = {name.replace("_", "-"): value for name, value in values.items()}
    return await GuacClient.connect(address(daemon), "rdp", values)


async def error_of(client: GuacClient) -> str:
    await client.wait(lambda: client.state.errors, "the error")
    return client.state.errors[0][0]


async def test_connections_are_announced_once(daemon: Daemon, port: int, script: Script) -> None:
    async with await opened(daemon, port, resize_method="reconnect") as client:
        await script.forked()
        script.say(*SHOWN * 20)
        await client.frame()
        names = [task.get_name() for task in asyncio.all_tasks()]
        assert sum("sizes" in name for name in names) == 1


async def test_a_last_message_without_an_end(
    daemon: Daemon, port: int, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "STOP_TIMEOUT", 0.1)
    async with await opened(daemon, port) as client:
        await script.forked()
        script.say(*SHOWN)
        await client.frame()
        script.say(Ended("ERRINFO_IDLE_TIMEOUT", True, 1), Ended("", True, 1), *SHOWN)
        assert "was idle too long" in await error_of(client)


async def test_a_worker_that_hangs_before_its_first_picture(
    daemon: Daemon, port: int, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "HUNG_AFTER", 0.5)
    async with await opened(daemon, port) as client:
        await script.forked()
        script.header[memory.BUSY_SINCE] = 1
        script.say(Connected())
        assert "has not worked for" in await error_of(client)


async def test_credentials_are_asked_for_once(daemon: Daemon, port: int, script: Script) -> None:
    async with await opened(daemon, port) as client:
        await script.forked()
        script.say(CredentialsWanted())
        script.end()
        await client.wait(lambda: client.state.required, "the question")
        client.argv("password", "p")
        await script.forked(2)
        script.say(CredentialsWanted(), Ended("", True, 1))
        assert "has ended unexpectedly" in await error_of(client)


async def test_certificates_without_end(daemon: Daemon, port: int, script: Script) -> None:
    async with await opened(daemon, port) as client:
        await script.forked()
        script.say(*[Certificate(b"x")] * (server.CERTIFICATES_MAX + 1))
        assert "has ended unexpectedly" in await error_of(client)


@pytest.mark.parametrize("verified", [True, False])
async def test_only_a_verified_host_vouches_for_another(
    verified: bool, daemon: Daemon, port: int, script: Script
) -> None:
    authority = Authority()
    first, second = (authority.issue(name).certificate.encode() for name in ("a", "b"))
    trusted = fingerprint(ssl.PEM_cert_to_DER_cert(first.decode()))
    there = Redirected(0x100, "127.0.0.1", "", "", "", b"", "", "", b"", b"", second, True)
    async with await opened(daemon, port, cert_fingerprints=trusted) as client:
        await script.forked()
        if verified:
            script.say(Certificate(first))
            assert CertificateVerdict(True) in await script.heard(CertificateVerdict)
        script.say(there)
        script.end()
        await script.forked(2)
        script.say(Certificate(second))
        assert CertificateVerdict(verified) in await script.heard(CertificateVerdict)
        script.end()
        if not verified:
            assert "cert-fingerprints" in await error_of(client)


async def test_errors_without_end(
    daemon: Daemon, port: int, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    async with await opened(daemon, port) as client:
        await script.forked()
        script.say(*[Remark("broken", is_error=True)] * (server.ERRORS_MAX + 5), *SHOWN)
        await client.frame()
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == server.ERRORS_MAX


@pytest.mark.parametrize("stable", [True, False])
async def test_all_attempts_are_allowed_again_after_a_stable_connection(
    stable: bool, daemon: Daemon, port: int, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "STABLE_AFTER", -1.0 if stable else 1000.0)
    monkeypatch.setattr(attempts, "RETRY_PAUSE", 0.01)
    async with await opened(daemon, port, autoretry="1") as client:
        for attempt in range(1, 6 if stable else 3):
            await script.forked(attempt)
            script.say(*SHOWN)
            await client.wait(lambda: client.state.syncs, "a picture")
            script.end()
        if stable:
            await script.forked(6)
        else:
            assert "has closed the connection" in await error_of(client)


async def test_attempts_have_pauses(
    daemon: Daemon, port: int, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "RETRY_PAUSE", 0.3)
    async with await opened(daemon, port, autoretry="1"):
        await script.forked()
        script.say(*SHOWN)
        ended = time.monotonic()
        script.end()
        await script.forked(2)
        assert time.monotonic() - ended > 0.29
        script.end()


async def test_a_host_is_not_woken_again(
    daemon: Daemon, port: int, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever works on it may have shut it down."""
    monkeypatch.setattr(attempts, "RETRY_PAUSE", 0.01)
    async with card() as network:
        values = {name.replace("-", "_"): value for name, value in parameters(network).items()}
        async with await opened(daemon, port, autoretry="1", **values) as client:
            await script.forked()
            await until(lambda: network.packets, "a packet")
            script.say(*SHOWN)
            await client.wait(lambda: client.state.syncs, "a picture")
            script.end()
            await script.forked(2)
            assert len(network.packets) == 1


async def test_a_host_with_a_size_of_its_own(daemon: Daemon, port: int, script: Script) -> None:
    """It is asked once for the size of the window, and not again until the window changes."""
    async with await opened(daemon, port, resize_method="reconnect") as client:
        await script.forked()
        script.say(*SHOWN)
        await client.frame()
        client.key(ord("x"), True)
        assert Stop() not in await script.heard(Scancode)
        client.size(800, 600)
        await script.told()
        script.end()
        await script.forked(2)
        script.say(*SHOWN)
        await client.wait(lambda: client.state.syncs > 1, "a picture")
        client.key(ord("x"), False)
        client.key(ord("x"), True)
        assert Stop() not in await script.heard(Scancode)


async def test_nothing_stays_pressed_when_the_connection_is_made_anew(
    daemon: Daemon, port: int, script: Script
) -> None:
    """The host would repeat a key until the same one is released."""
    async with await opened(daemon, port, resize_method="reconnect") as client:
        await script.forked()
        script.say(Connected(), Sized(1024, 768), Painted.of(0, [(0, 0, 64, 48)]))
        await client.frame()
        client.key(ord("x"), True)
        client.mouse(5, 6, 1)
        client.size(800, 600)
        told = await script.told()
        assert told[told.index(Scancode(X, False, True)) + 1 :] == [
            Mouse(False, MOVED, 5, 6),
            Mouse(False, DOWN | BUTTONS[1], 5, 6),
            Mouse(False, BUTTONS[1], 5, 6),
            Scancode(X, False, False),
            Stop(),
        ]
        script.end()
        await script.forked(2)


async def test_lock_keys_that_the_host_reports_count(
    daemon: Daemon, port: int, script: Script
) -> None:
    """A small letter is typed without Caps Lock."""
    async with await opened(daemon, port) as client:
        await script.forked()
        script.say(Connected(), Indicators(CAPS), *SHOWN)
        await client.frame()
        client.key(ord("x"), True)
        client.send("disconnect")
        told = await script.told()
        assert told[told.index(Scancode(X, False, True)) - 1] == Locks(0)
        assert told.count(Locks(0)) == 2
        script.end()
