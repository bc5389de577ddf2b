"""The demo's desktop: an X display of TigerVNC's Xvnc with some programs, for this user only.

Xvnc listens only on this machine. Its VNC password and the X display's cookie are random and kept
in a directory that only this user can read.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import struct
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

SERVER, PASSWORD_TOOL = "Xvnc", "vncpasswd"
PASSWORD_LENGTH = 8
"""Characters that VNC uses."""
COOKIE_SIZE = 16
SIZE = "1280x800"
TRIES = 3
"""Attempts to start: another program may take the free port first."""
START_TIMEOUT = 20.0
END_TIMEOUT = 3.0
"""Seconds within which a program must end."""
_LAUNCHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Run by the child: it becomes a program that ends with this process, even if that is killed."""
SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108 - the place that X uses

WINDOW_MANAGERS = ("openbox", "icewm", "fluxbox", "jwm", "xfwm4", "twm")
"""The first of these that is installed is started."""
PROGRAMS = (
    ("xsetroot", "-solid", "#2f5d62"),
    ("xterm", "-geometry", "84x24+40+50", "-fa", "Monospace", "-fs", "11",
     "-bg", "#10181a", "-fg", "#dce6e4"),
    ("xclock", "-geometry", "180x180+860+50"),
    ("xeyes", "-geometry", "180x120+860+280"),
)  # fmt: skip
"""Those that are installed are started."""
SESSION_VARIABLES = frozenset(("WAYLAND_DISPLAY", "SESSION_MANAGER", "DBUS_SESSION_BUS_ADDRESS"))
"""Variables of the person's own desktop, which programs of this one must not use."""


class DemoDesktop:
    """The desktop, from `start` until `close`."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="guacr-demo-")
        self._password = secrets.token_urlsafe(PASSWORD_LENGTH)[:PASSWORD_LENGTH]
        self._port = 0
        self._display = ""
        self._server: Process | None = None
        self._programs: list[Process] = []

    @staticmethod
    def is_available() -> bool:
        """Return whether what it needs is installed."""
        return all(shutil.which(name) for name in (SERVER, PASSWORD_TOOL))

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of a connection to it, once it has started."""
        return {"hostname": "127.0.0.1", "port": str(self._port), "password": self._password}

    async def start(self) -> bool:
        """Start the display and the programs; return whether the display could be started."""
        self._path("cookie").write_bytes(_authority(secrets.token_bytes(COOKIE_SIZE)))
        password = await _obfuscated(self._password)
        self._path("password").write_bytes(password)
        if not password:  # a tool of another VNC
            return False
        for _ in range(TRIES):
            if await self._start_server():
                await self._start_programs()
                return True
        return False

    async def close(self) -> None:
        """End the programs, then the display, and delete all files."""
        await asyncio.gather(*map(_end, self._programs))
        await self._end_server()
        self._directory.cleanup()

    def _path(self, name: str) -> Path:
        """Return the path of a file, which is created so that only this user can read it."""
        path = Path(self._directory.name, name)
        path.touch(0o600)
        return path

    # ---- the display

    async def _start_server(self) -> bool:
        reading, writing = os.pipe()
        self._port = _free_port()
        command = [
            sys.executable, "-ISc", _LAUNCHER,
            SERVER, "-displayfd", str(writing), "-rfbport", str(self._port), "-localhost",
            "-SecurityTypes", "VncAuth", "-PasswordFile", str(self._path("password")),
            "-auth", str(self._path("cookie")), "-nolisten", "tcp", "-AlwaysShared",
            "-geometry", SIZE, "-depth", "24", "-desktop", "Desktop",
        ]  # fmt: skip
        try:
            self._server = await _launch(command, os.environ, writing)
        finally:
            os.close(writing)
        with os.fdopen(reading, "rb") as told, suppress(TimeoutError):
            line = asyncio.create_task(asyncio.to_thread(told.readline), name="display")
            try:
                async with asyncio.timeout(START_TIMEOUT):
                    self._display = (await asyncio.shield(line)).decode().strip()
            finally:
                if not self._display:
                    await self._end_server()
                await line
        return bool(self._display)

    async def _end_server(self) -> None:
        server, self._server = self._server, None
        if server is not None and not await _end(server) and self._display:
            _forget_display(self._display)

    # ---- the programs

    async def _start_programs(self) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in SESSION_VARIABLES}
        environment = kept | {
            "DISPLAY": f":{self._display}",
            "XAUTHORITY": str(self._path("cookie")),
        }
        managers = [(name,) for name in WINDOW_MANAGERS if shutil.which(name)]
        for command in (*managers[:1], *PROGRAMS):
            if shutil.which(command[0]):
                self._programs.append(await _launch(command, environment))


async def _launch(
    command: tuple[str, ...] | list[str], environment: Mapping[str, str], *descriptors: int
) -> Process:
    """Start a program that Ctrl-C in the terminal does not end: `close` does, in order."""
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
        start_new_session=True,
        pass_fds=descriptors,
        env=environment,
    )


async def _end(program: Process) -> bool:
    """End a program, and return whether it had the time to clean up."""
    with suppress(ProcessLookupError):
        program.terminate()
    try:
        async with asyncio.timeout(END_TIMEOUT):
            await program.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        await program.wait()
        return False
    return True


def _forget_display(number: str) -> None:
    """Delete the files that a killed server has left."""
    (SOCKETS / f"X{number}").unlink(missing_ok=True)
    SOCKETS.with_name(f".X{number}-lock").unlink(missing_ok=True)


async def _obfuscated(password: str) -> bytes:
    """Return the content of a password file."""
    process = await asyncio.create_subprocess_exec(
        PASSWORD_TOOL, "-f", stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )
    output, _ = await process.communicate(password.encode() + b"\n")
    return output


def _authority(cookie: bytes) -> bytes:
    """Return an Xauthority file with a cookie for every display."""
    wild = 0xFFFF
    parts = (b"", b"", b"MIT-MAGIC-COOKIE-1", cookie)
    return struct.pack(">H", wild) + b"".join(struct.pack(">H", len(part)) + part for part in parts)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
