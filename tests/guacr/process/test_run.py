"""The daemon as a process: signals, systemd's sockets and notifications, its health."""

import asyncio
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from guacr.control.client import ControlClient, Place
from guacr.errors import SettingsError
from guacr.process import run
from guacr.settings.models import Settings
from tests.support.waiting import free_port

QUIET = {name: value for name, value in os.environ.items() if not name.startswith("GUACR_")}
PROTOCOLS = "GUACR_SERVER__PROTOCOLS"
"""Daemons that need no other protocol than the test card start sooner."""
DEADLINE = 30
LAUNCHER = """
import os, sys
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = "1"
if int(sys.argv[1]) != 3:
    os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.execv(sys.executable, [sys.executable, "-m", "guacr", *sys.argv[2:]])
"""


@contextmanager
def serving(*command: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, *command],
        stderr=subprocess.PIPE,
        text=True,
        env=QUIET | {"GUACR_LOG__FORMAT": "text", PROTOCOLS: "testcard"} | environment,
        pass_fds=[int(command[2])] if command[0] == "-c" else [],
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """The first line of the log that matches."""
    assert process.stderr is not None
    seen = []
    for text in process.stderr:
        seen.append(text)
        if match := re.search(pattern, text):
            return match
    raise AssertionError(f"no {pattern!r} in {seen}")


def ended(process: subprocess.Popen[str], number: signal.Signals) -> int:
    process.send_signal(number)
    process.communicate(timeout=DEADLINE)
    return process.returncode


SERVE = ("-m", "guacr", "serve", "-f", "-b", "127.0.0.1", "-l", "0", "--ws-port", "0")


def test_a_daemon_without_a_port_for_guacamole_says_so() -> None:
    serve = ("-m", "guacr", "serve", "-f", "--ws-port", "0")
    with serving(*serve, GUACR_SERVER__HOSTS="") as process:
        line(process, "WARNING: not listening for the Guacamole protocol: server.hosts is empty")


@pytest.mark.parametrize(
    ("number", "protocols", "ssh"),
    [
        (signal.SIGTERM, "*", b"4.args,13.VERSION_1_5_0,8.hostname,"),
        (signal.SIGINT, "testcard", b"protocol ssh is disabled: add it to server.protocols"),
    ],
)
def test_it_listens_and_ends_by_signals(number: signal.Signals, protocols: str, ssh: bytes) -> None:
    with serving(*SERVE, **{PROTOCOLS: protocols}) as process:
        port = int(line(process, r"listening on 127.0.0.1:(\d+)$").group(1))
        line(process, r"listening for WebSocket on 127.0.0.1:\d+$")
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
            client.sendall(b"6.select,8.testcard;")
            assert client.recv(100).startswith(b"4.args,13.VERSION_1_5_0,")
            assert ssh in greeting(port, "ssh")
            assert ended(process, number) == 0


def test_several_processes_reload_and_end_by_signals(tmp_path: Path) -> None:
    pid_file = tmp_path / "guacr.pid"
    with serving(*SERVE, "-p", str(pid_file), GUACR_DAEMON__WORKERS="2") as process:
        port = int(line(process, r"listening on 127.0.0.1:(\d+)$").group(1))
        line(process, r"listening for WebSocket on 127.0.0.1:\d+$")
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
            client.sendall(b"6.select,8.testcard;")
            args = b""
            while not args.endswith(b";"):
                args += client.recv(4096)
            process.send_signal(signal.SIGHUP)
            line(process, "the settings were reloaded")
            assert pid_file.read_text() == f"{process.pid}\n"
            empty = b",0." * (args.count(b",") - 1)
            client.sendall(b"4.size,2.99,2.99;7.connect,13.VERSION_1_5_0%s;" % empty)
            assert client.recv(100).startswith(b"5.ready,37.$")
            assert ended(process, signal.SIGTERM) == 0
            assert b"the daemon is shutting down" in rest(client)
        assert not pid_file.exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_log_that_nobody_reads_holds_up_nothing(workers: str) -> None:
    with serving(*SERVE, "-L", "debug", GUACR_DAEMON__WORKERS=workers) as process:
        port = int(line(process, r"listening on 127.0.0.1:(\d+)$").group(1))
        line(process, r"listening for WebSocket on 127.0.0.1:\d+$")
        assert process.stderr is not None
        fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 4096)
        for _ in range(200):  # with a line at least for each
            assert b"args" in greeting(port, "testcard")
        assert ended(process, signal.SIGTERM) == 0


