"""A virtual machine whose VNC server sends sound: its boot sector has the PC speaker beep."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.require import require
from tests.support.server_process import end
from tests.support.waiting import free_port, listens, until

PITCH = 1000
"""Periods per second of the beep."""
DIVISOR = round(1_193_182 / PITCH)
"""Of the clock of the timer that drives the speaker."""
FLOPPY_SIZE = 1_474_560
START_TIMEOUT = 20.0
"""Seconds."""

BEEP = bytes(
    [
        0xFA,  # cli
        0xB0, 0xB6, 0xE6, 0x43,  # timer 2: a square wave
        0xB0, DIVISOR & 0xFF, 0xE6, 0x42,
        0xB0, DIVISOR >> 8, 0xE6, 0x42,
        0xE4, 0x61, 0x0C, 0x03, 0xE6, 0x61,  # connect it to the speaker
        0xF4, 0xEB, 0xFD,  # halt, for ever
    ]
)  # fmt: skip


@asynccontextmanager
async def beeping_machine(directory: Path) -> AsyncIterator[dict[str, str]]:
    """The parameters for a machine that beeps until the end of the block."""
    floppy, port = directory / "beep.img", free_port()
    sector = BEEP.ljust(510, b"\0") + b"\x55\xaa"
    floppy.write_bytes(sector.ljust(FLOPPY_SIZE, b"\0"))
    command = [
        str(require("qemu-system-x86_64")), "-display", "none", "-net", "none",
        "-audiodev", "none,id=sound", "-machine", "pc,pcspk-audiodev=sound",
        "-vnc", f"127.0.0.1:{port - 5900},audiodev=sound",
        "-drive", f"file={floppy},format=raw,if=floppy", "-boot", "a",
    ]  # fmt: skip
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        await until(lambda: listens(port), "the machine", timeout=START_TIMEOUT)
        yield {"hostname": "127.0.0.1", "port": str(port)}
    finally:
        await asyncio.to_thread(end, process)
