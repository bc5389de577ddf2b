"""Real VNC servers with desktops of their own: TigerVNC's Xvnc, and beside it x11vnc and
x0vncserver."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.require import require
from tests.support.server_process import end
from tests.support.waiting import free_port, listens, until
from tests.support.x_display import XDisplay

START_TIMEOUT = 20.0
"""Seconds."""
DISPLAYS = range(1000, 50000)
"""Numbers that no X server chooses by itself."""


class Desktop(XDisplay):
    """An X display that a VNC server shows."""

    def __init__(
        self, display: str, address: str, port: int, server: subprocess.Popen[bytes]
    ) -> None:
        super().__init__(display)
        self.server = server
        self.port = port
        self.parameters = {"hostname": address, "port": str(port)}


@asynccontextmanager
async def xvnc(
    *options: str,
    size: tuple[int, int] = (800, 600),
    port: int = 0,
    address: str = "127.0.0.1",
    namespace: str = "",
) -> AsyncIterator[Desktop]:
    """A desktop that Xvnc serves, by default on any port; without `options` nobody needs a
    password. With a network `namespace`, the server runs there."""
    program = require("Xvnc")
    port, (reading, writing) = port or free_port(), os.pipe()
    security = (
        () if any(option == "-SecurityTypes" for option in options) else ("-SecurityTypes", "None")
    )
    command = [
        *_program(str(program), namespace), "-displayfd", str(writing), "-rfbport", str(port),
        "-interface", address,
        "-geometry", "{}x{}".format(*size), "-depth", "24", *security, *options,
    ]  # fmt: skip
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
        command, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as told:
            number = await asyncio.wait_for(asyncio.to_thread(told.readline), START_TIMEOUT)
        desktop = Desktop(f":{int(number)}", address, port, process)
        try:
            yield desktop
        finally:
            desktop.close()
    finally:
        await asyncio.to_thread(end, process)


def _program(server: str, namespace: str) -> Sequence[str]:
    """How to run an X server, if in a network namespace, then with a display of its own: a server
    finds a free one by abstract sockets, which belong to the namespace, and then takes the file of
    another."""
    if not namespace:
        return [server]
    return ["ip", "netns", "exec", namespace, server, f":{secrets.choice(DISPLAYS)}"]


@asynccontextmanager
async def x11vnc(
    desktop: Desktop, *options: str, login: Sequence[str] = ("-nopw",), openssl: str = ""
) -> AsyncIterator[dict[str, str]]:
    """The parameters for a second server of the same desktop, x11vnc; `openssl` is the path of a
    configuration for OpenSSL."""
    port = free_port()
    command = (
        "x11vnc", "-display", desktop.display, "-rfbport", str(port), "-localhost",
        "-forever", "-shared", "-quiet", "-noxdamage", "-wait", "10", *login, *options,
    )  # fmt: skip
    async with _second_server(desktop, port, command, openssl) as parameters:
        yield parameters


@asynccontextmanager
async def x0vncserver(
    desktop: Desktop, *options: str, port: int = 0
) -> AsyncIterator[dict[str, str]]:
    """The parameters for a second server of the same desktop, TigerVNC's for any X display;
    without `options` nobody needs a password."""
    port = port or free_port()
    command = (
        "X0tigervnc", "-display", desktop.display, "-rfbport", str(port), "-localhost",
        *(options or ("-SecurityTypes", "None")),
    )  # fmt: skip
    async with _second_server(desktop, port, command) as parameters:
        yield parameters


@asynccontextmanager
async def _second_server(
    desktop: Desktop, port: int, command: Sequence[str], openssl: str = ""
) -> AsyncIterator[dict[str, str]]:
    require(command[0])
    environment = desktop.environment | ({"OPENSSL_CONF": openssl} if openssl else {})
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        await until(lambda: listens(port), command[0], timeout=START_TIMEOUT)
        yield {"hostname": "127.0.0.1", "port": str(port)}
    finally:
        await asyncio.to_thread(end, process)


def password_file(directory: Path, password: str) -> Path:
    """A file with a password, as VNC servers read it."""
    path = directory / "passwd"
    made = subprocess.run(
        [str(require("vncpasswd")), "-f"], input=password.encode(), capture_output=True, check=True
    )
    path.write_bytes(made.stdout)
    return path
