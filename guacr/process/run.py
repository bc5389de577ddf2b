"""The daemon's process: its event loop, its signals, its pid file."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from guacr import garbage
from guacr import log as logs
from guacr.control.info import Reloaded
from guacr.errors import SettingsError
from guacr.event_loop import leave, loop_factory
from guacr.net.open_files import raise_open_files
from guacr.process.background import Detached
from guacr.process.grace import outlast_sessions
from guacr.process.pid_file import PidFile
from guacr.settings import commands
from guacr.settings.differences import differences
from guacr.settings.models import Settings
from guacr.systemd import feed_watchdog, is_activated, notify, notify_reloading
from guacr.threads import apart
from guacr.workers.shares import worker_count

if TYPE_CHECKING:
    from guacr.daemon import Daemon
    from guacr.workers.front import Front

LOAD_TIMEOUT = 60.0
"""Seconds within which the settings must be reloaded, commands included."""
READING = "reading the settings"

log = logging.getLogger("guacr.process")

Load = Callable[[], Settings]


def run(settings: Settings, *, load: Load, detached: Detached | None = None) -> NoReturn:
    """Run the daemon until SIGTERM or SIGINT, then end the process.

    `load` reloads the settings on SIGHUP; `detached` is set if the process is in the background.

    Raises:
        SettingsError: the daemon cannot start with these settings.
    """
    logs.collect_stray()
    raise_open_files()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_Process(settings, load, detached).run())
        commands.end_all()
        leave()


class _Process:
    """A run of the daemon."""

    def __init__(self, settings: Settings, load: Load, detached: Detached | None) -> None:
        self._settings = settings
        self._load = load
        self._detached = detached
        self._stopped = asyncio.Event()
        self._urged = asyncio.Event()
        """Set if there is no grace for sessions."""
        self._hang_up = asyncio.Event()
        self._reloading = asyncio.Lock()

    async def run(self) -> None:
        """Start, serve, and shut down."""
        path, detached = self._settings.daemon.pid_file, self._detached
        pid_file = None if path is None else PidFile(path, 0 if detached is None else detached.pid)
        if pid_file is not None:
            pid_file.check()
        self._handle_signals()
        if not (self._settings.server.hosts or self._settings.server.unix_socket or is_activated()):
            log.warning("not listening for the Guacamole protocol: server.hosts is empty")
        daemon = self._served()
        await daemon.start()
        try:
            if pid_file is not None:
                pid_file.write()
            garbage.resume()
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

    def _served(self) -> Daemon | Front:
        """Return the daemon of this process, or the front of several workers. Only one of them is
        loaded: a front needs little memory."""
        if worker_count(self._settings.daemon.workers) > 1:
            from guacr.workers.front import Front

            front = Front(self._settings, to_syslog=self._detached is not None)
            front.control.on_reload = partial(self._reload_for_operator, front)
            return front
        from guacr.daemon import Daemon

        daemon = Daemon(self._settings)
        daemon.control.on_reload = partial(self._reload_for_operator, daemon)
        return daemon

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up.set)
        if self._detached is not None:
            loop.add_reader(self._detached.life, self._told_to_end, self._detached.life)

    def _told_to_stop(self, number: int) -> None:
        if number == signal.SIGINT or self._stopped.is_set():
            self._urged.set()
        self._stopped.set()

    def _told_to_end(self, life: int) -> None:
        asyncio.get_running_loop().remove_reader(life)
        self._stopped.set()

    async def _serve(self, daemon: Daemon | Front) -> None:
        stopped = asyncio.create_task(self._stopped.wait(), name="wait for the end")
        reloading = asyncio.create_task(self._reload_when_told(daemon), name="reload")
        watchdog = asyncio.create_task(feed_watchdog(), name="watchdog")
        try:
            await asyncio.wait([stopped, reloading], return_when=asyncio.FIRST_COMPLETED)
            if stopped.done():
                await self._grace(daemon)
        finally:
            for task in (stopped, reloading, watchdog):
                task.cancel()
            await asyncio.gather(stopped, reloading, watchdog, return_exceptions=True)

    async def _grace(self, daemon: Daemon | Front) -> None:
        """Let sessions go on for the grace period. In the background there is none: the ports must
        be free for the next daemon at once."""
        seconds = daemon.settings.server.grace_period
        if not seconds or self._detached is not None:
            return
        work = outlast_sessions(daemon.control, seconds, daemon.settings.limits.warning)
        grace = asyncio.create_task(work, name="grace period")
        urged = asyncio.create_task(self._urged.wait(), name="wait for another signal")
        try:
            await asyncio.wait([grace, urged], return_when=asyncio.FIRST_COMPLETED)
            if grace.done():
                grace.result()
        finally:
            for task in (grace, urged):
                task.cancel()
            await asyncio.gather(grace, urged, return_exceptions=True)

    async def _reload_when_told(self, daemon: Daemon | Front) -> None:
        while True:
            await self._hang_up.wait()
            self._hang_up.clear()
            notify_reloading()
            with suppress(SettingsError):
                await self._reload(daemon)
            notify("READY=1")

    async def _loaded(self) -> Settings:
        """Return the settings, read on a thread that delays neither the daemon nor its shutdown: a
        file may be a pipe without a writer.

        Raises:
            SettingsError: they are invalid, or could not be read in time.
        """
        try:
            # not `wait_for`, which before Python 3.12 ignores that it is cancelled at its end
            async with asyncio.timeout(LOAD_TIMEOUT):
                return await apart(self._load, "reload")
        except TimeoutError:
            raise SettingsError(
                f"they could not be read within {LOAD_TIMEOUT} s: check whether a file that they "
                "name is a pipe, or on a disk that does not respond, and how long commands take"
            ) from None

    async def _reload_for_operator(self, daemon: Daemon | Front) -> Reloaded:
        """Do what `Control.reload` promises."""
        async with self._reloading:
            before = daemon.settings
            late = await self._reload_alone(daemon)
            return Reloaded(
                changed=tuple(differences(before, daemon.settings)),
                need_restart=tuple(late),
                warnings=tuple(await daemon.warnings()),
            )

    async def _reload(self, daemon: Daemon | Front) -> list[str]:
        """Reload the settings; return the names of those that need a restart.

        Raises:
            SettingsError: they cannot be used, which is logged; nothing is changed.
        """
        async with self._reloading:
            return await self._reload_alone(daemon)

    async def _reload_alone(self, daemon: Daemon | Front) -> list[str]:
        daemon.control.activity = lambda: READING
        try:
            settings = await self._loaded()
            late = await daemon.apply(settings)
        except SettingsError as error:
            for line in str(error).splitlines():
                log.warning("the settings were not reloaded: %s", line)
            raise
        except Exception:
            log.exception("the settings were not reloaded because of an unexpected error")
            raise SettingsError("the settings were not reloaded: see the daemon's log") from None
        finally:
            daemon.control.activity = str
        logs.configure(settings.log, to_syslog=self._detached is not None)
        log.info("the settings were reloaded")
        for name in late:
            log.warning("%s has changed: it takes effect with the next start", name)
        return late
