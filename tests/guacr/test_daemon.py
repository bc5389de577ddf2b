"""The daemon as a process: signals, systemd's sockets and notifications, its health."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

QUIET = {name: value for name, value in os.environ.items() if not name.startswith("GUACR_")}
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
        env=QUIET | {"GUACR_LOG__FORMAT": "text"} | environment,
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_listens_and_ends_by_signals(number: signal.Signals) -> None:
    with serving(*SERVE) as process:
        port = int(line(process, r"listening on 127.0.0.1:(\d+)$").group(1))
        line(process, r"listening for WebSocket on 127.0.0.1:\d+$")
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"6.select,8.testcard;")
            assert client.recv(100).startswith(b"4.args,13.VERSION_1_5_0,")
            assert ended(process, number) == 0


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
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(b"6.select,3.foo;")
                assert b"protocol 'foo' is unknown" in client.recv(1000)
            assert ended(process, signal.SIGTERM) == 0


def test_systemd_is_told(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(DEADLINE)
        with serving(*SERVE, NOTIFY_SOCKET=str(path)) as process:
            assert listener.recv(100) == b"READY=1"
            assert ended(process, signal.SIGTERM) == 0
            assert listener.recv(100) == b"STOPPING=1"


FEW_FILES = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 256))
os.execv(sys.executable, [sys.executable, "-m", "guacr", *sys.argv[2:]])
"""
SELECT = b"6.select,8.testcard;"


def silent_connections(port: int, count: int) -> list[socket.socket]:
    """Connections that say nothing; those that are refused are among them."""
    return [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(count)]


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
        line(process, "of this address wait for a session already")
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
