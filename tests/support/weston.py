"""weston, a Wayland desktop that is shown over RDP."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.support.certificates import Pair
from tests.support.require import require
from tests.support.server_process import children, end
from tests.support.waiting import free_port, listens, until

CONFIG = """\
[core]
idle-time=0
[shell]
background-image={directory}/background.png
background-type=tile
panel-position=none
locking=false
animation=none
startup-animation=none
"""
START_TIMEOUT = 20.0
"""Seconds."""


@asynccontextmanager
async def weston(
    background: NDArray[np.uint8], pair: Pair, port: int = 0
) -> AsyncIterator[dict[str, str]]:
    """The parameters for a desktop that shows a picture, by default on any port.

    Everyone shares the desktop and may log in without a password, over TLS only. It gets the size
    that a client asks for, without display control.

    Args:
        background: what it shows, (height, width, 3): red, green, blue; beyond it is repeated.
        pair: its certificate and key.
        port: where it listens.
    """
    port, program = port or free_port(), str(require("weston"))
    directory = Path(tempfile.mkdtemp(prefix="guacr-weston-"))  # a short path, for sockets
    try:
        Image.fromarray(background).save(directory / "background.png")
        files = {"weston.ini": CONFIG.format(directory=directory)}
        files |= {"cert.pem": pair.certificate, "key.pem": pair.key}
        for name, text in files.items():
            (directory / name).write_text(text)
        height, width = background.shape[:2]
        command = (
            program, "--backend=rdp-backend.so", "--socket=wayland-rdp",
            f"--config={directory}/weston.ini", f"--width={width}", f"--height={height}",
            "--address=127.0.0.1", f"--port={port}",
            f"--rdp-tls-cert={directory}/cert.pem", f"--rdp-tls-key={directory}/key.pem",
        )  # fmt: skip
        own = {"HOME": str(directory), "XDG_RUNTIME_DIR": str(directory)}
        process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
            command, env=os.environ | own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            await until(lambda: listens(port), "weston", timeout=START_TIMEOUT)
            yield {"hostname": "127.0.0.1", "port": str(port)}
        finally:
            clients = children(process.pid)
            await asyncio.to_thread(end, process)
            for pid in clients:  # its shell and keyboard, which end by themselves, but late
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    finally:
        shutil.rmtree(directory)
