"""A window on an X display, whose picture the test itself draws: it knows what is shown and when.

Xlib is used through ctypes. It ends the process if its server dies, so that a window must be closed
before.
"""

from __future__ import annotations

import asyncio
import ctypes
import ctypes.util
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import cycle

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.support.require import missing
from tests.support.x_display import XDisplay

Z_PIXMAP, PAD = 2, 32
OVERRIDE_REDIRECT, BACK_PIXMAP = 1 << 9, 1
GRAIN = 6

_Pointer, _Id = ctypes.c_void_p, ctypes.c_ulong
_RETURNED = {
    "XOpenDisplay": _Pointer,
    "XDefaultRootWindow": _Id,
    "XCreateSimpleWindow": _Id,
    "XCreateGC": _Pointer,
    "XDefaultVisual": _Pointer,
    "XCreateImage": _Pointer,
    "XCreatePixmap": _Id,
}


class _Attributes(ctypes.Structure):
    """XSetWindowAttributes, up to the one that is set."""

    _fields_ = (
        ("before", ctypes.c_long * 11),
        ("override_redirect", ctypes.c_int),
        ("after", ctypes.c_long * 2),
    )


def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("X11")
    if name is None:
        missing("libX11 is not installed")
    library = ctypes.CDLL(name)
    for function, kind in _RETURNED.items():
        getattr(library, function).restype = kind
    return library


class XWindow:
    """A window without a border."""

    def __init__(self, display: str, size: tuple[int, int], at: tuple[int, int]) -> None:
        self._x = _library()
        self._display = _Pointer(self._x.XOpenDisplay(display.encode()))
        assert self._display.value, f"no X server at {display}"
        self._is_shown = False
        self._root = _Id(self._x.XDefaultRootWindow(self._display))
        self._depth = self._x.XDefaultDepth(self._display, 0)
        colours = _Id(0), _Id(0)
        window = self._x.XCreateSimpleWindow(self._display, self._root, *at, *size, 0, *colours)
        self._window = _Id(window)
        attributes = ctypes.byref(_Attributes(override_redirect=1))
        mask = _Id(OVERRIDE_REDIRECT)
        self._x.XChangeWindowAttributes(self._display, self._window, mask, attributes)
        self._gc = _Pointer(self._x.XCreateGC(self._display, self._window, _Id(0), None))

    def upload(self, picture: NDArray[np.uint8]) -> int:
        """Send a picture, (height, width, 3): red, green, blue; and return its number."""
        height, width = picture.shape[:2]
        bgrx = np.zeros((height, width, 4), np.uint8)
        bgrx[..., :3] = picture[..., ::-1]
        display, data = self._display, bgrx.ctypes.data_as(_Pointer)
        pixmap = self._x.XCreatePixmap(display, self._root, width, height, self._depth)
        visual = _Pointer(self._x.XDefaultVisual(display, 0))
        form = self._depth, Z_PIXMAP, 0, data, width, height, PAD, 0
        image = _Pointer(self._x.XCreateImage(display, visual, *form))
        self._x.XPutImage(display, _Id(pixmap), self._gc, image, 0, 0, 0, 0, width, height)
        self._x.XFree(image)
        self._x.XSync(display, 0)
        return int(pixmap)

    def show(self, number: int) -> None:
        """Show a picture as the window's background, the first one above all other windows."""
        self._x.XSetWindowBackgroundPixmap(self._display, self._window, _Id(number))
        if not self._is_shown:
            self._x.XMapRaised(self._display, self._window)
            self._is_shown = True
        self._x.XClearWindow(self._display, self._window)
        self._x.XFlush(self._display)

    def move(self, x: int, y: int) -> None:
        """Move the window."""
        self._x.XMoveWindow(self._display, self._window, x, y)
        self._x.XFlush(self._display)

    def close(self) -> None:
        """Close the window."""
        self._x.XCloseDisplay(self._display)


@contextmanager
def x_window(
    desktop: XDisplay, size: tuple[int, int], at: tuple[int, int] = (0, 0)
) -> Iterator[XWindow]:
    """A window of a desktop, as long as the block lasts."""
    window = XWindow(desktop.display, size, at)
    try:
        yield window
    finally:
        window.close()


class Film:
    """Shows pictures one after the other."""

    def __init__(self, window: XWindow, pictures: Sequence[int], rate: float) -> None:
        self._window = window
        self._pictures = cycle(pictures)
        self._rate = rate
        self.shown = 0
        """The number of pictures shown so far."""

    async def run(self) -> None:
        """Show `rate` pictures per second."""
        for number in self._pictures:
            self._window.show(number)
            self.shown += 1
            await asyncio.sleep(1 / self._rate)


@asynccontextmanager
async def film(window: XWindow, pictures: Sequence[int], rate: float) -> AsyncIterator[Film]:
    """Show pictures as long as the block lasts."""
    shown = Film(window, pictures, rate)
    task = asyncio.create_task(shown.run(), name="film")
    try:
        yield shown
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def photograph(seed: int, width: int, height: int) -> NDArray[np.uint8]:
    """A picture with the statistics of a photograph: soft and sharp parts, and grain."""
    chance = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 128.0)
    for size, contrast in ((4, 70), (12, 40), (40, 20)):
        coarse = chance.normal(0, contrast, (size, size, 3)).clip(-127, 127) + 128
        image = Image.fromarray(coarse.astype(np.uint8)).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        picture += np.asarray(image) - 128.0
    picture[height // 3 : height // 2, width // 4 : width // 2] -= 50
    picture += chance.normal(0, GRAIN, (height, width, 1))
    return picture.clip(0, 255).astype(np.uint8)
