"""Pointers: Cursor, XCursor and Cursor With Alpha (rfbproto.rst, -239, -240 and -314)."""

from __future__ import annotations

import numpy as np

from guacr.api import Array8, Rect
from handlers.vnc.rfb.context import Context, broken
from handlers.vnc.rfb.events import CursorShape
from handlers.vnc.rfb.input import Steps

SIDE_MAX = 512
"""Pixels."""
RAW = 0


def read_cursor(context: Context, rect: Rect) -> Steps[None]:
    """Read pixels, and a mask of the opaque ones."""
    check_cursor(rect)
    data = yield from context.input.read(rect.area * context.pixel_format.size)
    mask = yield from _read_bits(context, rect)
    rgba = np.empty((rect.height, rect.width, 4), np.uint8)
    rgba[..., :3] = context.pixel_format.pixels(data, rect.width, rect.height)[..., 2::-1]
    rgba[..., 3] = mask * 255
    show_cursor(context, rect, rgba)


def read_x_cursor(context: Context, rect: Rect) -> Steps[None]:
    """Read two colours, a bitmap of them and a mask."""
    check_cursor(rect)
    if not rect.area:
        show_cursor(context, rect, np.zeros((0, 0, 4), np.uint8))
        return
    colours = np.frombuffer((yield from context.input.read(6)), np.uint8).reshape(2, 3)
    bits = yield from _read_bits(context, rect)
    mask = yield from _read_bits(context, rect)
    rgba = np.empty((rect.height, rect.width, 4), np.uint8)
    rgba[..., :3] = colours[1 - bits]
    rgba[..., 3] = mask * 255
    show_cursor(context, rect, rgba)


def read_alpha_cursor(context: Context, rect: Rect) -> Steps[None]:
    """Read red, green and blue, premultiplied with the alpha that follows them."""
    check_cursor(rect)
    encoding = yield from context.input.u32()
    if encoding != RAW:
        raise broken(f"a cursor in the encoding {encoding}, which was not requested")
    data = yield from context.input.read(rect.area * 4)
    rgba = np.frombuffer(data, np.uint8).reshape(rect.height, rect.width, 4).copy()
    alpha = rgba[..., 3:].astype(np.uint16)
    plain = rgba[..., :3].astype(np.uint16) * 255 // np.maximum(alpha, 1)
    rgba[..., :3] = np.minimum(plain, 255)
    show_cursor(context, rect, rgba)


def check_cursor(rect: Rect) -> None:
    """Compare the size of a pointer with its limit.

    Raises:
        UpstreamError: it is too large.
    """
    if rect.width > SIDE_MAX or rect.height > SIDE_MAX:
        raise broken(f"a cursor of {rect.width}x{rect.height} pixels")


def show_cursor(context: Context, rect: Rect, rgba: Array8) -> None:
    """Show a pointer; `rect` has its hot spot and its size."""
    hot_x = min(rect.x, max(rect.width - 1, 0))
    hot_y = min(rect.y, max(rect.height - 1, 0))
    context.emit(CursorShape(context.in_order(rgba), hot_x, hot_y))


def _read_bits(context: Context, rect: Rect) -> Steps[Array8]:
    """Read a bitmap in rows of whole bytes, the leftmost pixel in the highest bit."""
    row = (rect.width + 7) // 8
    data = yield from context.input.read(row * rect.height)
    rows = np.frombuffer(data, np.uint8).reshape(rect.height, row)
    return np.unpackbits(rows, axis=1)[:, : rect.width]
