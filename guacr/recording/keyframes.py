"""When a recording gets a whole picture, at which a player can begin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

KEYFRAME_EVERY, KEYFRAME_LATEST = 10.0, 60.0
"""Seconds after a keyframe from which the next one is written once nothing moves, and at which it
is written even if something does."""
KEYFRAME_SHARE = 4
"""A keyframe is only written after this multiple of the size of the last one."""
QUIET = 0.5
"""Seconds without a frame after which nothing moves."""


class Keyframes:
    """Decides when a whole picture is due, after which a player can begin."""

    def __init__(self, renew: Callable[[], None]) -> None:
        self._renew = renew
        self._loop = asyncio.get_running_loop()
        self._written_at = self._last_frame = self._loop.time()
        self._size = self._since = 0
        """Bytes of the last keyframe, and of what has followed it."""
        self._timer: asyncio.TimerHandle | None = None

    def frame(self, size: int, *, whole: bool) -> None:
        """Note a frame of `size` bytes."""
        now = self._last_frame = self._loop.time()
        if whole:
            self._written_at, self._size, self._since = now, size, 0
            self.stop()
            return
        self._since += size
        if self._since < KEYFRAME_SHARE * self._size:
            return
        if now - self._written_at >= KEYFRAME_LATEST:
            self._renew()
        elif now - self._written_at >= KEYFRAME_EVERY and self._timer is None:
            self._timer = self._loop.call_later(QUIET, self._check)

    def stop(self) -> None:
        """Ask for nothing more, until the next frame."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        left = self._last_frame + QUIET - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._check)
        else:
            self._timer = None
            self._renew()
