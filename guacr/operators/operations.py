"""The actions of operators, with rights checked and noted: the core of HTTP and gRPC."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from guacr.access.gateway import WATCH_LIFETIME, watch_token
from guacr.access.keys import ProcessKeys
from guacr.access.operator_tokens import Right
from guacr.control.control import STARTING, Control
from guacr.control.info import DaemonStatus, Reloaded, SessionInfo
from guacr.errors import (
    BadRequestError,
    BusyError,
    NotFoundError,
    SessionClosedError,
    TooManyError,
    UnsupportedError,
)
from guacr.operators.authority import Operator
from guacr.operators.filters import Page, Query
from guacr.session.events import OperatorActed
from guacr.session.ids import UNKNOWN, with_prefix
from guacr.settings.models import Settings
from guacr.showable import escaped, showable

MESSAGE_MAX = 500
"""Maximum characters of a sentence for the users of a session."""
MESSAGE = "an operator has ended this session"
"""The sentence if the operator gives none."""
_ID = re.compile(r"\$?[0-9a-f-]{1,64}")

log = logging.getLogger("guacr.operators")


@dataclass(frozen=True, slots=True)
class WatchLink:
    """A link to watch a session in the page."""

    token: str
    path: str
    """The path and the fragment of the page's URL."""
    expires: float
    """When it must have been opened, in seconds since 1970."""


