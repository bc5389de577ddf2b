"""Devices as they are: they end without a word, answer nothing, and send packets with parts
missing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import count

import asyncssh
import pytest
from asyncssh.constants import (
    MSG_DEBUG,
    MSG_DISCONNECT,
    MSG_GLOBAL_REQUEST,
    MSG_IGNORE,
    MSG_REQUEST_SUCCESS,
    MSG_UNIMPLEMENTED,
)
from asyncssh.packet import UInt32

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from tests.handlers.ssh.test_connecting import failure
from tests.support.openssh import OpenSsh
from tests.support.scripted_host import saying, scripted_host
from tests.support.ssh_desk import desk, shell, ssh_daemon
from tests.support.ssh_device import Process, device, disconnect, hang_up, ignore
from tests.support.waiting import until

Connection = asyncssh.SSHServerConnection
ENDS: dict[str, Callable[[Connection], None]] = {
    "FIN": hang_up,
    "RST": lambda connection: hang_up(connection, reset=True),
    "DISCONNECT 0": lambda connection: disconnect(connection, 0, ""),
    "DISCONNECT 2": lambda connection: disconnect(connection, 2, "Too long idle"),
    "DISCONNECT 10": lambda connection: disconnect(connection, 10, "gone"),
    "DISCONNECT without fields": lambda connection: connection.send_packet(MSG_DISCONNECT),
    "DISCONNECT without a language": lambda connection: connection.send_packet(
        MSG_DISCONNECT, UInt32(2), UInt32(3), b"bye"
    ),
}


@pytest.mark.parametrize("end", ENDS)
async def test_a_device_that_hangs_up_has_ended_the_session(daemon: Daemon, end: str) -> None:
    async def until_exit(process: Process, connection: Connection) -> None:
        process.stdout.write("switch# ")
        await process.stdin.read(4)
        ENDS[end](connection)

    async with device(until_exit) as address, desk(daemon, address) as person:
        await person.see("switch#")
        person.client.type("exit")
        await person.end()
        await until(lambda: person.freed, "the terminal's end")
        assert "The session has ended" in person.text


async def test_a_device_that_says_why_it_hangs_up_is_quoted(daemon: Daemon) -> None:
    async def hurry(process: Process, connection: Connection) -> None:
        process.stdout.write("switch# ")
        await process.stdin.read(1)
        disconnect(connection, 2, "Too long idle\x1b[2J")

    async with device(hurry) as address, desk(daemon, address) as person:
        await person.see("switch#")
        person.client.type("x")
        await person.end()
        await until(lambda: person.freed, "the terminal's end")
        assert "too long idle" in person.text
        assert "switch#" in person.text


@pytest.mark.parametrize("reset", [False, True])
async def test_what_waits_while_a_device_hangs_up_is_seen(daemon: Daemon, reset: bool) -> None:
    async def report(process: Process, connection: Connection) -> None:
        process.stdout.write("switch# ")
        await process.stdin.read(1)
        process.stdout.write("first line\r\nlast line")
        await process.stdin.read(1)
        hang_up(connection, reset=reset)

    async with device(report) as address, desk(daemon, address) as person:
        await person.see("switch#")
        channel = person.handler._shell._channel  # type: ignore[attr-defined]
        person.handler.block_output(True)
        await until(lambda: channel._recv_paused, "a channel that is not read")
        person.client.type("x")
        await until(lambda: channel._recv_buf, "output that waits")
        person.client.type("x")
        await person.end()
        await until(lambda: person.freed, "the terminal's end")
        assert "last line" in person.text


async def test_an_end_of_output_is_an_end(daemon: Daemon) -> None:
    async def half(process: Process, connection: Connection) -> None:
        process.stdout.write("bye")
        process.channel.write_eof()
        await asyncio.Event().wait()

    async with device(half) as address, desk(daemon, address) as person:
        await person.end()
        await until(lambda: person.freed, "the terminal's end")
        assert "bye" in person.text


@pytest.mark.parametrize("name", ["HUP", "KILL"])
async def test_a_signal_ends_the_session(
    daemon: Daemon, server: OpenSsh, key: str, name: str
) -> None:
    async with shell(daemon, server, key) as person:
        person.client.type(f"kill -{name} $$\n")
        await person.end()
        await until(lambda: person.freed, "the terminal's end")
        assert f"signal {name} ended the shell" in person.text


async def test_an_end_before_the_shell_is_a_loss(daemon: Daemon) -> None:
    class Hasty(asyncssh.SSHServer):
        def connection_made(self, conn: Connection) -> None:
            self.connection = conn

        def begin_auth(self, username: str) -> bool:
            return False

        def session_requested(self) -> bool:
            hang_up(self.connection)
            return False

    async def never(process: Process, connection: Connection) -> None:
        raise AssertionError

    async with device(never, server_factory=Hasty, process_factory=None) as address:
        _, status = await failure(daemon, address)
    assert status == Status.UPSTREAM_ERROR


async def test_a_refused_terminal_is_told_by_its_name(daemon: Daemon) -> None:
    class NoTerminal(asyncssh.SSHServerSession[str]):
        def pty_requested(self, *_: object) -> bool:
            return False

    class Plain(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

        def session_requested(self) -> asyncssh.SSHServerSession[str]:
            return NoTerminal()

    async def never(process: Process, connection: Connection) -> None:
        raise AssertionError

    async with device(never, server_factory=Plain, process_factory=None) as address:
        sentence, _ = await failure(daemon, address)
    assert "PTY" in sentence


async def test_whatever_a_device_prints_is_a_sign_of_life(daemon: Daemon) -> None:
    ticks, enough = count(), asyncio.Event()

    async def tick(process: Process, connection: Connection) -> None:
        ignore(connection, MSG_GLOBAL_REQUEST)
        while not enough.is_set():
            process.stdout.write(f"tick-{next(ticks)}\r\n")
            await asyncio.sleep(0.15)  # what the device does, not what the test waits for
        process.exit(0)

    values = {"server-alive-interval": "2"}
    async with device(tick) as address, desk(daemon, address | values) as person:
        await person.see("tick-0")
        connection = person.handler._shell._channel.get_connection()  # type: ignore[attr-defined]
        connection._keepalive_interval = 0.1  # the test's patience is shorter than a user's
        connection._set_keepalive_timer()
        await person.see(f"tick-{next(ticks) + 10}\n")
        enough.set()
        await person.end()


async def test_a_query_in_the_first_bytes_is_answered(daemon: Daemon) -> None:
    async def ask(process: Process, connection: Connection) -> None:
        process.stdout.write("\x1b[6n")
        answer = await process.stdin.read(6)
        process.stdout.write(f"answer {answer[1:]}")
        await process.stdin.read(1)

    async with device(ask, encoding="utf-8") as address:
        for _ in range(5):
            async with desk(daemon, address) as person:
                await person.see("answer [2;1R")


async def test_packets_with_nothing_in_them_do_no_harm(daemon: Daemon) -> None:
    async def mumble(process: Process, connection: Connection) -> None:
        for kind in (MSG_IGNORE, MSG_DEBUG, MSG_UNIMPLEMENTED, MSG_REQUEST_SUCCESS):
            connection.send_packet(kind)
        process.stdout.write("still here")
        await process.stdin.read(1)

    async with device(mumble) as address, desk(daemon, address) as person:
        await person.see("still here")


async def test_a_host_that_never_greets_is_given_up_after_the_timeout(daemon: Daemon) -> None:
    async with scripted_host(saying(b"")) as silent:
        started = time.monotonic()
        sentence, status = await failure(daemon, silent | {"timeout": "1"})
        assert time.monotonic() - started < 5
    assert status == Status.UPSTREAM_TIMEOUT
    assert "no SSH server sent a greeting within 1 s" in sentence


async def test_a_host_that_greets_has_its_time_for_the_key_exchange() -> None:
    async with (
        ssh_daemon(handshake_timeout=1.5) as daemon,
        scripted_host(saying(b"SSH-2.0-Slow\r\n")) as slow,
    ):
        sentence, status = await failure(daemon, slow | {"timeout": "1"})
    assert status == Status.UPSTREAM_TIMEOUT
    assert "the key exchange was not completed within 1.5 s" in sentence
