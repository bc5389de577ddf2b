"""An X display: its programs, and what it shows."""

from __future__ import annotations

import os
import struct
import subprocess
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from tests.support.require import require
from tests.support.server_process import end

RESIZES_MAX = 5
"""How often in a row the display may get another size between xwd's two requests, which then
fails."""


class XDisplay:
    """An X display, which lets this user's programs connect."""

    def __init__(self, display: str) -> None:
        self.display = display
        self.environment = {**os.environ, "DISPLAY": display}
        self._clients: list[subprocess.Popen[bytes]] = []

    def start(
        self, *command: str, stdout: int | None = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        """Start a program on the display; it ends with the desktop."""
        require(command[0])
        process = subprocess.Popen(
            command, env=self.environment, stdout=stdout, stderr=subprocess.DEVNULL
        )
        self._clients.append(process)
        return process

    def run(self, *command: str, data: bytes = b"") -> bytes:
        """Run a program on the display to its end, and return its output."""
        require(command[0])
        done = subprocess.run(
            command, env=self.environment, input=data, capture_output=True, check=True, timeout=20
        )
        return done.stdout

    def picture(self) -> NDArray[np.uint8]:
        """Return what the display shows, (height, width, 3): red, green, blue."""
        raw = self._dump()
        header = struct.unpack(">25I", raw[:100])
        size, width, height, row, colours = (header[at] for at in (0, 4, 5, 12, 19))
        pixels = np.frombuffer(raw[size + 12 * colours :], np.uint8).reshape(height, row)
        return pixels[:, : 4 * width].reshape(height, width, 4)[..., 2::-1]

    def _dump(self) -> bytes:
        for _ in range(RESIZES_MAX):
            with suppress(subprocess.CalledProcessError):
                return self.run("xwd", "-root", "-silent")
        return self.run("xwd", "-root", "-silent")

    def close(self) -> None:
        """End its programs."""
        for process in self._clients:
            end(process)
