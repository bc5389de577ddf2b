"""Events of sessions, for their subscribers: control interfaces, metrics, audits."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Self

from guacr.errors import GuacrError
from guacr.protocol.status import Status
from guacr.session.link import Traffic
from guacr.session.target import Target

PENDING_MAX = 1000
"""Maximum events that wait for one subscriber; the oldest are dropped."""
_LATEST = 253_402_300_799.0
"""The end of the year 9999: files may have any date."""


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A session has started; whether it reaches its host is not known yet."""

    session: str
    protocol: str
    target: Target
    subject: str
    """The person for whom a token was made; empty without one."""
    connection: str = ""
    """The name of the configured connection; empty for others."""


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
    read_only: bool = False
    subject: str = ""
    """The person for whom a token was made; empty without one."""
    certificate: str = ""
    """The first name in the client's certificate; empty without one."""


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
class TransferStarted:
    """A file is to be sent to a user or received from one."""

    session: str
    user: str
    name: str
    incoming: bool
    """True if the user sends the file."""


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
    sha256: str = ""
    """The hash of these bytes, in hexadecimal digits; empty if there is no audit log."""


@dataclass(frozen=True, slots=True)
class FilesChanged:
    """A user has renamed or deleted files, or made a directory."""

    session: str
    user: str
    what: str


@dataclass(frozen=True, slots=True)
class DriveFileUsed:
    """The remote host has used a file on the drive of a session, and closed it."""

    session: str
    action: str
    """One of read, written, created (a directory), renamed and deleted; more for `count` uses
    without an event of their own."""
    path: str = ""
    """Its path on the drive."""
    to: str = ""
    """Its new path, if it was renamed."""
    size: int | None = None
    """Bytes that were read or written."""
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Copied:
    """A clipboard of the remote host was sent to users."""

    session: str
    users: tuple[str, ...]
    sizes: Mapping[str, int]
    """Bytes by type."""
    text: str
    """Empty, unless the audit log contains what is copied."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """A clipboard of a user was sent to the remote host."""

    session: str
    user: str
    sizes: Mapping[str, int]
    """Bytes by type."""
    text: str
    """Empty, unless the audit log contains what is pasted."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A client, or something that a user wanted to do, was refused."""

    peer: str
    """The client's address."""
    reason: str
    session: str = ""
    """Empty if the client has none."""
    user: str = ""
    name: str = ""
    """The path of a file that was refused; empty for anything else."""
    incoming: bool | None = None
    """True if the user was to send the file, False if the user was to be sent it."""


@dataclass(frozen=True, slots=True)
class AccessRefused:
    """The access rules refuse a session, a host, or joining a session."""

    peer: str
    """The client's address."""
    reason: str
    """The sentence that the client is sent."""
    rule: str
    """The name of the rule that denies it; empty if none allows it."""
    protocol: str
    target: str
    """The host and port; empty if the session is refused whatever it connects to."""
    identities: tuple[str, ...]
    """The identities that the client has proven."""
    listener: str
    connection: str = ""
    """The name of the configured connection; empty for others."""
    session: str = ""
    """Empty if the client has none."""


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
class RecordingRead:
    """Somebody reads a recording at /recordings."""

    recording: str
    """Its name."""
    peer: str
    """The address of the browser."""
    subject: str
    """The person for whom the token was made; empty if it does not say."""
    action: str
    """One of watch, download and search."""


@dataclass(frozen=True, slots=True)
class Expired:
    """Recordings, or files of an archive, were deleted because they were too old, or too many."""

    place: str
    """The directory of the recordings, or the archive."""
    count: int
    size: int
    """Bytes."""
    oldest: str
    """The date of the oldest and of the newest one, as `utc` returns it."""
    newest: str


def utc(seconds: float) -> str:
    """Return a time, in seconds since 1970, as the audit log shows it."""
    return datetime.fromtimestamp(min(max(seconds, 0.0), _LATEST), UTC).isoformat(
        timespec="milliseconds"
    )


