"""Programs of the demo's desktop, which end with this process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

START_TIMEOUT = 20.0
"""Seconds within which a server must be ready."""
END_TIMEOUT = 3.0
"""Seconds within which a program must end."""
SESSION_VARIABLES = frozenset(("WAYLAND_DISPLAY", "SESSION_MANAGER", "DBUS_SESSION_BUS_ADDRESS"))
"""Variables of the person's own desktop, which these programs must not use."""
_LAUNCHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Run by the child: it becomes a program that ends with this process, even if that is killed."""


class Server:
    """A program that reports on a descriptor that it is ready, from `start` until `close`."""

    def __init__(self) -> None:
        self.process: Process | None = None
        self.report = ""
        """The line that it has reported."""

    async def start(self, command: Callable[[int], Sequence[str]]) -> bool:
        """Start the `command` for a descriptor; return whether the program is ready."""
        reading, writing = os.pipe()
        launcher = (sys.executable, "-ISc", _LAUNCHER)
        try:
            self.process = await launch((*launcher, *command(writing)), {}, writing)
        finally:
            os.close(writing)
        with os.fdopen(reading, "rb") as told, suppress(TimeoutError):
            line = asyncio.create_task(asyncio.to_thread(told.readline), name="server")
            try:
                async with asyncio.timeout(START_TIMEOUT):
                    self.report = (await asyncio.shield(line)).decode().strip()
            finally:
                if not self.report:
                    await self.close()
                await line
        return bool(self.report)

    async def close(self) -> bool:
        """End the program, if it runs, and return whether it had the time to clean up."""
        process, self.process = self.process, None
        return process is None or await end(process)


async def launch(
    command: Sequence[str], variables: Mapping[str, str], *descriptors: int
) -> Process:
    """Start a program, with additional environment `variables`. Ctrl-C in the terminal does not end
    it, so that programs can be ended in order."""
    kept = {name: value for name, value in os.environ.items() if name not in SESSION_VARIABLES}
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
        start_new_session=True,
        pass_fds=descriptors,
        env=kept | dict(variables),
    )


async def end(program: Process) -> bool:
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
