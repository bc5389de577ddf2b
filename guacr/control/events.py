"""Events of sessions as operators see them: dictionaries that JSON can represent.

Each has `time` (seconds since 1970) and `event`, the name of the event, with its fields as in the
audit log (docs/audit.md), but never the text of a clipboard. The event `dropped` says by `count`
how many were not read in time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from typing_extensions import override

from guacr.audit.entries import values_of
from guacr.session.events import PENDING_MAX, Event, Events, Subscription

DROPPED = "dropped"


class TimedSubscription(Subscription):
    """A subscription that notes when events happen."""

    __slots__ = ("_times", "time")

    def __init__(self, events: Events, limit: int = PENDING_MAX) -> None:
        super().__init__(events, limit)
        self._times: deque[float] = deque(maxlen=limit)
        self.time = 0.0
        """When the last event that was returned had happened, in seconds since 1970."""
        events.add(self)

    @override
    def put(self, event: Event) -> None:
        super().put(event)
        self._times.append(time.time())

    @override
    async def __anext__(self) -> Event:
        event = await super().__anext__()
        self.time = self._times.popleft()
        return event


async def described(subscription: TimedSubscription) -> AsyncIterator[dict[str, Any]]:
    """Yield the events of a new subscription."""
    missed = 0
    async for event in subscription:
        when = subscription.time
        if subscription.missed > missed:
            count, missed = subscription.missed - missed, subscription.missed
            yield {"time": when, "event": DROPPED, "count": count}
        yield {"time": when, **_values(event)}


def _values(event: Event) -> dict[str, object]:
    values = values_of(event)
    values.pop("text", None)
    return values
