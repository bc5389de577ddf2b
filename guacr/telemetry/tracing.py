"""Traces the sessions of a registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from time import monotonic, perf_counter_ns

from typing_extensions import override

from guacr.errors import GuacrError
from guacr.quota import Quota
from guacr.session.extension import SessionExtension
from guacr.session.origin import Origin
from guacr.session.session import Session
from guacr.session.timeline import Timeline
from guacr.session.user import User
from guacr.settings.telemetry import TelemetrySettings
from guacr.telemetry.spans import Parent, Span, arriving, connecting, parent_of, whole
from guacr.transport.base import Transport

REFUSED_MAX, REFUSED_PERIOD = 60, 60.0
"""Maximum refused clients that are traced in a period, and its seconds: others must not push the
traces of sessions out of the queue."""


class Tracer(ABC):
    """Sends spans."""

    @abstractmethod
    def send(self, span: Span, parent: object = None) -> object:
        """Send a span with its children, and return what can be the `parent` of another one, as a
        `Parent` can be; never blocks."""


class SessionTrace(SessionExtension):
    """Traces one session.

    Args:
        session: it has not started yet.
        tracer: receives the spans.
        settings: those at its start.
    """

    def __init__(self, session: Session, tracer: Tracer, settings: TelemetrySettings) -> None:
        self._session = session
        self._tracer = tracer
        self._settings = settings
        self._parent: Parent | None = None
        self._protocol = session.protocol
        self._accepted = self._opened = 0
        self._connect: object = None
        self._timeline = session.context.timeline = Timeline()
        session.frames.on_first_frame = self._first_frame

    @override
    async def opening(self) -> None:
        owner = self._session.users.owner
        if owner is not None:
            self._accepted = owner.link.transport.accepted
            self._opened = owner.link.transport.opened
            self._parent = _parent(owner.link.transport, self._settings)

    @override
    def joined(self, user: User, origin: Origin) -> None:
        if not user.owner:
            transport = user.link.transport
            times = transport.accepted, transport.opened, perf_counter_ns()
            span = arriving(f"join {self._protocol}", *times, self._about())
            self._tracer.send(span, _parent(transport, self._settings) or self._connect)

    @override
    async def closed(self) -> None:
        timeline, traffic = self._timeline, self._session.traffic
        if not timeline.is_complete:
            self._send_connect()
        about = {"guacr.received_bytes": traffic.received, "guacr.sent_bytes": traffic.sent}
        self._tracer.send(whole(timeline, self._protocol, self._about() | about), self._connect)

    def _first_frame(self) -> None:
        self._timeline.mark("first frame")
        self._send_connect()

    def _send_connect(self) -> None:
        self._timeline.is_complete = True
        span = connecting(
            self._timeline, self._accepted, self._opened, self._protocol, self._about()
        )
        self._connect = self._tracer.send(span, self._parent)

    def _about(self) -> dict[str, str | int]:
        about: dict[str, str | int] = {
            "guacr.protocol": self._protocol,
            "guacr.session": self._session.id,
        }
        host = self._session.target.host if self._settings.hosts else ""
        return about | {"server.address": host} if host else about


class RefusalTrace:
    """Traces clients that may not open or join a session; of a flood of them, only the first.

    Args:
        tracer: receives the spans.
        settings: returns the present ones.
        protocols: returns the names of the protocols, which clients do not choose.
        clock: returns seconds on a monotonic scale.
    """

    def __init__(
        self,
        tracer: Tracer,
        settings: Callable[[], TelemetrySettings],
        protocols: Callable[[], Collection[str]],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._tracer = tracer
        self._settings = settings
        self._protocols = protocols
        self._quota = Quota(REFUSED_MAX, REFUSED_PERIOD, clock)

    def refused(self, select: str, transport: Transport, error: GuacrError) -> None:
        """Trace a client that has selected a protocol or a session."""
        if not self._quota.admits():
            return
        about = {"guacr.status": error.status.name.lower()}
        if select in self._protocols():
            about["guacr.protocol"] = select
        times = transport.accepted, transport.opened, perf_counter_ns()
        span = arriving("refuse", *times, about, failed=True)
        self._tracer.send(span, _parent(transport, self._settings()))


def _parent(transport: Transport, settings: TelemetrySettings) -> Parent | None:
    return parent_of(transport.traceparent) if settings.traceparent else None
