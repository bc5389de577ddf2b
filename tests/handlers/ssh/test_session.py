"""Whole sessions with a real OpenSSH server, seen from a client of the daemon."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import Hello
from handlers.ssh.handler import SshHandler
from handlers.ssh.shell import Shell
from tests.support.openssh import OpenSsh
from tests.support.ssh_desk import PROMPT, Desk, desk, shell, ssh_daemon
from tests.support.timelines import noted_steps
from tests.support.waiting import until


async def test_a_shell_echoes_runs_and_exits(daemon: Daemon, server: OpenSsh, key: str) -> None:
    async with shell(daemon, server, key) as person:
        assert person.client.state.name.startswith(f"{server.user}@")
        person.client.type("echo $((6*7))-done\n")
        await person.see("\n42-done\n")
        started = time.monotonic()
        person.client.type("exit\n")
        await person.end()
        assert time.monotonic() - started < 1


async def test_the_steps_of_the_connection_are_noted(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    steps = noted_steps(daemon.registry)
    async with shell(daemon, server, key):
        assert steps == ["open", "resolve", "tcp", "key exchange", "login", "connect"]


async def test_the_terminal_is_as_the_parameters_say(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    values = {"terminal-type": "xterm-256color", "backspace": "8", "locale": "C.UTF-8"}
    async with shell(daemon, server, key, **values) as person:
        person.client.type("echo $TERM $LANG $TZ; stty -a\n")
        await person.see("xterm-256color C.UTF-8 Europe/Berlin")
        await person.see("erase = ^H")
        await person.see(" iutf8")


async def test_the_parameter_timezone_goes_before_the_clients(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    async with shell(daemon, server, key, timezone="Asia/Tokyo") as person:
        person.client.type("echo $TZ\n")
        await person.see("\nAsia/Tokyo\n")


async def test_the_host_follows_the_windows_size(daemon: Daemon, server: OpenSsh, key: str) -> None:
    async with shell(daemon, server, key) as person:
        columns, rows, _, _ = person.handler.window
        person.client.type("stty size\n")
        await person.see(f"\n{rows} {columns}\n")
        person.client.size(640, 480)
        await until(lambda: person.handler.window[0] < columns, "a smaller window")
        columns, rows, _, _ = person.handler.window
        person.client.type("stty size\n")
        await person.see(f"\n{rows} {columns}\n")


async def test_a_command_runs_in_place_of_the_shell(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    values = {"username": server.user, "private-key": key, "command": "echo only-this; sleep 0.2"}
    async with desk(daemon, server.address | values) as person:
        await person.see("only-this")
        await person.end()


async def test_what_a_command_prints_last_is_seen(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    values = {"username": server.user, "private-key": key, "command": "seq 50000"}
    async with desk(daemon, server.address | values) as person:
        await person.end()
        await until(lambda: person.freed, "the terminal's end")
        assert person.text.splitlines()[-3:] == ["49998", "49999", "50000"]


async def test_what_waits_while_a_shell_exits_is_seen(
    daemon: Daemon, server: OpenSsh, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shell, "LAST_WORDS", 0.01)
    async with shell(daemon, server, key) as person:
        assert isinstance(person.handler, SshHandler)
        host = person.handler._shell
        assert host is not None
        person.handler.block_output(True)
        person.client.type("seq 1000; exit\n")
        await until(lambda: host._exited > 0, "the shell's exit")
        timer = host._last_words
        await until(lambda: host._last_words is not timer, "the end of its last words")
        assert not host.ended.done()
        person.handler.block_output(False)
        await person.end()
        await until(lambda: person.freed, "the terminal's end")
        assert "\n999\n1000\n" in person.text


@pytest.mark.parametrize("close", ["printf '\\033]482203\\a'", "true"])
async def test_a_program_writes_into_a_pipe(
    daemon: Daemon, server: OpenSsh, key: str, close: str
) -> None:
    command = f"stty -onlcr; printf '\\033]482202;numbers\\a'; seq 200000; {close}; echo shown"
    values = {"username": server.user, "private-key": key, "command": command}
    async with desk(daemon, server.address | values) as person:
        await until(lambda: bool(person.client.state.streams), "the pipe's end", 20)
        await person.end()
        (pipe,) = person.client.state.streams
        assert pipe.args == ("application/octet-stream", "numbers")
        numbers = b"".join(b"%d\n" % number for number in range(1, 200_001))
        assert bytes(pipe.data) == numbers + (b"" if "printf" in close else b"shown\n")
        await until(lambda: person.freed, "the terminal's end")
        assert person.text.rstrip().endswith("\nshown") == ("printf" in close)
        assert "200000" not in person.text


async def test_control_c_stops_a_flood_at_once(daemon: Daemon, server: OpenSsh, key: str) -> None:
    async with shell(daemon, server, key) as person:
        person.client.type("yes\n")
        await person.see("\ny\ny\ny\n")
        started = time.monotonic()
        person.control("c")
        await person.see("^C\nready>")
        assert time.monotonic() - started < 1.0


async def test_what_is_typed_while_connecting_is_not_lost(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    values = server.address | {"username": server.user, "private-key": key}
    async with desk(daemon, values) as person:
        person.client.type("echo typed-$((1+1))-ahead\n")
        await person.see("\ntyped-2-ahead\n")


async def test_user_name_and_password_are_asked_for(
    daemon: Daemon, server: OpenSsh, password: str
) -> None:
    async with desk(daemon, server.address) as person:
        await person.see("Login as:")
        person.client.type(server.user + "\n")
        await person.see("is not verified. Its key is " + server.fingerprint("ed25519"))
        await person.see("Password:")
        person.client.type("wrong\n")
        await person.see("Permission denied, please try again.")
        person.client.type(password + "\n")
        await person.see("$")
        assert password not in person.text
        person.client.type("exit\n")
        await person.end()


async def test_three_wrong_passwords_end_the_session(
    daemon: Daemon, server: OpenSsh, password: str
) -> None:
    async with desk(daemon, server.address | {"username": server.user}) as person:
        for attempt in range(1, 4):
            await until(lambda n=attempt: person.text.count("Password:") == n, "a question")  # type: ignore[misc]
            person.client.type("wrong\n")
        sentence, status = await person.failure()
        assert status == Status.CLIENT_UNAUTHORIZED
        assert "password" in sentence


async def test_a_cancelled_question_ends_the_session(daemon: Daemon, server: OpenSsh) -> None:
    async with desk(daemon, server.address) as person:
        await person.see("Login as:")
        person.control("c")
        _, status = await person.failure()
        assert status == Status.SESSION_CLOSED


async def test_a_wrong_password_parameter_ends_the_session_at_once(
    daemon: Daemon, server: OpenSsh, password: str
) -> None:
    values = server.address | {"username": server.user, "password": "not-" + password}
    async with desk(daemon, values) as person:
        sentence, status = await person.failure()
        assert status == Status.CLIENT_UNAUTHORIZED
        assert "rejects the password" in sentence
        assert password not in sentence


async def test_the_passphrase_of_a_key_is_asked_for(daemon: Daemon, server: OpenSsh) -> None:
    encrypted = server.make_key("-t", "ed25519", "-a", "4", passphrase="open sesame")
    values = {"username": server.user, "private-key": encrypted, "passphrase": "wrong"}
    async with desk(daemon, server.address | values) as person:
        await person.see("the passphrase of the private key is wrong")
        await person.see("Key passphrase:")
        person.client.type("open sesame\n")
        await person.see("$")


async def test_a_forwarded_agent_logs_in_from_the_host(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    async with shell(daemon, server, key, **{"enable-agent": "true"}) as person:
        person.client.type(
            "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
            f"-p {server.port} {server.user}@127.0.0.1 echo from-$((40+2))-there\n"
        )
        await person.see("\nfrom-42-there\n")


async def test_an_agent_leaves_nothing_behind(
    daemon: Daemon, server: OpenSsh, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with shell(daemon, server, key, **{"enable-agent": "true"}) as person:
        person.client.type("ssh-add -l | tr a-z A-Z\n")
        await person.see("(ED25519)")
        assert len(os.listdir(tmp_path)) == 1  # noqa: PTH208
    await until(lambda: not daemon.registry.sessions, "the session's end")
    await daemon.registry.close()
    assert os.listdir(tmp_path) == []  # noqa: PTH208


async def test_a_killed_server_has_ended_the_session(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    async with shell(daemon, server, key) as person:
        os.kill(await _session_process(person), signal.SIGKILL)
        await person.end()


async def test_a_host_that_stops_answering_is_noticed_by_keep_alives(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    async with shell(daemon, server, key, **{"server-alive-interval": "1"}) as person:
        connection = person.handler._shell._channel.get_connection()  # type: ignore[attr-defined]
        assert connection._keepalive_interval == 2
        connection._keepalive_interval = 0.05  # the test's patience is shorter than a user's
        connection._set_keepalive_timer()
        process = await _session_process(person)
        os.kill(process, signal.SIGSTOP)
        try:
            sentence, status = await person.failure()
        finally:
            os.kill(process, signal.SIGCONT)
        assert status == Status.UPSTREAM_TIMEOUT
        assert "stopped answering" in sentence


async def test_input_that_the_host_does_not_take_makes_the_users_wait(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    async with shell(daemon, server, key) as person:
        process = await _session_process(person)
        person.client.type("stty -echo raw; echo quiet=$((1+1)); exec cat > /dev/null\n")
        await person.see("quiet=2")
        os.kill(process, signal.SIGSTOP)
        try:
            person.handler.send(bytes(8 << 20))
            user = next(iter(person.session.users))
            paused = user.link.transport
            await until(lambda: not paused._transport.is_reading(), "users to wait")  # type: ignore[attr-defined]
        finally:
            os.kill(process, signal.SIGCONT)
        await until(lambda: paused._transport.is_reading(), "resumed input")  # type: ignore[attr-defined]


async def test_output_that_is_not_taken_stops_the_host(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    async with shell(daemon, server, key) as person:
        channel = person.handler._shell._channel  # type: ignore[attr-defined]
        window = channel.get_recv_window()
        person.handler.block_output(True)
        person.client.type("seq 1000000; echo end-$((1+1))\n")
        await until(lambda: channel._recv_window < window / 32, "a host without a window")
        assert sum(len(data) for data, _ in channel._recv_buf) <= window
        assert "end-2" not in person.text
        person.handler.block_output(False)
        await person.see("\nend-2\n", timeout=30)


async def test_output_does_not_pile_up_while_a_host_waits_again_and_again(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    async with shell(daemon, server, key) as person:
        shell_ = person.handler._shell  # type: ignore[attr-defined]
        channel, block = shell_._channel, person.handler.block_output
        loop = asyncio.get_running_loop()
        received = bytearray()
        pauses = 0

        def wait_a_little(data: bytes) -> None:
            nonlocal pauses
            received.extend(data)
            pauses += 1
            block(True)
            loop.call_later(0.001, block, False)

        person.handler.shell_output = wait_a_little  # type: ignore[attr-defined]
        person.client.type("yes 0123456789\n")
        await until(lambda: pauses > 1000, "many pauses", timeout=30)
        assert sum(len(data) for data, _ in channel._recv_buf) <= 2 * channel.get_recv_window()
        received.clear()
        person.control("c")
        await until(lambda: received.endswith(b"ready> "), "the prompt", timeout=30)
        assert len(received) < 8 * channel.get_recv_window()


async def test_sessions_leave_nothing_behind(server: OpenSsh, key: str) -> None:
    async with ssh_daemon() as daemon:
        await _open_and_close(daemon, server, key, 5)  # threads of the pools are there now
        before = _things()
        for _ in range(5):
            await _open_and_close(daemon, server, key, 10)
        await until(lambda: _things() == before, f"{_things()} to become {before}")


async def _open_and_close(daemon: Daemon, server: OpenSsh, key: str, number: int) -> None:
    values = server.address | {"username": server.user, "private-key": key}

    async def one(turn: int) -> None:
        command = {"command": "true"} if turn % 2 else {}
        async with desk(daemon, values | command, Hello(width=400, height=300)) as person:
            if command:
                await person.end()
            else:
                await person.see("$")

    async with asyncio.TaskGroup() as group:
        for turn in range(number):
            group.create_task(one(turn))
    await until(lambda: not daemon.registry.sessions, "the sessions' end")
    await until(lambda: not daemon.registry._ending, "their clean-up")


def _things() -> tuple[int, int, int]:
    """Tasks, threads (apart from those of pools, which stay) and open files of this process."""
    gc.collect()
    pools = ("asyncio", "encoder", "waiting", "computing")
    threads = [t for t in threading.enumerate() if not t.name.startswith(pools)]
    files = len(list(Path("/proc/self/fd").iterdir()))
    return len(asyncio.all_tasks()), len(threads), files


async def _session_process(person: Desk) -> int:
    """The process of the server that serves this session."""
    person.client.type("echo pid=$PPID=\n")
    await until(lambda: re.search(r"pid=\d+=", person.text), "a process id")
    found = re.search(r"pid=(\d+)=", person.text)
    assert found is not None
    return int(found[1])


async def test_a_key_takes_one_packet(
    daemon: Daemon, server: OpenSsh, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    send_packet = asyncssh.SSHClientConnection.send_packet

    def noted(self: Any, kind: int, *args: Any, **options: Any) -> None:
        sent.append(kind)
        send_packet(self, kind, *args, **options)

    monkeypatch.setattr(asyncssh.SSHClientConnection, "send_packet", noted)
    async with shell(daemon, server, key) as person:
        sent.clear()
        person.client.type("x")
        await person.see(f"{PROMPT}x")
        assert sent == [asyncssh.constants.MSG_CHANNEL_DATA]
