"""A server's desktop on a session's display: pixels, pointer, size."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from guacr.api import Array8, FrameBuffer, HeldSurface, Rect, SessionContext, Turns, cursor
from handlers.notice import Notice
from handlers.vnc.rfb.events import (
    Copied,
    CursorShape,
    Drawn,
    Event,
    Filled,
    Pictured,
    PointerMoved,
    Resized,
    UpdateBegun,
    UpdateEnded,
)

HOLD_MAX = 0.1
"""Seconds that a picture may take to be completed; after that, it is shown incomplete."""
ENCODED_WITHIN = 0.1
"""Seconds after its arrival for which an update, and all that follows it, waits while the last
frame is being encoded. Many updates may arrive at once, and what follows them must not be late."""
BAND_AREA = 1 << 20
"""Pixels that are drawn before other tasks have their turn on the event loop."""
PICTURE_AREA = 1 << 22
"""Pixels beyond which a picture's encoded file is not kept, so that it is drawn in bands."""
KEPT_AREA = 1 << 22
"""Pixels beyond which nothing is kept when the size changes: the server sends everything anyway."""


class Desktop:
    """Draws the events of consecutive connections."""

    def __init__(self, session: SessionContext) -> None:
        self.notice = Notice(session)
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._surface: FrameBuffer
        self._held: HeldSurface | None = None
        self._turns = Turns()

    @property
    def is_shown(self) -> bool:
        """True if any connection has shown a picture."""
        return self._held is not None

    def begin(self, width: int, height: int) -> FrameBuffer:
        """Show the desktop of a new connection, whose first picture replaces the last one of the
        previous connection; return its surface."""
        if self._held is None:
            self._surface = FrameBuffer(width, height, self._session.memory)
            self._held = HeldSurface(self._surface, HOLD_MAX, self._session.changed)
            self._session.display.set_surface(self._held)
            return self._surface
        self._session.display.set_cursor(cursor.POINTER)  # until the new connection has sent one
        if self._surface.size != (width, height):
            self._resize(width, height)
        return self._surface

    def release(self) -> None:
        """Show what has been drawn: the picture is complete, or will not be completed."""
        if self._held is not None:
            self._held.release()
            self._session.changed()

    async def draw(self, events: list[Event], received_at: float) -> None:
        """Show those of `events` that affect the picture; they were received at `received_at`, on
        the event loop's clock."""
        for event in without_outdated_sizes(events):
            if isinstance(event, Drawn):
                if event.rect.area <= BAND_AREA:
                    self._surface.blit(event.rect, event.pixels, clean=event.clean)
                else:
                    await self._blit(event.rect, event.pixels)
            elif isinstance(event, Pictured):
                await self._show_picture(event)
            elif isinstance(event, Filled):
                if event.rect.area <= BAND_AREA:
                    self._surface.fill(event.rect, event.colour)
                else:
                    await self._fill(event)
            elif isinstance(event, Copied):
                await self._copy(event)
            else:
                self._take(event)
                if isinstance(event, UpdateEnded):
                    rest = received_at + ENCODED_WITHIN - self._loop.time()
                    await self._session.give_way_to_frame(rest)
            if self._turns.are_over:
                await self._turns.give_way()

    async def _blit(self, rect: Rect, pixels: Array8) -> None:
        for band in bands(rect):
            top = band.y - rect.y
            self._surface.blit(band, pixels[top : top + band.height])
            await self._turns.give_way()

    async def _fill(self, event: Filled) -> None:
        for band in bands(event.rect):
            self._surface.fill(band, event.colour)
            await self._turns.give_way()

    async def _show_picture(self, event: Pictured) -> None:
        width, height = event.image.size
        if width * height > PICTURE_AREA:
            await self._blit(Rect(event.x, event.y, width, height), event.image.array)
        else:
            self._surface.draw_encoded(event.x, event.y, event.image)

    async def _copy(self, event: Copied) -> None:
        """Copy band by band, so that no band is overwritten before it has been copied."""
        down = event.y - event.source.y
        parts = list(bands(event.source))
        for band in reversed(parts) if down > 0 else parts:
            self._surface.copy_rect(band, event.x, band.y + down)
            await self._turns.give_way()

    def _take(self, event: Event) -> None:
        """Handle an event that draws nothing."""
        if isinstance(event, UpdateBegun) and self._held is not None:
            self._held.hold()
        elif isinstance(event, UpdateEnded):
            self.release()
        elif isinstance(event, Resized):
            self._resize(event.width, event.height)
        elif isinstance(event, CursorShape):
            self._show_cursor(event)
        elif isinstance(event, PointerMoved):
            self._session.move_pointer(event.x, event.y)

    def _resize(self, width: int, height: int) -> None:
        if width * height > KEPT_AREA:
            self._surface.resize(1, 1)
        self._surface.resize(width, height)

    def _show_cursor(self, shape: CursorShape) -> None:
        empty = not shape.rgba.size or not shape.rgba[..., 3].any()
        shown = cursor.NONE if empty else cursor.Cursor(shape.rgba, shape.hot_x, shape.hot_y)
        self._session.display.set_cursor(shown)
        self._session.changed()


def without_outdated_sizes(events: list[Event]) -> list[Event]:
    """Return `events` without sizes that change again before anything is drawn: resizing a large
    desktop takes milliseconds."""
    if sum(isinstance(event, Resized) for event in events) < 2:
        return events
    kept: list[Event] = []
    has_later = False
    for event in reversed(events):
        if isinstance(event, Resized):
            if has_later:
                continue
            has_later = True
        elif isinstance(event, (Drawn, Filled, Copied, Pictured)):
            has_later = False
        kept.append(event)
    return kept[::-1]


def bands(rect: Rect) -> Iterator[Rect]:
    """Yield parts of a rectangle, from top to bottom, of at most about `BAND_AREA` pixels."""
    step = max(1, BAND_AREA // max(rect.width, 1))
    for y in range(rect.y, rect.bottom, step):
        yield Rect(rect.x, y, rect.width, min(step, rect.bottom - y))
