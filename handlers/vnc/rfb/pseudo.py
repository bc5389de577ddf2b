"""Pseudo-encodings: what a server says about its desktop among the rectangles of an update."""

from __future__ import annotations

from collections.abc import Callable

from guacr.api import Rect, UpstreamError
from handlers.vnc.rfb.context import Context, broken
from handlers.vnc.rfb.events import (
    Leds,
    Named,
    PointerMoved,
    ResizeAnswered,
    Resized,
    Screens,
    Supported,
)
from handlers.vnc.rfb.input import Steps

SIDE_MAX = 8192
"""Pixels of a desktop in either direction."""
NAME_MAX = 65536
"""Bytes of a desktop's name."""
BY_CLIENT = 1
"""The reason in an ExtendedDesktopSize: a request of this client."""
SCREEN_SIZE = 16
"""Bytes of a screen's description."""


def read_pointer(context: Context, rect: Rect) -> Steps[None]:
    """Read where the host has moved the pointer."""
    context.emit(PointerMoved(rect.x, rect.y))
    yield from ()


def read_size(context: Context, rect: Rect) -> Steps[None]:
    """Read a new size of the desktop."""
    set_size(context, rect.width, rect.height)
    yield from ()


def read_extended_size(context: Context, rect: Rect) -> Steps[None]:
    """Read a size with its screens: x is the reason for it, y the result."""
    count = yield from context.input.u8()
    yield from context.input.skip(3)
    layout = yield from context.input.read(count * SCREEN_SIZE)
    context.emit(Screens(layout))
    refused = rect.x == BY_CLIENT and rect.y != 0
    if not refused:
        set_size(context, rect.width, rect.height)
    if rect.x == BY_CLIENT:
        context.emit(ResizeAnswered(rect.y))


def read_name(context: Context, rect: Rect) -> Steps[None]:
    """Read a new name of the desktop."""
    size = yield from context.input.u32()
    if size > NAME_MAX:
        raise broken(f"a name of {size} bytes")
    context.emit(Named((yield from context.input.read(size)).decode(errors="replace")))


def read_leds(context: Context, rect: Rect) -> Steps[None]:
    """Read which lock keys are on."""
    context.emit(Leds((yield from context.input.u8())))


def supports(encoding: int) -> Callable[[Context, Rect], Steps[None]]:
    """Return a reader of rectangles that only say that an extension is supported."""

    def read(context: Context, rect: Rect) -> Steps[None]:
        context.emit(Supported(encoding))
        yield from ()

    return read


def set_size(context: Context, width: int, height: int) -> None:
    """Note the size of the desktop.

    Raises:
        UpstreamError: no desktop has such a size.
    """
    if not (1 <= width <= SIDE_MAX and 1 <= height <= SIDE_MAX):
        raise UpstreamError(
            f"the VNC server has a desktop of {width}x{height} pixels: 1 to {SIDE_MAX} pixels are "
            "supported in each direction"
        )
    if (width, height) != (context.width, context.height):
        context.width, context.height = width, height
        context.emit(Resized(width, height))
