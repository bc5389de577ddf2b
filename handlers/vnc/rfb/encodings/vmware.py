"""VMware's pointers (rfbproto.rst, 0x574D5664 to 0x574D5666)."""

from __future__ import annotations

import numpy as np

from guacr.api import Array8, Rect
from handlers.vnc.rfb.context import Context, broken
from handlers.vnc.rfb.encodings.cursors import check_cursor, show_cursor
from handlers.vnc.rfb.events import PointerMoved
from handlers.vnc.rfb.input import Steps

CLASSIC, ALPHA = 0, 1
VISIBLE = 1
HIDDEN: Array8 = np.zeros((0, 0, 4), np.uint8)


class VmwareCursor:
    """Reads the pointer's shape, which may be hidden and shown again."""

    __slots__ = ("_hidden", "_rect", "_rgba")

    def __init__(self) -> None:
        self._hidden = False
        self._rect = Rect(0, 0, 0, 0)
        self._rgba = HIDDEN

    def read(self, context: Context, rect: Rect) -> Steps[None]:
        """Read a shape: two masks, or red, green, blue and alpha."""
        check_cursor(rect)
        kind = yield from context.input.u8()
        yield from context.input.skip(1)
        if kind == CLASSIC:
            self._rgba = yield from _read_masks(context, rect)
        elif kind == ALPHA:
            data = yield from context.input.read(rect.area * 4)
            self._rgba = np.frombuffer(data, np.uint8).reshape(rect.height, rect.width, 4)
        else:
            raise broken(f"a pointer of the unknown type {kind}")
        self._rect = rect
        self._show(context)

    def read_state(self, context: Context, rect: Rect) -> Steps[None]:
        """Read whether the pointer is hidden."""
        self._hidden = not (yield from context.input.u16()) & VISIBLE
        self._show(context)

    def read_position(self, context: Context, rect: Rect) -> Steps[None]:
        """Read where the host has moved the pointer."""
        context.emit(PointerMoved(rect.x, rect.y))
        yield from ()

    def _show(self, context: Context) -> None:
        show_cursor(context, self._rect, HIDDEN if self._hidden else self._rgba)


def _read_masks(context: Context, rect: Rect) -> Steps[Array8]:
    """Read what is kept of the picture below, and what is inverted then: black, as viewers cannot
    invert."""
    size = rect.area * context.pixel_format.size
    masks = []
    for _ in range(2):
        data = yield from context.input.read(size)
        pixels = context.pixel_format.pixels(data, rect.width, rect.height)
        masks.append(pixels[..., 2::-1])
    kept, inverted = masks[0].any(axis=-1, keepdims=True), masks[1]
    rgba = np.zeros((rect.height, rect.width, 4), np.uint8)
    rgba[..., :3] = np.where(kept, 0, inverted)
    rgba[..., 3:] = (~kept | inverted.any(axis=-1, keepdims=True)) * 255
    return rgba