def rest(client: socket.socket) -> bytes:
    data = b""
    while piece := client.recv(65536):
        data += piece
    return data


async def test_a_reload_that_is_done_at_the_end_does_not_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded = asyncio.get_running_loop().create_future()

    async def apart(*_: object) -> object:
        return await loaded

    monkeypatch.setattr(run, "apart", apart)
    process = run._Process(Settings(), Settings, None)
    reloading = asyncio.create_task(process._loaded())
    await asyncio.sleep(0)
    loaded.set_result(Settings())
    reloading.cancel()
    await asyncio.wait([reloading])
    assert reloading.cancelled()


STUCK = """
import socket, sys, time
sys.modules["uvloop"] = None
find = socket.getaddrinfo
def stuck(host, *rest, **options):
    if host == "stuck.example":
        print("looking up stuck.example", file=sys.stderr, flush=True)
        time.sleep(600)
    return find(host, *rest, **options)
socket.getaddrinfo = stuck
from guacr.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_name_server_that_does_not_answer_holds_up_no_end(tmp_path: Path) -> None:
    script = tmp_path / "stuck.py"
    script.write_text(STUCK)
    with serving(str(script), *SERVE[2:], **{PROTOCOLS: "ssh"}) as process:
        port = int(line(process, r"listening on 127.0.0.1:(\d+)$").group(1))
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
            client.sendall(b"6.select,3.ssh;")
            args = ""
            while not args.endswith(";"):
                args += client.recv(65536).decode()
            names = [name.partition(".")[2] for name in args[:-1].split(",")[1:]]
            given = {"VERSION_1_5_0": "VERSION_1_5_0", "hostname": "stuck.example", "username": "a"}
            chosen = [given.get(name, "") for name in names]
            values = "".join(f",{len(value)}.{value}" for value in chosen)
            client.sendall(f"4.size,3.800,3.600,2.96;7.connect{values};".encode())
            line(process, "looking up stuck.example")
            assert ended(process, signal.SIGTERM) == 0


def test_a_port_that_is_taken_stops_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "guacr", "serve", "-f", "-b", "127.0.0.1", "-l", port],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            env=QUIET,
        )
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_sockets_from_systemd() -> None:
    with socket.create_server(("127.0.0.1", 0)) as passed:
        port = passed.getsockname()[1]
        os.set_inheritable(passed.fileno(), True)
        number = str(passed.fileno())
        with serving("-c", LAUNCHER, number, "serve", "-f", "--ws-port", "0") as process:
            line(process, rf"listening on 127.0.0.1:{port}$")
            passed.close()
            with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
                client.sendall(b"6.select,3.foo;")
                assert b"protocol 'foo' is unknown" in client.recv(1000)
            assert ended(process, signal.SIGTERM) == 0


@pytest.mark.parametrize("count", ["x", "1"])
def test_what_is_no_socket_of_systemds(count: str) -> None:
    launcher = LAUNCHER.replace('"1"', repr(count))
    with (
        socket.socket() as silent,  # it does not listen
        serving("-c", launcher, str(silent.fileno()), *SERVE[2:]) as process,
    ):
        line(process, "^guacr: LISTEN_FDS")
        assert process.wait(DEADLINE) == 2


def test_systemd_is_told(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(DEADLINE)
        with serving(*SERVE, NOTIFY_SOCKET=str(path)) as process:
            assert listener.recv(100) == b"READY=1"
            assert ended(process, signal.SIGTERM) == 0
            assert listener.recv(100) == b"STOPPING=1"


def greeting(port: int, protocol: str = "testcard") -> bytes:
    """Return the daemon's answer to `select`."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
        client.sendall(f"6.select,{len(protocol)}.{protocol};".encode())
        return client.recv(1000)


def offered(port: int) -> str:
    """The connections of the page."""
    with urllib.request.urlopen(
        f"http://127.0.0.1:{port}/api/connections", timeout=DEADLINE
    ) as answer:
        return str(answer.read())


