"""The traces of sessions, as plain data.

A trace has two spans of a session, and one for each step of its connection:

    connect ssh      from the accepted connection of the client to the first frame or the failure
        accept, handshake, open, resolve, tcp, …, connect, first frame
    session ssh      from the opening to the end, sent then
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from guacr.protocol.status import Status
from guacr.session.timeline import Timeline

Attributes = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Span:
    """A span; times are in nanoseconds, those of `time.perf_counter_ns`."""

    name: str
    begun: int
    ended: int
    attributes: Attributes
    failed: bool = False
    children: tuple[Span, ...] = ()


def connecting(
    timeline: Timeline, accepted: int, opened: int, protocol: str, about: Attributes
) -> Span:
    """Return the span of a session's connection.

    Args:
        timeline: its steps.
        accepted: when the client was accepted; 0 if that is not known.
        opened: when the client could begin its handshake, after that of TLS; 0 as above.
        protocol: the protocol of the session.
        about: attributes for the span, and not for its steps.
    """
    ends = [("accept", opened), ("handshake", timeline.begun)] if accepted and opened else []
    begun = at = accepted if ends else timeline.begun
    steps = []
    for name, end in [*ends, *timeline.steps]:
        steps.append(Span(name, at, end, {}))
        at = end
    failed = bool(timeline.ended_at) and timeline.status is not Status.SUCCESS
    if timeline.ended_at:
        about = {**about, "guacr.status": timeline.status.name.lower()}
        at = timeline.ended_at
    return Span(f"connect {protocol}", begun, at, about, failed, tuple(steps))


def whole(timeline: Timeline, protocol: str, about: Attributes) -> Span:
    """Return the span of a session that has ended."""
    about = {**about, "guacr.status": timeline.status.name.lower()}
    failed = timeline.status is not Status.SUCCESS
    return Span(f"session {protocol}", timeline.begun, timeline.ended_at, about, failed)
