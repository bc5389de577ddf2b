"""wayvnc on a Wayland desktop without a screen, that of sway."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.support.require import require
from tests.support.server_process import end
from tests.support.waiting import free_port, listens, until

OUTPUT = "HEADLESS-1"
SIZE = (640, 480)
CONFIG = f"""\
xwayland disable
default_border none
output {OUTPUT} resolution {SIZE[0]}x{SIZE[1]} bg background.png fill
"""
ORDINARY_USER = "nobody"
"""Runs sway if root runs the tests: it refuses to run as root."""
START_TIMEOUT = 20.0
"""Seconds."""


class WaylandDesktop:
    """A Wayland desktop, in whose directory are its sockets and its configuration."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._user: int | None = None
        self._group: int | None = None
        if os.geteuid() == 0:
            found = pwd.getpwnam(ORDINARY_USER)
            self._user, self._group = found.pw_uid, found.pw_gid
            os.chown(directory, self._user, self._group)
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "XDG_RUNTIME_DIR": str(directory),
            "WAYLAND_DISPLAY": "wayland-1",
            "SWAYSOCK": str(directory / "sway.sock"),
            "WLR_BACKENDS": "headless",
            "WLR_LIBINPUT_NO_DEVICES": "1",
            "WLR_RENDERER": "pixman",
        }

    def write(self, name: str, content: bytes) -> Path:
        """Write a file that the programs of the desktop can read."""
        path = self.directory / name
        path.write_bytes(content)
        path.chmod(0o644)
        return path

    @asynccontextmanager
    async def running(self, *command: str) -> AsyncIterator[subprocess.Popen[bytes]]:
        """A program of the desktop, until the end of the block."""
        require(command[0])
        process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
            command, env=self._environment, user=self._user, group=self._group, cwd=self.directory,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield process
        finally:
            await asyncio.to_thread(end, process)
            assert process.stdout is not None
            process.stdout.close()

    def run(self, *command: str, data: bytes = b"") -> bytes:
        """Run a program of the desktop to its end, and return its output."""
        require(command[0])
        done = subprocess.run(
            command, env=self._environment, user=self._user, group=self._group, cwd=self.directory,
            input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=20,
        )  # fmt: skip
        return done.stdout

    def picture(self) -> NDArray[np.uint8]:
        """Return what the desktop shows, (height, width, 3): red, green, blue."""
        with Image.open(BytesIO(self.run("grim", "-t", "ppm", "-"))) as image:
            return np.asarray(image.convert("RGB"))

    def is_up(self) -> bool:
        """Return whether it shows its background."""
        with suppress(subprocess.CalledProcessError):
            return bool(self.picture().any())
        return False


@asynccontextmanager
async def wayland_desktop(background: NDArray[np.uint8]) -> AsyncIterator[WaylandDesktop]:
    """A desktop that shows a picture, which is not black."""
    name = tempfile.mkdtemp(prefix="guacr-wayland-")
    try:
        desktop = WaylandDesktop(Path(name))
        Image.fromarray(background).save(desktop.write("background.png", b""))
        config = desktop.write("sway", CONFIG.encode())
        async with desktop.running("sway", "--config", str(config)):
            await until(desktop.is_up, "sway", timeout=START_TIMEOUT)
            yield desktop
    finally:
        shutil.rmtree(name)


@asynccontextmanager
async def wayvnc(
    desktop: WaylandDesktop, config: str = "", port: int = 0
) -> AsyncIterator[dict[str, str]]:
    """The parameters for a server of the desktop, by default without a login and on any port."""
    port = port or free_port()
    path = desktop.write("wayvnc", config.encode())
    async with desktop.running("wayvnc", "--config", str(path), "127.0.0.1", str(port)):
        await until(lambda: listens(port), "wayvnc", timeout=START_TIMEOUT)
        yield {"hostname": "127.0.0.1", "port": str(port)}
