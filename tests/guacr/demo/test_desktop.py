"""The demo's desktop: only for its user, and without a trace when it has ended."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from guacr.demo import desktop as demo
from guacr.demo import programs
from guacr.demo.desktop import DemoDesktop
from guacr.demo.vnc_servers import X11vnc, Xvnc
from tests.support.require import require
from tests.support.waiting import until

ABANDONED = """
import asyncio
from guacr.demo.desktop import DemoDesktop

async def main():
    desktop = DemoDesktop()
    assert await desktop.start()
    print(desktop._server.display, desktop._directory.name, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
VNC_PASSWORD = 2
"""The security type."""
LOOPBACK = {"0100007F", "00000000000000000000000001000000"}
"""127.0.0.1 and ::1 in /proc/net."""


@pytest.fixture(params=[Xvnc, X11vnc])
async def desktop(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[DemoDesktop]:
    for program in request.param.NEEDS:
        require(program)
    monkeypatch.setattr(demo, "SERVERS", [request.param])
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")  # x11vnc refuses to run with it
    running = DemoDesktop()
    try:
        assert await running.start()
        yield running
    finally:
        await running.close()


def display_of(desktop: DemoDesktop) -> str:
    assert desktop._server is not None
    return desktop._server.display


def servers_of(desktop: DemoDesktop) -> list[Process]:
    """The processes of the X server and the VNC server."""
    server = desktop._server
    assert server is not None
    servers = [server._x_server, *([server._server] if isinstance(server, X11vnc) else [])]
    return [one.process for one in servers if one.process is not None]


def has_files(desktop: DemoDesktop) -> bool:
    """Return whether anything of the display is in the file system."""
    number = display_of(desktop)
    files = (f"/tmp/.X11-unix/X{number}", f"/tmp/.X{number}-lock", desktop._directory.name)
    return any(map(os.path.exists, files))


def is_display(number: str) -> bool:
    return Path(f"/tmp/.X11-unix/X{number}").exists()


def can_connect(desktop: DemoDesktop, **environment: str) -> bool:
    """Return whether a program can show something on the display."""
    command = [str(require("xdpyinfo")), "-display", f":{display_of(desktop)}"]
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0


def security_types(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as sock, sock.makefile("rb") as data:
        sock.sendall(data.read(12))
        return data.read(data.read(1)[0])


def listeners(port: int) -> set[str]:
    """The local addresses at which anything listens on a port, as /proc/net shows them."""
    lines = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    listening = (one[1].split(":") for one in lines if one[3] == "0A")
    return {address for address, number in listening if int(number, 16) == port}


def open_to_others(directory: Path) -> list[str]:
    """The files that other users of the machine can read, write or enter."""
    files = [directory, *directory.iterdir()]
    return [file.name for file in files if stat.S_IMODE(file.stat().st_mode) & 0o077]


def arguments_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_nobody_else_can_use_it(desktop: DemoDesktop) -> None:
    directory = Path(desktop._directory.name)
    assert open_to_others(directory) == []
    port = int(desktop.parameters["port"])
    assert await asyncio.to_thread(security_types, port) == bytes([VNC_PASSWORD])
    assert await asyncio.to_thread(can_connect, desktop, XAUTHORITY=f"{directory}/cookie")
    assert not await asyncio.to_thread(can_connect, desktop, XAUTHORITY="/dev/null")
    password = desktop.parameters["password"].encode()
    assert not [one for one in servers_of(desktop) if password in arguments_of(one.pid)]
    assert listeners(port) <= LOOPBACK


async def test_nothing_is_left_of_it(desktop: DemoDesktop) -> None:
    assert has_files(desktop)
    processes = [*servers_of(desktop), *desktop._programs]
    await desktop.close()
    assert None not in {process.returncode for process in processes}
    assert not has_files(desktop)


async def test_nothing_is_left_of_a_server_that_hangs(
    desktop: DemoDesktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "END_TIMEOUT", 0.05)
    servers = servers_of(desktop)
    for server in servers:
        os.kill(server.pid, signal.SIGSTOP)
    await desktop.close()
    assert {server.returncode for server in servers} == {-signal.SIGKILL}
    assert not has_files(desktop)


def put(directory: Path, name: str, script: str) -> None:
    """Install a program."""
    (directory / name).write_text(f"#!/bin/sh\n{script}\n")
    (directory / name).chmod(0o755)


async def test_without_a_display_there_is_no_desktop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not DemoDesktop.is_available()
    for name in ("Xvnc", "vncpasswd"):
        put(tmp_path, name, "exit 1")
    assert DemoDesktop.is_available()
    for _ in range(2):
        broken = DemoDesktop()
        assert not await broken.start()
        await broken.close()
        put(tmp_path, "vncpasswd", "echo obfuscated")


async def test_a_display_that_does_not_start_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "START_TIMEOUT", 0.05)
    monkeypatch.setattr(demo, "TRIES", 1)
    monkeypatch.setattr(demo, "SERVERS", [Xvnc])
    put(tmp_path, "Xvnc", "exec sleep 60")
    put(tmp_path, "vncpasswd", "echo obfuscated")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    broken = DemoDesktop()
    assert not await broken.start()
    assert servers_of(broken) == []
    await broken.close()


async def test_if_xvnc_cannot_be_used_there_is_x11vnc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in X11vnc.NEEDS:
        require(program)
    put(tmp_path, "Xvnc", "exit 1")
    put(tmp_path, "vncpasswd", "echo obfuscated")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    desktop = DemoDesktop()
    try:
        assert await desktop.start()
        assert isinstance(desktop._server, X11vnc)
    finally:
        await desktop.close()


async def test_an_x11vnc_that_does_not_start_takes_its_display_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("Xvfb")
    monkeypatch.setattr(demo, "TRIES", 1)
    monkeypatch.setattr(demo, "SERVERS", [X11vnc])
    put(tmp_path, "x11vnc", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    broken = DemoDesktop()
    assert not await broken.start()
    assert display_of(broken)
    assert not is_display(display_of(broken))
    assert servers_of(broken) == []
    await broken.close()


async def test_it_ends_with_a_process_that_is_killed() -> None:
    require("Xvnc")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ABANDONED, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    display, directory = (await process.stdout.readline()).decode().split()
    assert is_display(display)
    process.kill()
    await process.wait()
    await until(lambda: not is_display(display), "the end of the display")
    shutil.rmtree(directory)
