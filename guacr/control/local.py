"""The control of a daemon that is a single process, or of one worker."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from typing_extensions import override

from guacr import __version__
from guacr.control.control import DRAINING, STARTING, STOPPING, Control, cannot_reload
from guacr.control.events import TimedSubscription, described
from guacr.control.info import DaemonStatus, Reloaded, SessionInfo, State, UserInfo, WorkerInfo
from guacr.errors import BusyError, GuacrError
from guacr.memory import resident
from guacr.session.events import Act
from guacr.session.notice import show_notice
from guacr.session.registry import SessionRegistry
from guacr.session.session import Session
from guacr.session.user import User
from guacr.showable import cut

BATCH = 100
"""Sessions that one turn of the event loop handles."""
NAME_MAX = 256
"""Characters of the names of a host and of a user there that are shown: clients choose them, and
the sessions of a process are sent in one message."""


class LocalControl(Control):
    """Controls the sessions of one process.

    Args:
        registry: its sessions.
        loop_lag: returns the seconds by which the event loop was late, at most, recently.
        worker: the name of this process.
    """

    def __init__(
        self,
        registry: SessionRegistry,
        loop_lag: Callable[[], float] = float,
        worker: str = "",
    ) -> None:
        self._registry = registry
        self._loop_lag = loop_lag
        self._worker = worker
        self._since = time.time()
        self.checks: list[Callable[[], str]] = [
            self._starting,
            self._draining,
            self._full,
            self._unaudited,
        ]
        """Each returns a sentence that says why the daemon is not ready, or an empty text."""
        self.on_reload: Callable[[], Awaitable[Reloaded]] = cannot_reload
        """Does what `reload` promises; set by whoever has read the settings."""
        self.activity: Callable[[], str] = str
        """Returns the sentence that says what a reload is doing; empty if there is none."""
        self.sample: Callable[[], Awaitable[dict[str, Any]]] = _nothing
        """Returns the metrics of this process (`guacr.metrics.snapshots`)."""

    @override
    async def sessions(self) -> list[SessionInfo]:
        found: list[SessionInfo] = []
        for number, session in enumerate(list(self._registry.sessions.values()), 1):
            if not session.closed:
                found.append(self._info(session))
            if number % BATCH == 0:
                await asyncio.sleep(0)
        return found

    @override
    async def session(self, connection_id: str) -> SessionInfo:
        return self._info(self._registry.find(connection_id).session)

    @override
    async def end(self, connection_id: str, error: GuacrError) -> None:
        self._registry.find(connection_id).session.close(error)

    @override
    async def note(self, act: Act) -> None:
        await self._registry.events.noted(act)

    @override
    async def status(self) -> DaemonStatus:
        told = (part for check in self.checks for part in check().split("; "))
        sentences = dict.fromkeys(filter(None, told))  # the front's are also this process's own
        return DaemonStatus(
            version=__version__,
            state=self._state,
            not_ready=tuple(sentences),
            workers=(self._about_worker(),),
            activity=self.activity(),
        )

    @override
    async def drain(self) -> None:
        self._registry.is_draining = True

    @override
    async def resume(self) -> None:
        if self.is_stopping:
            raise BusyError(STOPPING)
        self._registry.is_draining = False

    @override
    async def announce(self, text: str, seconds: float) -> None:
        for number, session in enumerate(list(self._registry.sessions.values()), 1):
            if not session.closed:
                session.context.start_task(show_notice(session, text, seconds), "announcement")
            if number % BATCH == 0:
                await asyncio.sleep(0)

    @override
    async def reload(self) -> Reloaded:
        return await self.on_reload()

    @override
    async def samples(self) -> list[dict[str, Any]]:
        return [await self.sample()]

    @override
    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        with TimedSubscription(self._registry.events) as subscription:
            yield described(subscription)

    @property
    def _state(self) -> State:
        if self.is_starting:
            return "starting"
        return "draining" if self._registry.is_draining else "ready"

    def _starting(self) -> str:
        return STARTING if self.is_starting else ""

    def _draining(self) -> str:
        return DRAINING if self._registry.is_draining else ""

    def _full(self) -> str:
        allowed = self._registry.settings.server.max_sessions
        if allowed and len(self._registry.sessions) >= allowed:
            return f"all {allowed} sessions are in use (server.max_sessions)"
        return ""

    def _unaudited(self) -> str:
        try:
            self._registry.events.check()
        except BusyError as error:
            return str(error)
        return ""

    def _about_worker(self) -> WorkerInfo:
        sessions = self._registry.sessions
        return WorkerInfo(
            name=self._worker,
            pid=os.getpid(),
            state=self._state,
            since=self._since,
            sessions=len(sessions),
            users=sum(len(session.users) for session in sessions.values()),
            loop_lag=round(self._loop_lag(), 4),
            memory=_resident(),
        )

    def _info(self, session: Session) -> SessionInfo:
        target, traffic, origin = session.target, session.traffic, session.context.origin
        owner = session.users.owner
        return SessionInfo(
            id=session.id,
            protocol=session.protocol,
            host=cut(target.host, NAME_MAX),
            username=cut(target.user, NAME_MAX),
            connection=origin.connection,
            client="" if owner is None else owner.link.peer,
            subject=origin.person,
            since=session.since,
            received=traffic.received,
            sent=traffic.sent,
            worker=self._worker,
            users=tuple(map(_user, session.users)),
        )


def _user(user: User) -> UserInfo:
    traffic = user.link.traffic
    return UserInfo(
        id=user.id,
        name=user.info.name,
        client=user.link.peer,
        subject=user.person,
        owner=user.owner,
        read_only=user.rights.read_only,
        since=user.since,
        received=traffic.received,
        sent=traffic.sent,
    )


def _resident() -> int:
    try:
        return resident()
    except OSError:
        return 0


async def _nothing() -> dict[str, Any]:
    return {}
