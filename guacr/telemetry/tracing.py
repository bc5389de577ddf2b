"""Traces the sessions of a registry."""

from __future__ import annotations

from abc import ABC, abstractmethod

from typing_extensions import override

from guacr.session.extension import SessionExtension
from guacr.session.session import Session
from guacr.session.timeline import Timeline
from guacr.telemetry.spans import Span, connecting, whole


class Tracer(ABC):
    """Sends spans."""

    @abstractmethod
    def send(self, span: Span, parent: object = None) -> object:
        """Send a span with its children, and return what can be the `parent` of another one; never
        blocks."""


class SessionTrace(SessionExtension):
    """Traces one session.

    Args:
        session: it has not started yet.
        tracer: receives the spans.
        names_host: True if a span may name the remote host.
    """

    def __init__(self, session: Session, tracer: Tracer, *, names_host: bool) -> None:
        self._session = session
        self._tracer = tracer
        self._names_host = names_host
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
        self._connect = self._tracer.send(span)

    def _about(self) -> dict[str, str | int]:
        about: dict[str, str | int] = {
            "guacr.protocol": self._protocol,
            "guacr.session": self._session.id,
        }
        host = self._session.target.host if self._names_host else ""
        return about | {"server.address": host} if host else about