CONFIG = """
[log]
level = "{level}"
[server]
hosts = ["127.0.0.1"]
port = {port}
handshake_timeout = 60
[websocket]
hosts = ["127.0.0.1"]
port = {web_port}
[connections.{name}]
protocol = "testcard"
"""


def test_sighup_reloads_and_ends_nothing(tmp_path: Path) -> None:
    path, notified = tmp_path / "guacr.toml", tmp_path / "notify"
    port, web_port = free_port(), free_port()

    def write(name: str, level: str = "info", port: int = port) -> None:
        path.write_text(CONFIG.format(name=name, level=level, port=port, web_port=web_port))

    write("old")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(notified))
        listener.settimeout(DEADLINE)
        command = ("-m", "guacr", "serve", "-f", "--config", str(path))
        control = {"GUACR_CONTROL__UNIX_SOCKET": str(tmp_path / "control.sock")}
        with serving(*command, NOTIFY_SOCKET=str(notified), **control) as process:
            assert listener.recv(100) == b"READY=1"
            operator = ControlClient(Place(unix_socket=tmp_path / "control.sock"))
            assert "old" in offered(web_port)
            with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
                client.sendall(b"6.select,8.testcard;")
                values = client.recv(4096)
                assert values.startswith(b"4.args")
                write("new", port=port + 1)
                process.send_signal(signal.SIGHUP)
                assert listener.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
                assert listener.recv(100) == b"READY=1"
                line(process, "the settings were reloaded")
                line(process, "server.port has changed: it takes effect with the next start")
                assert "new" in offered(web_port)
                assert operator.reload().need_restart == ("server.port",)
                path.write_text("[server]\nport = 99999\n")
                with pytest.raises(SettingsError, match="port must be a whole number"):
                    operator.reload()
                line(process, "settings were not reloaded: .*server.port must be a whole number")
                process.send_signal(signal.SIGHUP)
                line(process, "settings were not reloaded: .*server.port must be a whole number")
                assert "new" in offered(web_port)
                path.write_text("a = " + "[" * 100_000)
                process.send_signal(signal.SIGHUP)
                line(process, "settings were not reloaded: .*nested too deeply")
                assert "new" in offered(web_port)
                write("newest", level="error")
                process.send_signal(signal.SIGHUP)
                assert [listener.recv(100)[:5] for _ in range(6)] == [b"RELOA", b"READY"] * 3
                assert "newest" in offered(web_port)
                client.sendall(b"7.connect;")
                assert b"error" in client.recv(4096), "the connection is still served"
            assert ended(process, signal.SIGTERM) == 0


def test_wrong_parameters_of_connections_are_logged(tmp_path: Path) -> None:
    path = tmp_path / "guacr.toml"
    start = CONFIG.format(name="good", level="info", port=free_port(), web_port=free_port())
    path.write_text(f"{start}[connections.bad]\nprotocol = 'vnc'\nparameters.prot = 5901\n")
    command = ("-m", "guacr", "serve", "-f", "--config", str(path))
    with serving(*command, **{PROTOCOLS: "testcard,vnc"}) as process:
        line(process, "connections.bad: parameter 'prot' is unknown: did you mean port?")
        line(process, "connections.bad: parameter hostname is empty")
        path.write_text(f"{start}[connections.worse]\nprotocol = 'gopher'\n")
        process.send_signal(signal.SIGHUP)
        line(process, "connections.worse: protocol 'gopher' is unknown")
        assert ended(process, signal.SIGTERM) == 0


def test_commands_of_secrets_end_with_the_daemon(tmp_path: Path) -> None:
    life, known, script = tmp_path / "life", tmp_path / "known", tmp_path / "script"
    os.mkfifo(life)
    known.write_text("k" * 32)
    script.write_text(
        f"#!/bin/sh\ncat {known} && exit\nexec 3>{life}; echo runs >&3; sleep 60 & wait\n"
    )
    script.chmod(0o700)
    config = tmp_path / "guacr.toml"
    config.write_text(f'[websocket]\ntoken_keys = [{{ exec = ["{script}"] }}]\n')
    with serving(*SERVE, "--config", str(config)) as process:
        line(process, "listening for WebSocket")
        known.unlink()
        process.send_signal(signal.SIGHUP)
        with life.open() as held:  # by the command and its child
            assert held.readline() == "runs\n"
            begin = time.monotonic()
            assert ended(process, signal.SIGTERM) == 0
            assert held.read() == ""
            assert time.monotonic() - begin < DEADLINE


