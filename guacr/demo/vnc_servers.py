"""VNC servers with an X display of their own, for the demo's desktop.

They listen only on 127.0.0.1 and want a password, and the display wants a cookie. Password and
cookie are in files that only this user can read.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
from abc import ABC, abstractmethod
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from guacr.demo.programs import Server

WIDTH, HEIGHT = 1280, 800
SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108 - the place that X uses


class VncServer(ABC):
    """A VNC server and its display, from `start` until `close`.

    Args:
        cookie: the Xauthority file of the display.
        password: the file for the server's password.
    """

    NEEDS: ClassVar[tuple[str, ...]]
    """The programs that must be installed."""

    def __init__(self, cookie: Path, password: Path) -> None:
        self.port = 0
        self._cookie = cookie
        self._password = password
        self._x_server = Server()

    @classmethod
    def is_available(cls) -> bool:
        """Return whether what it needs is installed."""
        return all(map(shutil.which, cls.NEEDS))

    @property
    def display(self) -> str:
        """The number of the display; empty if it does not run."""
        return self._x_server.report

    @abstractmethod
    async def start(self, password: str) -> bool:
        """Start it with a password; return whether it can be used. If not, nothing is left of
        it."""

    async def close(self) -> None:
        """End the display, and delete the files that a killed one has left."""
        number = self.display
        if not await self._x_server.close() and number:
            (SOCKETS / f"X{number}").unlink(missing_ok=True)
            SOCKETS.with_name(f".X{number}-lock").unlink(missing_ok=True)

    def _options(self, descriptor: int) -> tuple[str, ...]:
        """Return the options of an X server that reports its display's number."""
        return "-displayfd", str(descriptor), "-auth", str(self._cookie), "-nolisten", "tcp"


class Xvnc(VncServer):
    """TigerVNC's Xvnc, which is both."""

    NEEDS = ("Xvnc", "vncpasswd")

    @override
    async def start(self, password: str) -> bool:
        obfuscated = await _obfuscated(password)
        if not obfuscated:  # a tool of another VNC
            return False
        self._password.write_bytes(obfuscated)
        self.port = _free_port()
        return await self._x_server.start(
            lambda descriptor: (
                "Xvnc", *self._options(descriptor), "-rfbport", str(self.port), "-localhost",
                "-SecurityTypes", "VncAuth", "-PasswordFile", str(self._password), "-AlwaysShared",
                "-geometry", f"{WIDTH}x{HEIGHT}", "-depth", "24", "-desktop", "Desktop",
            )
        )  # fmt: skip


class X11vnc(VncServer):
    """x11vnc, which shows the display of Xvfb."""

    NEEDS = ("x11vnc", "Xvfb")

    def __init__(self, cookie: Path, password: Path) -> None:
        super().__init__(cookie, password)
        self._server = Server()

    @override
    async def start(self, password: str) -> bool:
        self._password.write_text(f"{password}\n")
        self.port = _free_port()
        started = await self._x_server.start(
            lambda descriptor: (
                "Xvfb", *self._options(descriptor), "-screen", "0", f"{WIDTH}x{HEIGHT}x24"
            )
        ) and await self._server.start(
            lambda descriptor: (
                "x11vnc", "-norc", "-display", f":{self.display}", "-auth", str(self._cookie),
                "-flag", f"/dev/fd/{descriptor}", "-rfbport", str(self.port), "-localhost",
                "-noipv6", "-no6", "-passwdfile", str(self._password), "-forever", "-shared",
                "-noncache", "-desktop", "Desktop", "-quiet",
            )
        )  # fmt: skip
        if not started:
            await self.close()
        return started

    @override
    async def close(self) -> None:
        await self._server.close()
        await super().close()


SERVERS = (Xvnc, X11vnc)
"""In the order in which they are tried; only Xvnc's display can get the size of the window."""


async def _obfuscated(password: str) -> bytes:
    """Return the content of Xvnc's password file."""
    process = await asyncio.create_subprocess_exec(
        "vncpasswd", "-f", stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )
    output, _ = await process.communicate(password.encode() + b"\n")
    return output


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
