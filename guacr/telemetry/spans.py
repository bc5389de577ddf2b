"""The traces of sessions, as plain data.

A trace has two spans of a session, one for each step of its connection, and one for each client
that joins:

    connect ssh      from the accepted connection of the client to the first frame or the failure
        accept, handshake, open, resolve, tcp, …, connect, first frame
    session ssh      from the opening to the end, sent then
    join ssh         from the accepted connection of a client until it has joined
        accept, handshake

A client that may not open or join a session has a trace of its own, with `refuse`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from guacr.protocol.status import Status
from guacr.session.timeline import Timeline

TRACEPARENT_MAX = 256
"""Maximum characters of a header `traceparent`."""
_TRACEPARENT = re.compile(
    "(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    "(?P<more>-.*)?"
)

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


@dataclass(frozen=True, slots=True)
class Parent:
    """A span of another program (W3C Trace Context)."""

    trace: int
    span: int
    flags: int


def parent_of(header: str) -> Parent | None:
    """Return the span that a header `traceparent` names; None if it is invalid.

    The format is that of W3C Trace Context, section 3.2: `00-TRACE-SPAN-FLAGS`; a later version may
    have more after these.
    """
    if len(header) > TRACEPARENT_MAX:
        return None
    found = _TRACEPARENT.fullmatch(header.strip(" \t"))
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["more"]):
        return None
    parent = Parent(int(found["trace"], 16), int(found["span"], 16), int(found["flags"], 16))
    return parent if parent.trace and parent.span else None


def arriving(
    name: str, accepted: int, opened: int, now: int, about: Attributes, *, failed: bool = False
) -> Span:
    """Return the span of a client without a connection of its own, which has joined a session, or
    was refused. The times are those of `connecting`."""
    ends = [("accept", opened), ("handshake", now)] if accepted and opened else []
    begun = at = accepted if ends else now
    steps = []
    for step, end in ends:
        steps.append(Span(step, at, end, {}))
        at = end
    return Span(name, begun, now, about, failed, tuple(steps))


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