def test_a_file_that_never_comes_holds_up_neither_reload_nor_end(tmp_path: Path) -> None:
    path = tmp_path / "guacr.toml"
    port, web_port = free_port(), free_port()
    path.write_text(CONFIG.format(name="a", level="info", port=port, web_port=web_port))
    with serving("-m", "guacr", "serve", "-f", "--config", str(path)) as process:
        line(process, "listening for WebSocket")
        path.unlink()
        os.mkfifo(path)
        process.send_signal(signal.SIGHUP)
        with path.open("wb"):  # opens once the daemon reads
            assert "a" in offered(web_port)
            assert ended(process, signal.SIGTERM) == 0


def test_a_next_daemon_starts_while_this_one_ends(tmp_path: Path) -> None:
    port, web_port = free_port(), free_port()
    pid, unix = tmp_path / "guacr.pid", tmp_path / "guacr.sock"
    command = ("-m", "guacr", "serve", "-f", "-b", "127.0.0.1", "-l", str(port), "-p", str(pid))
    more = {"GUACR_SERVER__UNIX_SOCKET": str(unix), "GUACR_WEBSOCKET__PORT": str(web_port)}
    with serving(*command, **more) as first:
        line(first, "listening for WebSocket")
        with serving(*command, **more) as second:
            line(second, f"daemon.pid_file {pid} belongs to process {first.pid}")
            assert second.wait(DEADLINE) == 2
        assert pid.read_text() == f"{first.pid}\n"
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
            client.sendall(SELECT)
            client.recv(10)  # it does not leave, so that the daemon waits for it
            first.send_signal(signal.SIGTERM)
            line(first, "stopping")
            with serving(*command, **more) as third:
                line(third, "listening for WebSocket")
                assert greeting(port).startswith(b"4.args")
                first.wait(DEADLINE)
                assert pid.read_text() == f"{third.pid}\n"
                assert unix.is_socket()
                assert ended(third, signal.SIGTERM) == 0
    assert not pid.exists()


FEW_FILES = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 256))
os.execv(sys.executable, [sys.executable, "-m", "guacr", *sys.argv[2:]])
"""
SELECT = b"6.select,8.testcard;"


def silent_connections(port: int, count: int) -> list[socket.socket]:
    """Connections that say nothing; those that are refused are among them."""
    return [socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) for _ in range(count)]


def reply_of(sock: socket.socket) -> bytes:
    with suppress(ConnectionResetError, BrokenPipeError):
        return sock.recv(4096)
    return b""


@pytest.mark.parametrize("uvloop", ["uvloop", "asyncio"])
def test_silent_connections_leave_room_for_others(uvloop: str, tmp_path: Path) -> None:
    """With few files, and more connections than there are files."""
    if uvloop == "asyncio":  # what cannot be imported is not used
        (tmp_path / "uvloop.py").write_text("raise ImportError")
    flags = ("serve", "-f", "-b", "127.0.0.1", "-l", "0", "--ws-port", "0")
    with serving("-c", FEW_FILES, "2", *flags, PYTHONPATH=str(tmp_path)) as process:
        line(process, "only 256 files may be open")
        port = int(line(process, r"listening on .*:(\d+)$")[1])
        web_port = int(line(process, r"WebSocket on .*:(\d+)$")[1])
        crowd = silent_connections(port, 400) + silent_connections(web_port, 400)
        line(process, "of this address already wait for a session")
        assert b"5.error" in reply_of(crowd[399])
        assert b"HTTP/1.1 503 " in reply_of(crowd[799])
        other = socket.create_connection(("127.0.0.1", port), 5, ("127.0.0.2", 0))
        other.sendall(SELECT)
        assert other.recv(4096).startswith(b"4.args")
        page = socket.create_connection(("127.0.0.1", web_port), 5, ("127.0.0.2", 0))
        page.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert page.recv(4096).startswith(b"HTTP/1.1 200 ")
        for sock in (*crowd, other, page):
            sock.close()
        assert ended(process, signal.SIGTERM) == 0
