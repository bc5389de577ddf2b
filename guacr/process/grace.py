"""The end of a daemon whose sessions may go on for a while."""

from __future__ import annotations

import asyncio
import logging

from guacr.control.control import Control
from guacr.durations import spoken
from guacr.systemd import notify

LOOK = 0.5
"""Seconds between two looks whether there are sessions left."""
ANNOUNCED = 15.0
"""Seconds for which users see the first announcement."""
MARGIN = 60.0
"""Seconds that the daemon may need, after the grace period, until it has ended."""
SENTENCE = "The service is about to stop: this session ends in {}. Save what is open."

log = logging.getLogger("guacr.process")


async def outlast_sessions(control: Control, seconds: float, warning: float) -> None:
    """Open no more sessions, and return once the last one has ended, or after some seconds. Users
    are told so now, and again `warning` seconds before their sessions are ended, at most half of
    the time."""
    loop = asyncio.get_running_loop()
    end, ahead = loop.time() + seconds, min(warning, seconds / 2)
    is_warned = False
    control.is_stopping = True
    await control.drain()
    if count := await _sessions(control):
        notify(f"EXTEND_TIMEOUT_USEC={round((seconds + MARGIN) * 1_000_000)}")
        log.info(
            "draining: the sessions (%d) may go on for up to %s; another SIGTERM ends them",
            count,
            spoken(seconds),
        )
        await control.announce(SENTENCE.format(spoken(seconds)), min(ANNOUNCED, seconds / 2))
    while await _sessions(control) and (left := end - loop.time()) > 0:
        if left <= ahead and not is_warned:
            is_warned = True
            await control.announce(SENTENCE.format(spoken(left)), left)
        await asyncio.sleep(min(LOOK, left))


async def _sessions(control: Control) -> int:
    return sum(worker.sessions for worker in (await control.status()).workers)
