"""Events of sessions, for their subscribers: control interfaces, metrics, audits."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from guacr.protocol.status import Status
from guacr.session.link import Traffic
from guacr.session.target import Target

PENDING_MAX = 1000
"""Maximum events that wait for one subscriber; the oldest are dropped."""


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A session has started; whether it reaches its host is not known yet."""

    session: str
    protocol: str
    target: Target
    subject: str
    """The person for whom a token was made; empty without one."""


@dataclass(frozen=True, slots=True)
class UserJoined:
    """A client has joined a session."""

    session: str
    user: str
    name: str
    """The name that the client gives itself."""
    peer: str
    """The client's address."""
    owner: bool


@dataclass(frozen=True, slots=True)
class UserLeft:
    """A client has left a session."""

    session: str
    user: str
    traffic: Traffic
    status: Status
    reason: str
    """The error that the client was sent; empty if it left by itself or the session ended."""


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """A file was sent to a user or received from one."""

    session: str
    user: str
    name: str
    size: int
    """Bytes transferred."""
    incoming: bool
    """True if the user sent the file."""
    error: str
    """The reason why the file is incomplete; empty if it is complete."""


@dataclass(frozen=True, slots=True)
class RecordingStarted:
    """A session is recorded, or a typescript of it is written, from now on."""

    session: str
    place: str
    """The path of the file, or its equivalent in another store."""


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    """A recording or a typescript is complete."""

    session: str
    place: str
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """A session that was to be recorded is not, or no longer."""

    session: str
    place: str
    reason: str
    required: bool
    """True if the session ends for this reason; otherwise it goes on."""


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """A session has ended."""

    session: str
    protocol: str
    target: Target
    seconds: float
    traffic: Traffic
    status: Status
    reason: str
    """The error that its users were sent; empty if the session ended normally."""


Event = (
    SessionOpened
    | UserJoined
    | UserLeft
    | TransferEnded
    | RecordingStarted
    | RecordingEnded
    | RecordingFailed
    | SessionClosed
)


class Subscription:
    """An asynchronous iterator, for one task, over the events since its creation. It is also a
    context manager, which ends the subscription."""

    __slots__ = ("_events", "_limit", "_news", "_pending", "missed")

    def __init__(self, events: Events, limit: int) -> None:
        self._events = events
        self._limit = limit
        self._pending: deque[Event] = deque()
        self._news = asyncio.Event()
        self.missed = 0
        """Events that were dropped because too many were waiting."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._pending:
            self._news.clear()
            await self._news.wait()
        return self._pending.popleft()

    def close(self) -> None:
        """End the subscription; repeated calls do nothing."""
        self._events.unsubscribe(self)

    def put(self, event: Event) -> None:
        """Add an event, and drop the oldest if too many are waiting."""
        if len(self._pending) >= self._limit:
            self._pending.popleft()
            self.missed += 1
        self._pending.append(event)
        self._news.set()


class Events:
    """Passes each event to every subscriber, without waiting for any of them."""

    __slots__ = ("_subscriptions",)

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    def subscribe(self, limit: int = PENDING_MAX) -> Subscription:
        """Subscribe; at most `limit` events wait."""
        subscription = Subscription(self, limit)
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription."""
        self._subscriptions.discard(subscription)

    def publish(self, event: Event) -> None:
        """Pass an event to every subscriber."""
        for subscription in self._subscriptions:
            subscription.put(event)


class TransferReports:
    """Publishes the transfers of one user."""

    __slots__ = ("_events", "_session", "_user")

    def __init__(self, events: Events, session: str, user: str) -> None:
        self._events = events
        self._session = session
        self._user = user

    def ended(self, name: str, size: int, *, incoming: bool, error: str) -> None:
        """Publish that a transfer has ended, completely or with an error."""
        self._events.publish(
            TransferEnded(self._session, self._user, name, size, incoming=incoming, error=error)
        )
