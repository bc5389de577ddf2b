"""The pointer's pictures."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import (
    CURSOR_SIDE_MAX,
    CursorDefault,
    CursorMoved,
    CursorShape,
)
from handlers.rdp.freerdp.structs import CONTEXT, Pointer, slot

if TYPE_CHECKING:
    from handlers.rdp.freerdp.client import Client

RGBA32 = 0x20038888
"""FreeRDP's format of four bytes: red, green, blue, alpha."""
HIDDEN = CursorShape(0, 0, 0, 0, b"")


class Cursors:
    """Converts the pointers of one client, which FreeRDP caches for the server.

    Args:
        client: the client.
        send: sends a message to the daemon.
    """

    def __init__(self, client: Client, send: Callable[[Message], None]) -> None:
        self._client = client
        self._send = send
        self._shapes: dict[int, CursorShape] = {}
        """By the address of their `rdpPointer`; the server's cache has a limited size."""

    def open(self) -> None:
        """Begin to convert pointers."""
        client, pointer = self._client, Pointer()
        pointer.size = ctypes.sizeof(Pointer)
        pointer.New = client.callback(ctypes.c_int, self._new, ctypes.c_void_p, ctypes.c_void_p)
        pointer.Free = client.callback(None, self._free, ctypes.c_void_p, ctypes.c_void_p)
        pointer.Set = client.callback(ctypes.c_int, self._set, ctypes.c_void_p, ctypes.c_void_p)
        pointer.SetNull = client.callback(ctypes.c_int, self._hide, ctypes.c_void_p)
        pointer.SetDefault = client.callback(ctypes.c_int, self._reset, ctypes.c_void_p)
        pointer.SetPosition = client.callback(
            ctypes.c_int, self._move, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32
        )
        graphics = slot(client.context, CONTEXT["graphics"]).value
        client.library.graphics_register_pointer(graphics, ctypes.byref(pointer))  # copies it

    def _new(self, _context: int, address: int) -> int:
        made: Any = Pointer.from_address(address)
        width, height = made.width, made.height
        if not (0 < width <= CURSOR_SIDE_MAX and 0 < height <= CURSOR_SIDE_MAX):
            return 0
        rgba = ctypes.create_string_buffer(width * height * 4)
        if not self._client.library.freerdp_image_copy_from_pointer_data(
            rgba, RGBA32, width * 4, 0, 0, width, height,
            made.xorMaskData, made.lengthXorMask, made.andMaskData, made.lengthAndMask,
            made.xorBpp, None,
        ):  # fmt: skip
            return 0
        hot_x, hot_y = min(made.xPos, width - 1), min(made.yPos, height - 1)
        self._shapes[address] = CursorShape(width, height, hot_x, hot_y, rgba.raw)
        return 1

    def _free(self, _context: int, address: int) -> None:
        self._shapes.pop(address, None)

    def _set(self, _context: int, address: int) -> int:
        self._send(self._shapes.get(address, CursorDefault()))
        return 1

    def _hide(self, _context: int) -> int:
        self._send(HIDDEN)
        return 1

    def _reset(self, _context: int) -> int:
        self._send(CursorDefault())
        return 1

    def _move(self, _context: int, x: int, y: int) -> int:
        self._send(CursorMoved(min(x, 0xFFFF), min(y, 0xFFFF)))
        return 1
