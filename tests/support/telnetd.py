"""Real Telnet servers, started for each connection as inetd does it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from tests.support.require import missing, require

PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
SHELL = "/bin/sh"


def inetutils(login: str = SHELL) -> list[str]:
    """The command of GNU inetutils' telnetd; `login` runs in place of the system's."""
    path = shutil.which("telnetd", path=PATH)
    if path is None:
        missing("inetutils' telnetd is not installed")
    return [str(path), *([f"--exec-login={login}"] if login else [])]


def busybox(login: str = SHELL) -> list[str]:
    """The command of busybox's telnetd."""
    path = require("busybox")
    applets = subprocess.run([path, "--list"], capture_output=True, text=True, check=True).stdout
    if "telnetd" not in applets.split():
        missing("busybox has no telnetd: busybox-static has")
    return [str(path), "telnetd", "-i", "-l", login]


@asynccontextmanager
async def telnetd(command: Sequence[str], host: str = "127.0.0.1") -> AsyncIterator[dict[str, str]]:
    """The parameters that name a server of which each connection has its own process."""
    loop = asyncio.get_running_loop()
    processes: list[subprocess.Popen[bytes]] = []
    with socket.create_server((host, 0)) as listener:
        listener.setblocking(False)

        async def accept() -> None:
            while True:
                connection, _ = await loop.sock_accept(listener)
                with connection:
                    connection.setblocking(True)
                    processes.append(_serve(command, connection))

        accepting = asyncio.create_task(accept(), name="telnetd")
        try:
            yield {"hostname": host, "port": str(listener.getsockname()[1])}
        finally:
            accepting.cancel()
            await asyncio.wait([accepting])
            for process in processes:
                await asyncio.to_thread(_stop, process)


def _serve(command: Sequence[str], connection: socket.socket) -> subprocess.Popen[bytes]:
    environment = {"PATH": PATH, "LANG": "C.UTF-8"}
    return subprocess.Popen(
        command,
        stdin=connection.fileno(),
        stdout=connection.fileno(),
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
