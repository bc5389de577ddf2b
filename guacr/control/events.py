"""Events of sessions as operators see them: dictionaries that JSON can represent.

Each has `time` (seconds since 1970) and `event`, the name of the event, with its fields as in the
audit log (docs/audit.md), but never the text of a clipboard. The event `dropped` says by `count`
how many were not read in time.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from guacr.audit.entries import values_of
from guacr.session.events import Event, Subscription

DROPPED = "dropped"


async def described(
    subscription: Subscription, clock: Callable[[], float] = time.time
) -> AsyncIterator[dict[str, Any]]:
    """Yield the events of a new subscription; `clock` returns the seconds since 1970."""
    missed = 0
    async for event in subscription:
        if subscription.missed > missed:
            yield {"time": clock(), "event": DROPPED, "count": subscription.missed - missed}
            missed = subscription.missed
        yield {"time": clock(), **_values(event)}


def _values(event: Event) -> dict[str, object]:
    values = values_of(event)
    values.pop("text", None)
    return values
