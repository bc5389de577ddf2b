"""A PulseAudio server of the test's own, which plays a tone into an output that nobody hears."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.require import require
from tests.support.server_process import end
from tests.support.waiting import free_port, listens, until

PITCH = 440
"""Periods per second of the tone."""


@asynccontextmanager
async def pulseaudio(
    directory: Path, access: str = "auth-anonymous=1", *, plays: bool = True
) -> AsyncIterator[str]:
    """The address of a server, which plays the tone until the end of the block; `access` are
    options of module-native-protocol-tcp."""
    port = free_port()
    home, run = directory / "home", directory / "run"
    home.mkdir()
    run.mkdir(mode=0o700)
    modules = [
        "module-null-sink",
        f"module-native-protocol-tcp listen=127.0.0.1 port={port} {access}",
        *([f"module-sine frequency={PITCH}"] if plays else []),
    ]
    command = [
        str(require("pulseaudio")), "-n", "--daemonize=no", "--exit-idle-time=-1",
        "--use-pid-file=no", *(word for module in modules for word in ("-L", module)),
    ]  # fmt: skip
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
        command,
        env=os.environ | {"HOME": str(home), "XDG_RUNTIME_DIR": str(run)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await until(lambda: listens(port), "PulseAudio")
        yield f"127.0.0.1:{port}"
    finally:
        await asyncio.to_thread(end, process)
