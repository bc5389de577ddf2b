"""The context of an encoding: the input, the pixel format, and the destination of events."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from guacr.api import Array8, Budget, Rect, UpstreamError
from handlers.vnc.rfb.events import Drawn, Event, Filled
from handlers.vnc.rfb.input import Input, Steps, Wait
from handlers.vnc.rfb.pixel_format import BGRX, PixelFormat

INLINE_AREA = 128 * 1024
"""Pixels that are decoded on the event loop; a thread decodes larger rectangles."""
THREAD_AREA = 4 * 1024 * 1024
"""Pixels that a thread decodes before other connections have their turn on it."""
COUNT_MAX = 100
"""Messages and rectangles of any size that are read in one step."""
BAND_AREA = 1 << 18
"""Pixels that are decoded at a time, so that large rectangles take little memory."""


def broken(sentence: str) -> UpstreamError:
    """Return the error for a server that violates the protocol."""
    return UpstreamError(f"the VNC server sent {sentence}")


def bands(rect: Rect, rows: int = 0) -> Sequence[Rect]:
    """Return parts of a rectangle from top to bottom, of `rows` rows or of about `BAND_AREA`
    pixels; none if it is empty."""
    if not rect.area:
        return ()
    step = rows or max(1, BAND_AREA // rect.width)
    if step >= rect.height:
        return (rect,)
    return [
        Rect(rect.x, y, rect.width, min(step, rect.bottom - y))
        for y in range(rect.y, rect.bottom, step)
    ]


class Context:
    """The context of all encodings of one connection."""

    __slots__ = (
        "_area",
        "_count",
        "_is_closed",
        "_memory",
        "_reserved",
        "emit",
        "height",
        "inline",
        "input",
        "pixel_format",
        "swap_red_blue",
        "width",
    )

    def __init__(
        self, source: Input, emit: Callable[[Event], None], memory: Budget | None = None
    ) -> None:
        self._memory = memory
        self._reserved = 0
        """Bytes of memory for the present rectangle."""
        self._is_closed = False
        self.input = source
        self.emit = emit
        self.pixel_format: PixelFormat = BGRX
        self.swap_red_blue = False
        self.width = 0
        """The width of the desktop."""
        self.height = 0
        self.inline = True
        """True while a step runs on the event loop."""
        self._area = 0
        """Pixels decoded in this step."""
        self._count = 0
        """Messages and rectangles read in this step."""

    def begin_step(self, *, inline: bool) -> None:
        """Start a step; `inline` is true on the event loop."""
        self.inline = inline
        self._area = self._count = 0

    def reserve(self, rect: Rect, size: int) -> None:
        """Take `size` bytes from the memory of the session, until the next rectangle or message.
        Encodings that decode in small parts need not.

        Raises:
            OverrunError: it does not have them.
        """
        if self._memory is not None:
            self._memory.take(size, f"a rectangle of {rect.width}x{rect.height} pixels")
            self._reserved += size
        if self._is_closed:
            self._release()

    def close(self) -> None:
        """Give back all memory, now and once a thread that is at work ends."""
        self._is_closed = True
        self._release()

    def _release(self) -> None:
        size, self._reserved = self._reserved, 0
        if self._memory is not None:
            self._memory.give_back(size)

    def is_turn_over(self) -> bool:
        """Count a message or a rectangle, and return whether other tasks should have their turn
        before it."""
        if self._reserved:
            self._release()
        self._count += 1
        return self._count > COUNT_MAX

    def off_loop(self, area: int) -> Steps[None]:
        """Wait for a thread if `area` more pixels would hold the event loop for too long; on a
        thread, wait for another turn."""
        self._area += area
        if self._area > (INLINE_AREA if self.inline else THREAD_AREA):
            yield Wait.THREAD

    def fits(self, area: int) -> bool:
        """Return whether `area` more pixels need no wait of `off_loop`, and count them if so."""
        area += self._area
        if area > (INLINE_AREA if self.inline else THREAD_AREA):
            return False
        self._area = area
        return True

    def draw(self, rect: Rect, pixels: Array8, *, clean: bool = False) -> None:
        """Show pixels; the unused bytes of `clean` ones are 0."""
        if rect.area:
            self.emit(Drawn(rect, self.in_order(pixels), clean))

    def in_order(self, pixels: Array8) -> Array8:
        """Return pixels with red and blue swapped, if the server mixes them up."""
        return pixels[..., [2, 1, 0, 3]] if self.swap_red_blue else pixels

    def fill(self, rect: Rect, colour: Array8) -> None:
        """Show one colour, as blue, green, red."""
        blue, green, red = self.in_order(colour)[:3].tolist()
        if rect.area:
            self.emit(Filled(rect, (red, green, blue)))
