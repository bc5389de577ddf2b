"""Limits as a part of sessions: those that would exceed one end before they contact their host."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial

from typing_extensions import override

from guacr.errors import GuacrError, SessionFullError
from guacr.limits.book import Claim
from guacr.limits.ledger import Ledger
from guacr.limits.refusal import USERS, Limit, Refusal, Scope, counts
from guacr.limits.terms import Terms
from guacr.limits.time_limits import TimeLimits
from guacr.limits.traffic import Flows, TrafficLimits
from guacr.refusals import Refusals
from guacr.session.extension import SessionExtension
from guacr.session.link import Hold, Link
from guacr.session.origin import Origin
from guacr.session.registry import SessionRegistry
from guacr.session.session import Session
from guacr.session.user import User
from guacr.transport.base import Transport

RETRY = 0.5
"""Seconds after which a session that is one too many is counted once more: that of a page that was
reloaded may still be closing."""

_refusals = Refusals(logging.getLogger("guacr.limits"))


class SessionLimits(SessionExtension):
    """The limits of one session, under the settings at its start."""

    def __init__(self, session: Session, ledger: Ledger, flows: Flows) -> None:
        self._session = session
        self._ledger = ledger
        self._flows = flows
        self._lease: int | None = None
        self._times: TimeLimits | None = None
        session.max_users = Terms(session.settings, session.context.origin).users

    @override
    async def opening(self) -> None:
        session, origin = self._session, self._session.context.origin
        terms = Terms(session.settings, origin)
        await self._enter(terms)
        await self._spend(origin, session.users.owner)
        if terms.session_length or terms.idle_time:
            self._times = TimeLimits(session, terms.session_length, terms.idle_time)
            self._times.start()

    @override
    def joined(self, user: User, origin: Origin) -> None:
        opener = self._session.context.origin
        if not (origin.person or origin.terms.id):  # a guest counts for the person who opened it
            client = replace(origin.client, certificates=opener.client.certificates)
            origin = replace(origin, subject=opener.subject, terms=opener.terms, client=client)
        rates = self._joining_terms(origin).rates()
        if rates:
            user.pacing.rate_limit = min(rate for _, _, rate in rates)
            user.link.meter = TrafficLimits(
                self._flows,
                rates,
                resume=partial(_resume, self._session, user),
                hold=partial(_hold, user.link),
            )

    @override
    def delays(self, origin: Origin) -> bool:
        return bool(origin.terms.once_until or self._connects(origin))

    @override
    async def joining(self, user: User, origin: Origin) -> None:
        connects = self._connects(origin)
        if connects:
            entered = await self._ledger.enter(connects)
            if isinstance(entered, Refusal):
                _refuse(entered, user)
            else:
                self._ledger.leave(entered)
        await self._spend(origin, user)

    @override
    async def closed(self) -> None:
        if self._lease is not None:
            self._ledger.leave(self._lease)
        if self._times is not None:
            self._times.stop()

    def _joining_terms(self, origin: Origin) -> Terms:
        connection = self._session.context.origin.connection
        return Terms(self._session.settings, origin, connection)

    def _connects(self, origin: Origin) -> list[Claim]:
        """Return the claims of a user who joins, for which only connects are counted; none of an
        operator who watches."""
        claims = [] if origin.is_watcher else self._joining_terms(origin).claims()
        return [replace(claim, sessions=0) for claim in claims if claim.connects]

    async def _enter(self, terms: Terms) -> None:
        claims = terms.claims()
        entered = await self._ledger.enter(claims)
        if isinstance(entered, Refusal) and _may_pass(entered):
            await asyncio.sleep(RETRY)
            entered = await self._ledger.enter(claims)
        if isinstance(entered, Refusal):
            _refuse(entered, self._session.users.owner)
        else:
            self._lease = entered

    async def _spend(self, origin: Origin, user: User | None) -> None:
        """Use a token that can be used once, if everything else allows the session."""
        terms = origin.terms
        if terms.once_until:
            refusal = await self._ledger.spend(terms.id, terms.once_until)
            if refusal is not None:
                _refuse(refusal, user)


def limit_sessions(registry: SessionRegistry, ledger: Ledger) -> None:
    """Apply the limits of the settings to the sessions of a registry; call this before other
    extensions are added."""

    def check(origin: Origin) -> None:
        """Refuse at once what costs least then: what the daemon as a whole cannot do."""
        refusal = ledger.check(Terms(registry.settings, origin).claims())
        if refusal is not None and not _may_pass(refusal):
            raise refusal.counted()

    def count(select: str, transport: Transport, error: GuacrError) -> None:
        if isinstance(error, SessionFullError):
            counts[USERS] += 1

    registry.checks.append(check)
    registry.refused.append(count)
    flows = Flows(ledger)
    registry.extensions.append(lambda session: SessionLimits(session, ledger, flows))


def _resume(session: Session, user: User) -> None:
    session.frames.wake()
    user.outputs.drained()


def _hold(link: Link, is_held: bool) -> None:
    if is_held:
        link.hold(Hold.LIMIT)
    else:
        link.release(Hold.LIMIT)


def _may_pass(refusal: Refusal) -> bool:
    return refusal.limit is Limit.SESSIONS and refusal.scope is not Scope.ALL


def _refuse(refusal: Refusal, user: User | None) -> None:
    error = refusal.counted()
    _refusals.refused("a client" if user is None else user.link.peer, error)
    raise error
