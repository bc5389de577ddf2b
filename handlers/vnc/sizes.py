"""The size of a server's desktop, which follows the window if the server allows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from guacr.api import FrameBuffer, SessionContext, WindowSizes
from handlers.vnc.rfb import messages

RESIZE_TIMEOUT = 3.0
"""Seconds within which the server must answer a change of the desktop's size."""
SCREEN_SIZE = 16
"""Bytes of a screen's description."""
PROHIBITED = 1
"""The answer of a server that lets no viewer resize it."""


class DesktopSizes:
    """Makes a server resize its desktop, one size at a time.

    Args:
        session: the session whose owner's window is followed.
        surface: the picture of the desktop.
        send: sends a message to the server.
    """

    def __init__(
        self, session: SessionContext, surface: FrameBuffer, send: Callable[[bytes], None]
    ) -> None:
        self._session = session
        self._surface = surface
        self._send = send
        self._window = WindowSizes(*surface.size)
        self._screen = b""
        """The server's first screen; empty if it cannot be resized."""
        self._answered = asyncio.Event()
        self._task: asyncio.Task[None] | None = session.start_task(self._follow(), "sizes")

    def close(self) -> None:
        """Stop following the window."""
        task, self._task = self._task, None  # the task would keep this object in memory
        if task is not None:
            task.cancel()

    @property
    def is_closed(self) -> bool:
        """True if the window is no longer followed."""
        return self._task is None

    @property
    def is_possible(self) -> bool:
        """True if the server has said that it can be resized, and has not prohibited it."""
        return bool(self._screen) and not self.is_closed

    def put(self, width: int, height: int) -> None:
        """Request the new size of the window, once the server has said that this is possible."""
        if self._screen:
            self._window.put(width, height)

    def note_screens(self, layout: bytes) -> None:
        """Note the server's screens, which it sends if it can be resized."""
        is_first = not self._screen
        self._screen = layout[:SCREEN_SIZE]
        if is_first:
            self.put(*self._session.size)

    def note_answer(self, result: int) -> None:
        """Note the server's answer to a change of its size. A size that was refused is requested
        again only after others; if all are, no more are requested."""
        if result == PROHIBITED:
            self.close()
        self._answered.set()

    async def _follow(self) -> None:
        async for width, height in self._window:
            if self._surface.size == (width, height):
                continue
            self._answered.clear()
            self._send(messages.set_desktop_size(width, height, self._screen))
            with suppress(TimeoutError):
                async with asyncio.timeout(RESIZE_TIMEOUT):
                    await self._answered.wait()
