"""A VNC server of libvncserver, compiled for the tests, which see its framebuffer."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.support.require import missing, require
from tests.support.waiting import free_port, listens, until

SOURCE = Path(__file__).with_suffix(".c")
HEADER = Path("/usr/include/rfb/rfb.h")
SIZE = (640, 480)
"""Width and height at the start."""
START_TIMEOUT = 20.0
"""Seconds."""


def compiled(directory: Path) -> Path:
    """Compile the server into a directory."""
    if not HEADER.exists():
        missing("libvncserver-dev is not installed")
    program = directory / "libvncserver"
    subprocess.run(
        [str(require("cc")), "-O1", "-o", str(program), str(SOURCE), "-lvncserver"], check=True
    )
    return program


class LibVncServer:
    """A running server.

    Args:
        process: the program.
        port: where it listens.
        framebuffer: the file with its pixels.
    """

    def __init__(self, process: asyncio.subprocess.Process, port: int, framebuffer: Path) -> None:
        self.process = process
        self.parameters = {"hostname": "127.0.0.1", "port": str(port)}
        self.port = port
        self.lines: list[str] = []
        """What viewers have done."""
        self.size = SIZE
        self._framebuffer = framebuffer

    def tell(self, line: str) -> None:
        """Have it do something; the source lists the commands."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")

    def picture(self) -> NDArray[np.uint8]:
        """Return what the desktop shows, (height, width, 3): red, green, blue."""
        width, height = self.size
        pixels = np.fromfile(self._framebuffer, np.uint8, 4 * width * height)
        return pixels.reshape(height, width, 4)[..., :3]

    async def read(self) -> None:
        """Note what it reports, until it ends."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode(errors="replace").rstrip("\n"))
            if self.lines[-1].startswith("size "):
                width, height = map(int, self.lines[-1].split()[1:])
                self.size = width, height


@asynccontextmanager
async def libvncserver(
    program: Path, directory: Path, *options: str, port: int = 0
) -> AsyncIterator[LibVncServer]:
    """A server, by default on any port; its framebuffer is in a file of the directory."""
    port, framebuffer = port or free_port(), directory / "framebuffer"
    process = await asyncio.create_subprocess_exec(
        program, framebuffer, "-rfbport", str(port), "-listen", "127.0.0.1", *options,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    server = LibVncServer(process, port, framebuffer)
    reading = asyncio.create_task(server.read())
    try:
        await until(lambda: listens(port), "libvncserver", timeout=START_TIMEOUT)
        yield server
    finally:
        with suppress(ProcessLookupError):  # it may have been killed
            process.kill()
        await process.wait()
        await reading
