"""The zygote of a generation, as the front sees it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import guacr
from guacr.errors import SettingsError
from guacr.workers.boot import Boot
from guacr.workers.channel import Channel, socket_pair
from guacr.workers.operations import FAILED, FORK, FORKED, READY
from guacr.workers.wire import Message

START_TIMEOUT = 120.0
"""Seconds in which everything must be imported and warmed up."""
END_TIMEOUT = 2.0
DEATH_TIMEOUT = 0.5
"""Seconds that the system may need, once the channel is closed, until it says how the process has
ended."""
_ROOT = Path(guacr.__file__).parents[1]
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""For NumPy: a zygote must have no threads."""

log = logging.getLogger("guacr.workers")


class ZygoteProcess:
    """Started by the constructor.

    Args:
        boot: what it is started with.
        on_forked: called with the number of a worker, its process id (0 if it could not be forked)
            and a descriptor of the process.

    Raises:
        OSError: the system allows no more processes, memory or files.
    """

    def __init__(self, boot: Boot, on_forked: Callable[[int, int, int | None], None]) -> None:
        self._on_forked = on_forked
        self._ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        ours, theirs = socket_pair()
        memory = boot.write()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - its arguments are numbers
                [
                    *(sys.executable, "-P", "-m", "guacr.workers.zygote"),
                    *(str(theirs.fileno()), str(memory)),
                ],
                pass_fds=[theirs.fileno(), memory],
                env=os.environ | _ONE_THREAD | {"PYTHONPATH": _python_path()},
                stdin=subprocess.DEVNULL,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(memory)
        self._channel = Channel(ours, self._received, self._gone)
        self.is_alive = True

    async def started(self) -> None:
        """Wait until it can fork.

        Raises:
            SettingsError: it cannot start with these settings.
        """
        try:
            async with asyncio.timeout(START_TIMEOUT):
                is_ready = await asyncio.shield(self._ready)
        except TimeoutError:
            self.kill()
            raise SettingsError(
                f"the workers were not ready within {START_TIMEOUT:g} s: see the log"
            ) from None
        if not is_ready:
            raise SettingsError(await self.death() or "the workers cannot be started: see the log")

    async def death(self) -> str:
        """Return the sentence that says which signal has killed it; empty if none has."""
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, DEATH_TIMEOUT)
        number = -(self._process.returncode or 0)
        if number <= 0:
            return ""
        hint = ", as the system does if there is too little memory"
        return (
            "the workers cannot be started: their zygote was killed by signal "
            f"{number}{hint if number == signal.SIGKILL else ''}"
        )

    def fork(self, number: int, sock: socket.socket, *, is_first: bool) -> None:
        """Fork a worker, whose end of its channel is `sock`, which is closed here. The first one of
        a generation checks the settings."""
        self._channel.send(FORK, {"number": number, "first": is_first}, fd=sock.detach())

    def kill(self) -> None:
        """End one that hangs; workers go on."""
        self._process.kill()
        self.close()

    def close(self) -> None:
        """End it; workers go on. Blocks for a moment."""
        self._channel.close()
        self._gone()
        try:
            self._process.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _received(self, message: Message) -> None:
        fields = message.fields
        if message.op == FORKED:
            if "error" in fields:
                log.error("no worker can be started: %s", fields["error"])
            self._on_forked(fields["number"], fields.get("pid", 0), message.fd)
        elif self._ready.done():
            return
        elif message.op == READY:
            self._ready.set_result(True)
        elif message.op == FAILED:
            self._ready.set_exception(SettingsError(fields["reason"]))

    def _gone(self) -> None:
        self.is_alive = False
        if not self._ready.done():
            self._ready.set_result(False)


def _python_path() -> str:
    """Return where this process finds modules, for one that does not look in its directory."""
    given = os.environ.get("PYTHONPATH", "")
    return os.pathsep.join(filter(None, (str(_ROOT), given)))
