"""Requests for other sizes of a desktop: one at a time, each once the host has drawn the last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress

from guacr.api import SessionContext, WindowSizes
from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import Layout, Painted, Resizable, Sized
from handlers.rdp.desktop import Desktop
from handlers.rdp.options import geometry_of
from handlers.rdp.params import MONITORS_MAX, RdpParams

FIRST_TIMEOUT = 10.0
"""Seconds that a host has to draw anything before the first request."""
ANSWER_TIMEOUT = 3.0
"""Seconds that a host has to draw in the requested size; it may keep the one that it has."""
REST = 0.5
"""Seconds between what a host has drawn and the next request."""


class Resizing:
    """Has one host follow the size of the window.

    xrdp 0.9 closes the connection if it is resized before it has passed on the first picture that
    its X server has drawn, after the login or in the previous size: the X server frees the memory
    with that picture ("Can't attach to shared memory" in xrdp's log).

    Args:
        session: the session of the window.
        params: the parameters of the connection.
        desktop: shows the picture.
    """

    def __init__(self, session: SessionContext, params: RdpParams, desktop: Desktop) -> None:
        self._session = session
        self._params = params
        self._desktop = desktop
        self._sizes: WindowSizes | None = None
        self._limits: Resizable | None = None
        """The limits of sizes and monitors, once the host has reported them."""
        self._requested: tuple[int, int] | None = None
        """The size that was requested last, in which the desktop may not be yet."""
        self._is_sized = False
        """True if the host has begun or changed the size since the last request."""
        self._drawn = asyncio.Event()
        """Set if it has drawn since then."""

    @property
    def is_possible(self) -> bool:
        """True if the host has said that it can be resized."""
        return self._sizes is not None

    def put(self, width: int, height: int) -> None:
        """Note the size of the window, in pixels."""
        if self._sizes is not None:
            self._sizes.put(width, height)

    def handle(self, message: Message) -> None:
        """Note that the host has changed the size or drawn."""
        match message:
            case Sized():
                self._is_sized = True
                self._drawn.clear()
            case Painted() if self._is_sized:
                self._drawn.set()

    def geometry(self, width: int, height: int) -> Layout:
        """Return the size of the desktop for that of a window."""
        most = MONITORS_MAX if self._limits is None else self._limits.monitors
        return geometry_of(self._params, width, height, self._session.owner_info.dpi, most)

    def follow(
        self, request: Callable[[Layout], None], limits: Resizable | None
    ) -> Coroutine[None, None, None]:
        """Return what requests the sizes of the window until it is cancelled.

        Args:
            request: requests one.
            limits: those of the host, which is waited for; or None if it has said nothing, as each
                request makes another connection.
        """
        self._limits = limits
        self._sizes = sizes = WindowSizes(*self._desktop.size)
        sizes.put(*self._session.size)
        return self._follow(sizes, request, is_paced=limits is not None)

    async def _follow(
        self, sizes: WindowSizes, request: Callable[[Layout], None], *, is_paced: bool
    ) -> None:
        if is_paced:
            await self._settle(FIRST_TIMEOUT)
        async for width, height in sizes:
            wanted = self.geometry(width, height)
            if not self._is_wanted(wanted):
                continue
            self._requested = wanted.width, wanted.height
            self._is_sized = False
            self._drawn.clear()
            request(wanted)
            if is_paced:
                await self._settle(ANSWER_TIMEOUT)

    def _is_wanted(self, layout: Layout) -> bool:
        size = layout.width, layout.height
        if self._limits is not None and 0 < self._limits.area < layout.width * layout.height:
            self._session.log.warning("the host accepts no desktop of %d by %d pixels", *size)
            return False
        return size != (self._requested or self._desktop.size)

    async def _settle(self, timeout: float) -> None:
        """Wait until the host has drawn, and a little for what it draws next: after a change of
        the size, xrdp clears the desktop before its X server draws."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._drawn.wait()
        await asyncio.sleep(REST)