class Operations:
    """Acts on a daemon for operators. While it is starting, all but `status` raises BusyError.

    Args:
        control: the daemon.
        settings: its settings.
        keys: those of its own tokens.
        clock: returns the seconds since 1970.
    """

    def __init__(
        self,
        control: Control,
        settings: Settings,
        keys: ProcessKeys,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._control = control
        self._settings = settings
        self._keys = keys
        self._clock = clock
        self._streams: dict[asyncio.Timeout, str] = {}
        """The names of those who read events, by their deadlines."""

    def apply(self, settings: Settings) -> None:
        """Apply new settings."""
        self._settings = settings

    @property
    def announces_watchers(self) -> bool:
        """True if the owner of a session is told who watches it."""
        return self._settings.control.announce_watchers

    async def status(self, operator: Operator) -> DaemonStatus:
        """Return the state of the daemon and its workers.

        Raises:
            ForbiddenError: the operator may not see it.
        """
        operator.check(Right.READ)
        return await self._control.status()

    async def sessions(self, operator: Operator, query: Query) -> Page:
        """Return a page of the sessions that match.

        Raises:
            ForbiddenError: the operator may not see them.
        """
        self._check(operator, Right.READ)
        return query.page(await self._control.sessions())

    async def session(self, operator: Operator, session_id: str) -> SessionInfo:
        """Return one session; its id may be without its dollar sign.

        Raises:
            ForbiddenError: the operator may not see it.
            NotFoundError: the session is unknown.
        """
        self._check(operator, Right.READ)
        return await self._control.session(_whole(session_id))

    async def end(self, operator: Operator, session_id: str, message: str) -> None:
        """End a session; its users are sent the message.

        Raises:
            ForbiddenError: the operator may not do it.
            BadRequestError: the message is too long.
            NotFoundError: the session is unknown.
        """
        self._check(operator, Right.ACT)
        sentence = _sentence(message)
        session = await self._control.session(_whole(session_id))
        await self._note(operator, "end", session.id, sentence)
        await self._control.end(session.id, SessionClosedError(sentence))

    async def watch(self, operator: Operator, session_id: str) -> WatchLink:
        """Return a link to watch a session, read-only.

        Raises:
            ForbiddenError: the operator may not do it.
            NotFoundError: the session is unknown.
            UnsupportedError: there is no page to watch it with.
        """
        self._check(operator, Right.WATCH)
        if not self._settings.websocket.enabled:
            raise UnsupportedError(
                "sessions cannot be watched without the page: set websocket.enabled"
            )
        session = await self._control.session(_whole(session_id))
        await self._note(operator, "watch", session.id)
        now = self._clock()
        token = watch_token(self._keys, session.id, subject=operator.name, now=now)
        return WatchLink(token, f"/#{urlencode({'token': token})}", now + WATCH_LIFETIME)

    async def drain(self, operator: Operator) -> None:
        """Open no more sessions.

        Raises:
            ForbiddenError: the operator may not do it.
        """
        self._check(operator, Right.ACT)
        await self._note(operator, "drain")
        await self._control.drain()

    async def resume(self, operator: Operator) -> None:
        """Open sessions again.

        Raises:
            ForbiddenError: the operator may not do it.
        """
        self._check(operator, Right.ACT)
        await self._note(operator, "resume")
        await self._control.resume()

    async def reload(self, operator: Operator) -> Reloaded:
        """Read the settings again.

        Raises:
            ForbiddenError: the operator may not do it.
            SettingsError: they cannot be used.
        """
        self._check(operator, Right.ACT)
        await self._note(operator, "reload")
        return await self._control.reload()

    @asynccontextmanager
    async def events(self, operator: Operator) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """Return a context for the events from its beginning on. The block is left when the
        operator's rights end, and by `end_streams`.

        Raises:
            ForbiddenError: the operator may not see them.
            TooManyError: there are too many streams.
        """
        self._check(operator, Right.READ)
        self._check_streams(operator.name)
        limit = asyncio.timeout(operator.seconds_left())
        self._streams[limit] = operator.name
        try:
            with suppress(TimeoutError):
                async with limit, self._control.events() as events:
                    yield _while_allowed(operator, events)
        finally:
            del self._streams[limit]

    def end_streams(self) -> None:
        """End the streams of events: rights may have changed, or the daemon ends."""
        for limit in self._streams:
            with suppress(RuntimeError):  # it is ending by itself
                limit.reschedule(0)  # at once

    def _check(self, operator: Operator, right: Right) -> None:
        """Check that there is something to see or to act on.

        Raises:
            ForbiddenError: the operator does not have the right.
            BusyError: the daemon is starting.
        """
        operator.check(right)
        if self._control.is_starting:
            raise BusyError(STARTING)

    def _check_streams(self, name: str) -> None:
        """Refuse more streams than allowed, or more than half of them for one operator, so that
        others get some, too."""
        allowed = self._settings.control.max_streams
        own = max(1, allowed // 2)
        if len(self._streams) >= allowed:
            raise TooManyError(
                f"all {allowed} streams of events are in use (control.max_streams): end another one"
            )
        if list(self._streams.values()).count(name) >= own:
            raise TooManyError(
                f"you have {own} streams of events, half of control.max_streams: end one of them"
            )

    async def _note(
        self, operator: Operator, action: str, session: str = "", reason: str = ""
    ) -> None:
        extra = {"session": session} if session else None
        log.info("operator %s at %s: %s", _shown(operator.name), operator.peer, action, extra=extra)
        await self._control.note(
            OperatorActed(operator.name, operator.peer, action, session, reason)
        )


async def _while_allowed(
    operator: Operator, events: AsyncIterator[dict[str, Any]]
) -> AsyncIterator[dict[str, Any]]:
    """Yield events as long as an operator has rights. The timer that ends the stream is late if the
    process stood still, or the clock was set.

    Raises:
        TimeoutError: the rights have ended.
    """
    async for event in events:
        if operator.seconds_left() == 0:
            raise TimeoutError
        yield event


def _whole(text: str) -> str:
    """Return the id of a session, with its dollar sign.

    Raises:
        NotFoundError: it is no id.
    """
    if not _ID.fullmatch(text):
        raise NotFoundError(UNKNOWN)
    return with_prefix(text)


def _sentence(message: str) -> str:
    """Return the sentence for users.

    Raises:
        BadRequestError: it is too long.
    """
    if len(message) > MESSAGE_MAX:
        raise BadRequestError(f"the message is longer than the {MESSAGE_MAX} characters allowed")
    return _shown(" ".join(message.split())) or MESSAGE


def _shown(text: str) -> str:
    """Return what an operator has chosen, with the codes of invisible characters."""
    return showable(text, escaped)
