"""The process of the daemon: its event loop, its signals, its pid file."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Callable
from types import ModuleType

from guacr import log as logs
from guacr.background import Detached
from guacr.daemon import Daemon
from guacr.errors import SettingsError
from guacr.open_files import raise_open_files
from guacr.pid_file import PidFile
from guacr.settings import Settings
from guacr.systemd import notify, notify_reloading

GC_THRESHOLDS = (50_000, 20, 50)
"""Allocations between collections: with thousands of sessions a full one takes long."""

log = logging.getLogger("guacr.process")

Load = Callable[[], Settings]


def run(settings: Settings, *, load: Load, detached: Detached | None = None) -> int:
    """Run the daemon until SIGTERM or SIGINT; the exit status.

    `load` reads the settings anew, on SIGHUP; `detached` says that this is in the background.

    Raises:
        SettingsError: the daemon cannot start with these settings.
    """
    raise_open_files()
    gc.set_threshold(*GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_Process(settings, load, detached).run())
    return 0


class _Process:
    """One run of the daemon."""

    def __init__(self, settings: Settings, load: Load, detached: Detached | None) -> None:
        self._settings = settings
        self._load = load
        self._detached = detached
        self._stopped = asyncio.Event()
        self._hang_up = asyncio.Event()

    async def run(self) -> None:
        """Start, serve, and end."""
        path, detached = self._settings.daemon.pid_file, self._detached
        pid_file = None if path is None else PidFile(path, 0 if detached is None else detached.pid)
        if pid_file is not None:
            pid_file.check()
        self._handle_signals()
        daemon = Daemon(self._settings)
        await daemon.start()
        try:
            if pid_file is not None:
                pid_file.write()
            gc.freeze()  # what is loaded now stays until the end
            notify("READY=1")
            if detached is not None:
                detached.ready()
            await self._serve(daemon)
        finally:
            log.info("stopping")
            notify("STOPPING=1")
            if pid_file is not None:
                pid_file.remove()
            await daemon.close()

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopped.set)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up.set)
        if self._detached is not None:
            loop.add_reader(self._detached.life, self._told_to_end, self._detached.life)

    def _told_to_end(self, life: int) -> None:
        asyncio.get_running_loop().remove_reader(life)
        self._stopped.set()

    async def _serve(self, daemon: Daemon) -> None:
        stopped = asyncio.create_task(self._stopped.wait(), name="wait for the end")
        reloading = asyncio.create_task(self._reload_when_told(daemon), name="reload")
        try:
            await asyncio.wait([stopped, reloading], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopped, reloading):
                task.cancel()
            await asyncio.gather(stopped, reloading, return_exceptions=True)

    async def _reload_when_told(self, daemon: Daemon) -> None:
        while True:
            await self._hang_up.wait()
            self._hang_up.clear()
            notify_reloading()
            await self._reload(daemon)
            notify("READY=1")

    async def _reload(self, daemon: Daemon) -> None:
        try:
            settings = await asyncio.to_thread(self._load)
            late = daemon.reload(settings)
        except SettingsError as error:
            for line in str(error).splitlines():
                log.warning("the settings were not reloaded: %s", line)
            return
        except Exception:
            log.exception("the settings were not reloaded, for a reason that was not foreseen")
            return
        logs.configure(settings.log, to_syslog=self._detached is not None)
        log.info("the settings were reloaded")
        for name in late:
            log.warning("%s has changed: it takes effect with the next start", name)


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """Uvloop's event loop where it is installed."""
    uvloop = _uvloop()
    return None if uvloop is None else uvloop.Loop


def _uvloop() -> ModuleType | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop
