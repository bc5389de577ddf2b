"""Messages of a host to viewers outside of frames, such as titles: the newest is sent, no more
often than frames are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

BYTES_PER_SECOND = 1_000_000
"""Maximum of one kind of message to each viewer, so that a host cannot fill the queue of a slow
viewer."""


class Throttle:
    """Sends the first message at once, and only the last of those that follow too soon.

    Args:
        interval: minimum seconds between two messages.
        send: sends a message, and returns its size in bytes.
    """

    __slots__ = ("_finished", "_interval", "_loop", "_send", "_timer", "_waiting")

    def __init__(self, interval: float, send: Callable[[bytes], int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._interval = interval
        self._send = send
        self._waiting: bytes | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._finished = False

    def put(self, content: bytes) -> None:
        """Send a message now, or when the interval has passed, unless a newer one replaces it."""
        if not self._finished:
            self._waiting = content
            if self._timer is None:
                self._go_on()

    def finish(self) -> None:
        """Send the pending message, and then nothing more: the session ends."""
        self._finished = True
        if self._timer is not None:
            self._timer.cancel()
        if self._waiting is not None:
            self._send(self._waiting)
            self._waiting = None
        self._send = len  # releases the owner from memory

    def _go_on(self) -> None:
        content, self._waiting, self._timer = self._waiting, None, None
        if content is not None:
            rest = max(self._interval, self._send(content) / BYTES_PER_SECOND)
            self._timer = self._loop.call_later(rest, self._go_on)
