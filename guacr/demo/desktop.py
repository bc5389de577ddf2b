"""The demo's desktop: an X display with some programs, shown by VNC, for this user only.

Its VNC password and the X display's cookie are random and kept in a directory that only this user
can read.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import struct
import tempfile
from asyncio.subprocess import Process
from pathlib import Path

from guacr.demo.programs import end, launch
from guacr.demo.vnc_servers import SERVERS, VncServer

PASSWORD_LENGTH = 8
"""Characters that VNC uses."""
COOKIE_SIZE = 16
TRIES = 3
"""Attempts to start a server: another program may take the free port first."""

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


class DemoDesktop:
    """The desktop, from `start` until `close`."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="guacr-demo-")
        self._password = secrets.token_urlsafe(PASSWORD_LENGTH)[:PASSWORD_LENGTH]
        self._cookie = self._file("cookie")
        self._server: VncServer | None = None
        self._programs: list[Process] = []

    @staticmethod
    def is_available() -> bool:
        """Return whether what it needs is installed."""
        return any(server.is_available() for server in SERVERS)

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of a connection to it, once it has started."""
        port = 0 if self._server is None else self._server.port
        return {"hostname": "127.0.0.1", "port": str(port), "password": self._password}

    async def start(self) -> bool:
        """Start the display and the programs; return whether the display could be started."""
        self._cookie.write_bytes(_authority(secrets.token_bytes(COOKIE_SIZE)))
        for kind in SERVERS:
            for _ in range(TRIES if kind.is_available() else 0):
                self._server = kind(self._cookie, self._file("password"))
                if await self._server.start(self._password):
                    await self._start_programs(self._server.display)
                    return True
        return False

    async def close(self) -> None:
        """End the programs, then the display, and delete all files."""
        await asyncio.gather(*map(end, self._programs))
        if self._server is not None:
            await self._server.close()
        self._directory.cleanup()

    def _file(self, name: str) -> Path:
        """Return the path of a file, which is created so that only this user can read it."""
        path = Path(self._directory.name, name)
        path.touch(0o600)
        return path

    async def _start_programs(self, display: str) -> None:
        variables = {"DISPLAY": f":{display}", "XAUTHORITY": str(self._cookie)}
        managers = [(name,) for name in WINDOW_MANAGERS if shutil.which(name)]
        for command in (*managers[:1], *PROGRAMS):
            if shutil.which(command[0]):
                self._programs.append(await launch(command, variables))


def _authority(cookie: bytes) -> bytes:
    """Return an Xauthority file with a cookie for every display."""
    wild = 0xFFFF
    parts = (b"", b"", b"MIT-MAGIC-COOKIE-1", cookie)
    return struct.pack(">H", wild) + b"".join(struct.pack(">H", len(part)) + part for part in parts)