@dataclass(frozen=True, slots=True)
class OperatorActed:
    """An operator does something, or gets a link to watch a session."""

    operator: str
    """The name in the token or the certificate, or the account at the Unix socket."""
    peer: str
    """The operator's address."""
    action: str
    """One of end, watch, drain, resume and reload."""
    session: str = ""
    """Empty if the action is about the daemon."""
    reason: str = ""
    """The sentence for the users of a session that is ended."""


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
    | TransferStarted
    | TransferEnded
    | FilesChanged
    | DriveFileUsed
    | Copied
    | Pasted
    | Refused
    | AccessRefused
    | RecordingStarted
    | RecordingEnded
    | RecordingFailed
    | RecordingRead
    | Expired
    | OperatorActed
    | SessionClosed
)
Act = RecordingRead | Expired | OperatorActed
"""Events that can be noted for another process: all fields are plain."""


class Observer(ABC):
    """Sees every event, as the audit log must. It may delay what an event is about."""

    @property
    @abstractmethod
    def is_strict(self) -> bool:
        """True if nothing may go on before it has been noted."""

    @abstractmethod
    def check(self) -> None:
        """Check that more can be noted.

        Raises:
            BusyError: it cannot.
        """

    @abstractmethod
    def observe(self, event: Event) -> None:
        """Note an event, without blocking."""

    @abstractmethod
    def when_durable(self, proceed: Callable[[], None], fail: Callable[[GuacrError], None]) -> None:
        """Call `proceed` once all events so far are durable, or at once unless `is_strict`; call
        `fail` if they cannot be."""


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
            self._events.dropped += 1
        self._pending.append(event)
        self._news.set()


class Events:
    """Passes each event to every subscriber, without waiting for any of them, and to the observer,
    if there is one."""

    __slots__ = ("_subscriptions", "counts", "dropped", "observer")

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self.observer: Observer | None = None
        self.counts: Counter[type[Event]] = Counter()
        """The number of events of each kind."""
        self.dropped = 0
        """Events that a subscriber has missed, for all of them together."""

    def subscribe(self, limit: int = PENDING_MAX) -> Subscription:
        """Subscribe; at most `limit` events wait."""
        subscription = Subscription(self, limit)
        self.add(subscription)
        return subscription

    def add(self, subscription: Subscription) -> None:
        """Pass what happens from now on to a subscription."""
        self._subscriptions.add(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription."""
        self._subscriptions.discard(subscription)

    def publish(self, event: Event) -> None:
        """Pass an event to the observer and to every subscriber."""
        self.counts[type(event)] += 1
        if self.observer is not None:
            self.observer.observe(event)
        for subscription in self._subscriptions:
            subscription.put(event)

    def check(self) -> None:
        """Check that the observer can note more.

        Raises:
            BusyError: it cannot.
        """
        if self.observer is not None:
            self.observer.check()

    async def noted(self, event: Event) -> None:
        """Publish an event, and wait until it is durable, if nothing may go on before.

        Raises:
            BusyError: the observer cannot note it: what it is about must not be done.
        """
        self.check()
        self.publish(event)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.when_durable(partial(_settle, done), partial(_settle, done))
        await done

    @property
    def is_strict(self) -> bool:
        """True if nothing may go on before it has been noted."""
        return self.observer is not None and self.observer.is_strict

    def when_durable(self, proceed: Callable[[], None], fail: Callable[[GuacrError], None]) -> None:
        """Call `proceed` once the observer has made all events so far durable, if it is strict, and
        otherwise at once; call `fail` if it cannot."""
        if self.observer is None:
            proceed()
        else:
            self.observer.when_durable(proceed, fail)


def _settle(future: asyncio.Future[None], error: GuacrError | None = None) -> None:
    if future.done():  # whoever waited has left
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
