"""The services of a daemon."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import ClassVar

from typing_extensions import override

from guacr.settings.models import Settings


class Service(ABC):
    """A component that the daemon runs beside its sessions, such as a listener or a ticker.

    The daemon calls `open` of all services, then `start` of all, first of those that start early.
    At its end, it calls `stop` of all, ends the sessions, and calls `close` of all. `stop` and
    `close` are called even after a failure.
    """

    starts_early: ClassVar[bool] = False
    """True if it answers while the rest of the daemon is starting."""
    need_restart: ClassVar[tuple[str, ...]] = ()
    """Settings that only take effect after a restart, as "section.key"."""

    async def open(self) -> None:
        """Open ports and paths, so that a daemon that cannot have them fails before doing anything
        else.

        Raises:
            SettingsError: an address, a port or a file of the settings cannot be used.
        """

    @abstractmethod
    async def start(self) -> None:
        """Start to serve.

        Raises:
            SettingsError: a file of the settings cannot be used.
        """

    def stop(self) -> None:
        """Accept nothing new, and release ports and paths immediately, for the next daemon."""

    @abstractmethod
    async def close(self) -> None:
        """End what remains, within a limited time."""

    def reload(self, settings: Settings) -> Callable[[], None]:
        """Read what new settings need, and return a function that applies them to everything that
        starts from then on.

        Raises:
            SettingsError: they cannot be used; nothing is changed.
        """
        return lambda: None


class ServiceTask:
    """The task of a service, of which there is one at a time.

    Args:
        name: the task's name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._task: asyncio.Task[None] | None = None

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Run `work`, instead of that which runs until now, if any."""
        self.stop()
        self._task = asyncio.create_task(work, name=self._name)

    def stop(self) -> None:
        """Cancel it, for `Service.stop`; repeated calls do nothing."""
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """Wait until it has ended after `stop`, for `Service.close`."""
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await self._task


class TaskService(Service):
    """A service that is one task, begun again with new settings.

    Args:
        settings: those that the task begins with.
        name: the task's name.
    """

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self._task = ServiceTask(name)

    @abstractmethod
    def begin(self) -> None:
        """Start `_task` with the settings, or stop it if there is nothing to do."""

    @override
    async def start(self) -> None:
        self.begin()

    @override
    def reload(self, settings: Settings) -> Callable[[], None]:
        def apply() -> None:
            self._settings = settings
            self.begin()

        return apply

    @override
    def stop(self) -> None:
        self._task.stop()

    @override
    async def close(self) -> None:
        await self._task.close()
