"""Every session of this process, and the protocols that sessions can be made of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import Executor
from importlib.metadata import EntryPoint, entry_points

from guacr.errors import (
    BadRequestError,
    BusyError,
    GuacrError,
    NotFoundError,
    ShutdownError,
    UnsupportedError,
    shorten,
)
from guacr.protocol.client import ClientInfo
from guacr.session.handler import ENTRY_POINT_GROUP, ProtocolHandler
from guacr.session.origin import ANYONE, Origin
from guacr.session.params import Params
from guacr.session.session import Session
from guacr.session.user import Rights, User
from guacr.settings import Settings
from guacr.transport.base import Transport

CONNECTION_ID_PREFIX = "$"

log = logging.getLogger("guacr.registry")


class Protocols:
    """The installed handlers by name; each is imported when it is first asked for.

    `more` are handlers that no installed distribution declares.
    """

    def __init__(self, more: Mapping[str, type[ProtocolHandler]] | None = None) -> None:
        self._entries = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
        self._loaded = dict(more or {})

    @property
    def names(self) -> list[str]:
        """Every protocol that can be selected."""
        return sorted({*self._entries, *self._loaded})

    def find(self, name: str) -> type[ProtocolHandler]:
        """The handler of a protocol.

        Raises:
            UnsupportedError: there is none of that name, or it cannot be loaded.
        """
        known = self._loaded.get(name)
        if known is not None:
            return known
        entry = self._entries.get(name)
        if entry is None:
            raise UnsupportedError(
                f"protocol {shorten(name)} is unknown: known are {', '.join(self.names)}"
            )
        handler = self._load(entry)
        self._loaded[name] = handler
        return handler

    def _load(self, entry: EntryPoint) -> type[ProtocolHandler]:
        """Import a handler; a broken one is logged, and costs nobody but who asks for it."""
        try:
            handler = entry.load()
        except ImportError as error:
            log.exception("protocol %s cannot be loaded", entry.name)
            raise UnsupportedError(
                f"protocol {entry.name} is not installed completely: install guacr[all]"
            ) from error
        except (Exception, SystemExit) as error:
            log.exception("protocol %s cannot be loaded", entry.name)
            raise UnsupportedError(
                f"protocol {entry.name} cannot be loaded: the daemon's log says more"
            ) from error
        if not (isinstance(handler, type) and issubclass(handler, ProtocolHandler)):
            log.error("protocol %s: %s is not a protocol handler", entry.name, entry.value)
            raise UnsupportedError(
                f"protocol {entry.name} cannot be loaded: the daemon's log says more"
            )
        return handler

    def warm_up(self, settings: Settings) -> None:
        """Load every protocol, and what its first session would wait for; one that fails costs
        the others nothing."""
        for name in self.names:
            try:
                self.find(name).warm_up(settings)
            except GuacrError as error:
                log.warning("protocol %s: %s", name, error)
            except Exception:
                log.exception("protocol %s cannot be warmed up", name)


class SessionRegistry:
    """Opens, finds and ends sessions; one ticker keeps all of them alive."""

    def __init__(self, protocols: Protocols, settings: Settings, executor: Executor) -> None:
        self.protocols = protocols
        self.settings = settings
        self.sessions: dict[str, Session] = {}
        self._executor = executor
        self._ending: set[asyncio.Task[None]] = set()

    def params_type(self, select: str) -> type[Params]:
        """The parameters to ask for after `select` of a protocol or a connection id.

        Raises:
            NotFoundError: there is no such connection.
            UnsupportedError: there is no such protocol.
        """
        if select.startswith(CONNECTION_ID_PREFIX):
            return self._find(select).handler.params_type
        return self.protocols.find(select).params_type

    def open(
        self,
        select: str,
        values: Mapping[str, str],
        info: ClientInfo,
        transport: Transport,
        origin: Origin = ANYONE,
    ) -> User:
        """A new session for a protocol, or a place in a running one for a connection id.

        `values` are the texts of parameters by name, and `origin` says where they come from. The
        user is attached: its transport's receiver is set, `ready` is sent.

        Raises:
            NotFoundError: no such connection.
            UnsupportedError: no such protocol.
            BadRequestError: a parameter cannot be used.
            BusyError: there are as many sessions as are allowed.
            TooManyError: the session to join is full.
        """
        if select.startswith(CONNECTION_ID_PREFIX):
            session = self._find(select)
            params = session.handler.params_type.parse(values)
            return session.attach(transport, info, _rights(params))
        handler_type = self.protocols.find(select)
        texts = dict(handler_type.default_values(self.settings))
        texts |= {name: text for name, text in values.items() if text}
        params = handler_type.params_type.parse(texts)
        self._check_size(info)
        allowed = self.settings.server.max_sessions
        if allowed and len(self.sessions) >= allowed:
            raise BusyError(f"all {allowed} sessions are in use: try again later")
        session = Session(select, self.settings, self._executor, self._closed, origin)
        session.prepare(handler_type, params, info)
        self.sessions[session.id] = session
        user = session.attach(transport, info, _rights(params))
        session.start()
        return user

    def keep_alive(self, now: float) -> None:
        """Called about once a second by the daemon's ticker."""
        for session in list(self.sessions.values()):
            if now >= session.next_look:
                with session.ending_on_failure():
                    session.keep_alive(now)

    def stood_still(self, seconds: float) -> None:
        """The process has heard nobody for so long: no client is to blame for that."""
        for session in self.sessions.values():
            session.stood_still(seconds)

    async def close(self) -> None:
        """End every session and wait, within bounds, until their handlers have cleaned up."""
        for session in list(self.sessions.values()):
            session.close(ShutdownError())
        if self._ending:
            timeout = self.settings.server.drain_timeout
            _, late = await asyncio.wait(self._ending, timeout=timeout)
            for task in late:
                log.warning("%s did not end in time", task.get_name())
                task.cancel()

    def _check_size(self, info: ClientInfo) -> None:
        width, height = self.settings.display.max_width, self.settings.display.max_height
        if info.width > width or info.height > height:
            raise BadRequestError(
                f"size {info.width}x{info.height} cannot be shown: "
                f"at most {width}x{height} pixels are allowed here"
            )

    def _find(self, connection_id: str) -> Session:
        session = self.sessions.get(connection_id)
        if session is None:
            raise NotFoundError("no such connection: it has ended, or its id is wrong")
        return session

    def _closed(self, session: Session) -> None:
        self.sessions.pop(session.id, None)
        task = asyncio.get_running_loop().create_task(
            session.wait_closed(), name=f"end of session {session.id}"
        )
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _rights(params: Params) -> Rights:
    """The rights that a user's own parameters leave it."""
    return Rights(
        read_only=bool(getattr(params, "read_only", False)),
        disable_copy=bool(getattr(params, "disable_copy", False)),
        disable_paste=bool(getattr(params, "disable_paste", False)),
    )
