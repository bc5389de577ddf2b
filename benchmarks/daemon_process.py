"""A daemon in a process of its own, and the processor time that it uses."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from guacr import garbage
from guacr.api import Params, ProtocolHandler, SolidSurface
from guacr.daemon import Daemon
from guacr.event_loop import loop_factory
from guacr.session.protocols import Protocols
from guacr.settings.models import ServerSettings, Settings, WebSocketSettings
from guacr.settings.recording import RecordingSettings
from handlers.ssh import SshHandler
from tests.support.server_process import end


class BlankHandler(ProtocolHandler):
    """A black screen without a host."""

    name = "blank"
    params_type = Params

    async def run(self) -> None:
        """Stay until the session is closed."""
        info = self.session.owner_info
        self.session.display.set_surface(SolidSurface(info.width, info.height, (0, 0, 0)))
        self.session.set_connected()
        await asyncio.Event().wait()


class DaemonProcess:
    """A running daemon with the protocols `blank` and `ssh`."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self._tasks = Path(f"/proc/{pid}/task")

    def cpu_time(self) -> float:
        """Seconds of the processor that all threads have used."""
        clocks = (task.joinpath("schedstat").read_text() for task in self._tasks.iterdir())
        return sum(int(text.split()[0]) for text in clocks) / 1e9


@contextmanager
def daemon_process(recordings: Path | None = None) -> Iterator[DaemonProcess]:
    """Run a daemon until the block ends; it records all sessions in a directory, if there is
    one."""
    command = [sys.executable, "-m", "benchmarks.daemon_process"]
    if recordings is not None:
        command.append(str(recordings))
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield DaemonProcess(int(process.stdout.readline()), process.pid)
    finally:
        end(process)


async def _serve(recordings: Path | None) -> None:
    logging.disable(logging.WARNING)
    settings = Settings(
        server=ServerSettings(hosts=("127.0.0.1",), port=0, max_connections=20_000),
        websocket=WebSocketSettings(enabled=False),
        recording=RecordingSettings(path=recordings, min_free_disk=0),
    )
    protocols = Protocols({"blank": BlankHandler, "ssh": SshHandler})
    with garbage.postponed():
        daemon = Daemon(settings, protocols=protocols)
        await daemon.start()
        garbage.resume()
    print(daemon.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
