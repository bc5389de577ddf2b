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
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from guacr.demo import desktop as demo
from guacr.demo.desktop import DemoDesktop
from tests.support.require import require
from tests.support.waiting import until

ABANDONED = """
import asyncio
from guacr.demo.desktop import DemoDesktop

async def main():
    desktop = DemoDesktop()
    assert await desktop.start()
    print(desktop._display, desktop._directory.name, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
VNC_PASSWORD = 2
"""The security type."""


@pytest.fixture
async def desktop() -> AsyncIterator[DemoDesktop]:
    require("Xvnc")
    require("vncpasswd")
    running = DemoDesktop()
    try:
        assert await running.start()
        yield running
    finally:
        await running.close()


def has_files(desktop: DemoDesktop) -> bool:
    """Return whether anything of the display is in the file system."""
    number = desktop._display
    files = (f"/tmp/.X11-unix/X{number}", f"/tmp/.X{number}-lock", desktop._directory.name)
    return any(map(os.path.exists, files))


def is_display(number: str) -> bool:
    return Path(f"/tmp/.X11-unix/X{number}").exists()


def can_connect(desktop: DemoDesktop, **environment: str) -> bool:
    """Return whether a program can show something on the display."""
    command = [str(require("xdpyinfo")), "-display", f":{desktop._display}"]
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0


def security_types(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as sock, sock.makefile("rb") as data:
        sock.sendall(data.read(12))
        return data.read(data.read(1)[0])


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
    assert desktop._server is not None
    assert desktop.parameters["password"].encode() not in arguments_of(desktop._server.pid)


async def test_nothing_is_left_of_it(desktop: DemoDesktop) -> None:
    assert has_files(desktop)
    server = desktop._server
    assert server is not None
    await desktop.close()
    assert None not in {process.returncode for process in (server, *desktop._programs)}
    assert not has_files(desktop)


async def test_nothing_is_left_of_a_server_that_hangs(
    desktop: DemoDesktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "END_TIMEOUT", 0.05)
    server = desktop._server
    assert server is not None
    os.kill(server.pid, signal.SIGSTOP)
    await desktop.close()
    assert server.returncode == -signal.SIGKILL
    assert not has_files(desktop)


async def test_without_a_display_there_is_no_desktop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not DemoDesktop.is_available()
    for name in ("Xvnc", "vncpasswd"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    assert DemoDesktop.is_available()
    for _ in range(2):
        broken = DemoDesktop()
        assert not await broken.start()
        await broken.close()
        (tmp_path / "vncpasswd").write_text("#!/bin/sh\necho obfuscated\n")


async def test_a_display_that_does_not_start_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "START_TIMEOUT", 0.05)
    monkeypatch.setattr(demo, "TRIES", 1)
    (tmp_path / "Xvnc").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "vncpasswd").write_text("#!/bin/sh\necho obfuscated\n")
    for name in ("Xvnc", "vncpasswd"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    broken = DemoDesktop()
    assert not await broken.start()
    assert broken._server is None
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
