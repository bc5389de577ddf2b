"""CopyRect (RFC 6143, 7.7.2)."""

from __future__ import annotations

from struct import Struct

from guacr.api import Rect
from handlers.vnc.rfb.context import Context, broken
from handlers.vnc.rfb.events import Copied
from handlers.vnc.rfb.input import Steps

_SOURCE = Struct(">HH")


def read_copy(context: Context, rect: Rect) -> Steps[None]:
    """Read the source of a rectangle's pixels."""
    x, y = yield from context.input.unpack(_SOURCE)
    source = Rect(x, y, rect.width, rect.height)
    if source.right > context.width or source.bottom > context.height:
        raise broken("a copy from outside of the desktop")
    if rect.area:
        context.emit(Copied(source, rect.x, rect.y))
