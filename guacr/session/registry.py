"""The sessions of this process."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from heapq import heappop, heappush

from typing_extensions import override

from guacr.errors import (
    BadRequestError,
    BusyError,
    DrainingError,
    GuacrError,
    NotFoundError,
    ShutdownError,
)
from guacr.protocol.client import ClientInfo
from guacr.session.admission import Admission
from guacr.session.counters import Counters
from guacr.session.directory import Directory, Here
from guacr.session.events import Events
from guacr.session.extension import SessionExtension
from guacr.session.ids import CONNECTION_ID_PREFIX, UNKNOWN
from guacr.session.input.reader import Reader
from guacr.session.origin import ANYONE, Origin
from guacr.session.params import Params
from guacr.session.protocols import Protocols
from guacr.session.session import Session
from guacr.settings.models import Settings
from guacr.transport.base import Transport

CHECKS_MAX = 100
"""About how many sessions are checked at a time, which takes 3 ms."""

log = logging.getLogger("guacr.registry")


class SessionRegistry(Directory):
    """Opens, finds and ends sessions; one ticker keeps all of them alive."""

    def __init__(self, protocols: Protocols, settings: Settings, executor: Executor) -> None:
        self.protocols = protocols
        self.settings = settings
        self.sessions: dict[str, Session] = {}
        self.events = Events()
        self.admission = Admission(
            self.events, lambda: self.settings.access, lambda: self.protocols
        )
        """The access rules."""
        self.counters: defaultdict[str, Counters] = defaultdict(Counters)
        """The counts of sessions, by protocol."""
        self.extensions: list[Callable[[Session], SessionExtension | None]] = []
        """Called for each new session; what they return takes part in it."""
        self.checks: list[Callable[[Origin], None]] = []
        """Called with the origin of each client before its session is created; they
        raise the `GuacrError` for which it must not be."""
        self.turnover = 0
        """The number of sessions ever opened, plus the number of those that have ended."""
        self.refused: list[Callable[[str, Transport, GuacrError], None]] = []
        """Called with the protocol or the session that a client has selected but may not open or
        join, and why."""
        self.is_draining = False
        """True if no more sessions are opened, while running ones go on."""
        self._executor = executor
        self._due: list[tuple[float, list[str]]] = []
        """When sessions are to be checked, on the event loop's clock, and their ids: a heap, since
        idle sessions should cost nothing in the meantime."""
        self._ending: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def is_empty(self) -> bool:
        """True if there are no sessions, and all handlers have cleaned up."""
        return not self.sessions and not self._ending

    @override
    def find(self, connection_id: str) -> Here:
        return Here(self._find(connection_id))

    @override
    def params_type(self, select: str) -> type[Params]:
        if select.startswith(CONNECTION_ID_PREFIX):
            return self._find(select).handler.params_type
        return self.protocols.find(select).params_type

    @override
    def open(
        self,
        select: str,
        values: Mapping[str, str],
        info: ClientInfo,
        transport: Transport,
        origin: Origin = ANYONE,
    ) -> Reader:
        try:
            return self._open(select, values, info, transport, origin)
        except GuacrError as error:
            for refused in self.refused:
                refused(select, transport, error)
            raise

    def _open(
        self,
        select: str,
        values: Mapping[str, str],
        info: ClientInfo,
        transport: Transport,
        origin: Origin,
    ) -> Reader:
        self.events.check()
        origin = replace(origin, client=transport.client)
        if select.startswith(CONNECTION_ID_PREFIX):
            session = self._find(select)
            opener = session.context.origin
            self.admission.join(
                session.protocol, type(session.handler), opener, origin, transport.peer
            )
            params = session.handler.params_type.parse(values)
            return _attached(session, transport, info, params, origin)
        if self._is_closed:
            raise ShutdownError
        if self.is_draining:
            raise DrainingError
        handler_type = self.protocols.find(select)
        network = self.admission.open(select, handler_type, values, origin, transport.peer)
        texts = dict(handler_type.default_values(self.settings))
        texts |= {name: text for name, text in values.items() if text}
        params = handler_type.params_type.parse(texts)
        self._check_size(info)
        for check in self.checks:
            check(origin)
        allowed = self.settings.server.max_sessions
        if allowed and len(self.sessions) >= allowed:
            raise BusyError(f"all {allowed} sessions are in use: try again later")
        name = handler_type.alias_of or select
        session = Session(
            name,
            handler_type,
            params,
            info,
            settings=self.settings,
            executor=self._executor,
            events=self.events,
            on_closed=self._closed,
            counters=self.counters[name],
            network=network,
            origin=origin,
        )
        for create in self.extensions:
            extension = create(session)
            if extension is not None:
                session.extensions.append(extension)
        self.sessions[session.id] = session
        heappush(self._due, (0.0, [session.id]))
        self.turnover += 1
        session.reports.opened(session.target, transport.peer)
        reader = _attached(session, transport, info, params, origin)
        self.events.when_durable(session.start, session.close)
        return reader

    def keep_alive(self, now: float) -> bool:
        """Send keep-alives and check time-outs; called about once per second by the daemon's
        ticker. Return whether there are more sessions to check than should be at a time."""
        later: defaultdict[float, list[str]] = defaultdict(list)
        checked = 0
        while self._due and self._due[0][0] <= now and checked < CHECKS_MAX:
            due, ids = heappop(self._due)
            if len(ids) > CHECKS_MAX:
                heappush(self._due, (due, ids[CHECKS_MAX:]))
            for connection_id in ids[:CHECKS_MAX]:
                session = self.sessions.get(connection_id)
                if session is not None:
                    later[round(session.keep_alive(now), 1)].append(connection_id)
                    checked += 1
        for group in later.items():
            heappush(self._due, group)
        return checked >= CHECKS_MAX

    def stood_still(self, seconds: float) -> None:
        """Note that the process could hear nobody for `seconds`, which is not the clients'
        fault."""
        for session in self.sessions.values():
            session.stood_still(seconds)
        self._due = [(0.0, list(self.sessions))]

    async def close(self) -> None:
        """End every session and wait, for a limited time, until the handlers have cleaned up; no
        more sessions can be opened."""
        self._is_closed = True
        for session in list(self.sessions.values()):
            session.close(ShutdownError())
        if self._ending:
            timeout = self.settings.server.drain_timeout
            _, late = await asyncio.wait(self._ending, timeout=timeout)
            for task in late:
                log.warning("%s did not end in time", task.get_name())
                task.cancel()

    def _check_size(self, info: ClientInfo) -> None:
        width, height = self.settings.largest_window(info.width, info.height)
        if (width, height) != (info.width, info.height):
            raise BadRequestError(
                f"size {info.width}x{info.height} is too large: at most {width}x{height} pixels of "
                "it are allowed (display.max_width, display.max_height, session.max_memory)"
            )

    def _find(self, connection_id: str) -> Session:
        session = self.sessions.get(connection_id)
        if session is None:
            raise NotFoundError(UNKNOWN)
        return session

    def _closed(self, session: Session) -> None:
        self.sessions.pop(session.id, None)
        task = asyncio.get_running_loop().create_task(
            session.wait_closed(), name=f"end of session {session.id}"
        )
        self._ending.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._ending.discard(task)
        self.turnover += 1


def _attached(
    session: Session, transport: Transport, info: ClientInfo, params: Params, origin: Origin
) -> Reader:
    reader = Reader(session, session.attach(transport, info, params.rights, origin))
    reader.open()
    return reader
