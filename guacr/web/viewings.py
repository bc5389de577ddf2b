"""Who watches, downloads and searches recordings, for the audit log."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from guacr.session.events import RecordingRead

QUIET = 600.0
"""Seconds without a request after which the next one is noted again: a player makes hundreds."""
KNOWN_MAX = 1000
"""Maximum viewings that are remembered; the oldest would be noted again."""

Note = Callable[[RecordingRead], Awaitable[None]]
"""Publishes an event, and returns once it is in the audit log, if that must come first; raises a
BusyError if it cannot."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """The holder of a token for recordings."""

    may_see: Callable[[str], bool]
    """Returns whether the recording of a name may be seen."""
    subject: str = ""
    """The person for whom the token was made; empty if it does not say."""


class Viewings:
    """Notes each use of a recording once, however many requests it takes."""

    def __init__(self, note: Note, clock: Callable[[], float] = time.monotonic) -> None:
        self._note = note
        self._clock = clock
        self._known: OrderedDict[RecordingRead, float] = OrderedDict()
        """The noted ones, with the time of the last request."""

    async def note(self, name: str, viewer: Viewer, peer: str, action: str) -> None:
        """Note what somebody is about to do with a recording; raises as `Note` does."""
        event = RecordingRead(name, peer, viewer.subject, action)
        now, last = self._clock(), self._known.get(event)
        if last is None or now - last > QUIET:
            await self._note(event)
        self._known[event] = now
        self._known.move_to_end(event)
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)


async def unnoted(event: RecordingRead) -> None:
    """Note nothing, where there is no audit log."""
