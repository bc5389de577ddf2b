"""The interface of the daemon to its operators; every control interface is made of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

from guacr.control.info import DaemonStatus, Reloaded, SessionInfo
from guacr.errors import GuacrError, SettingsError
from guacr.session.events import Act

STARTING = "the daemon is starting: try again in a few seconds"
STOPPING = "the daemon is stopping: it opens no more sessions"
DRAINING = "the daemon is draining: it opens no more sessions"


class Control(ABC):
    """Shows a daemon, of one process or several, and acts on it. Arguments and results can be sent
    to other processes: they are plain, or can be made so (`guacr.control.info.plain`,
    `guacr.errors.error_of_status`)."""

    is_starting = False
    """True while there can be no sessions yet, and nothing but the status is known."""

    is_stopping = False
    """True if it drains in order to end, which cannot be undone."""

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Have the daemon be starting until the block ends."""
        self.is_starting = True
        try:
            yield
        finally:
            self.is_starting = False

    @abstractmethod
    async def sessions(self) -> list[SessionInfo]:
        """Return every session, the oldest first."""

    @abstractmethod
    async def session(self, connection_id: str) -> SessionInfo:
        """Return one session.

        Raises:
            NotFoundError: it is unknown.
        """

    @abstractmethod
    async def end(self, connection_id: str, error: GuacrError) -> None:
        """End a session; its users are sent the status and the sentence of `error`.

        Raises:
            NotFoundError: the session is unknown.
        """

    @abstractmethod
    async def note(self, act: Act) -> None:
        """Publish what an operator, or the viewer of a recording, is about to do, or what was
        deleted, and wait until it is in the audit log, if nothing may go on before.

        Raises:
            BusyError: the audit log cannot note it: it must not be done.
        """

    @abstractmethod
    async def status(self) -> DaemonStatus:
        """Return the state of the daemon and of its workers."""

    @abstractmethod
    async def drain(self) -> None:
        """Open no more sessions; existing ones go on, and can still be joined."""

    @abstractmethod
    async def resume(self) -> None:
        """Open sessions again after `drain`.

        Raises:
            BusyError: the daemon is stopping.
        """

    @abstractmethod
    async def announce(self, text: str, seconds: float) -> None:
        """Show a sentence to the users of all sessions for some seconds."""

    @abstractmethod
    async def reload(self) -> Reloaded:
        """Read the settings again, as after SIGHUP.

        Raises:
            SettingsError: they cannot be used; nothing is changed.
        """

    @abstractmethod
    async def samples(self) -> list[dict[str, Any]]:
        """Return the metrics of each process, as snapshots (`guacr.metrics.snapshots`)."""

    @abstractmethod
    def events(self) -> AbstractAsyncContextManager[AsyncIterator[dict[str, Any]]]:
        """Return a context in which the events from its beginning on can be iterated over
        (`guacr.control.events`). Nobody waits for the reader: events that are not read in time are
        dropped and counted."""


async def cannot_reload() -> Reloaded:
    """Refuse to reload settings that nobody can read again.

    Raises:
        SettingsError: always.
    """
    raise SettingsError("this daemon has no settings to read again")
