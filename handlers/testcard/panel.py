"""What arrives from the users: keys and clipboards as lines of text, the pointer as a mark."""

from __future__ import annotations

from guacr.display.framebuffer import FrameBuffer
from guacr.display.geometry import Rect
from guacr.display.overlay import Fill, Overlay
from handlers.testcard.keys import BUTTONS, describe_buttons
from handlers.testcard.layout import Layout, inset
from handlers.testcard.lettering import Lettering
from handlers.testcard.picture import BLACK, INK, MUTED, PANEL, WHITE

ARM = 24
"""Pixels of the crosshair on each side of the pointer."""
MARK_SIZE = 2 * ARM + 7
"""Pixels of the whole mark in either direction."""
BOX = 7
"""Pixels of a button's box."""
HELD, LOOSE = (255, 64, 64, 255), (120, 120, 120, 160)


class InputPanel:
    """The pointer in the first line; below it what has arrived, the newest last."""

    def __init__(self, layout: Layout) -> None:
        self._letters = Lettering(layout.letters(0.76))
        area = inset(layout.input, round(layout.unit * 0.4))
        height = self._letters.height
        self._pointer = Rect(area.x, area.y, area.width, height)
        lines = max(0, area.height // height - 1)
        self._log = Rect(area.x, area.y + height, area.width, lines * height)

    def show_pointer(self, surface: FrameBuffer, x: int, y: int, buttons: int) -> None:
        """Where the pointer is, and what is held."""
        text = f"{x:4},{y:4}  {describe_buttons(buttons)}"
        surface.blit(self._pointer, self._letters.line(text, self._pointer.width, MUTED, PANEL))

    def add(self, surface: FrameBuffer, text: str) -> None:
        """One more line; the oldest goes."""
        area, height = self._log, self._letters.height
        if not area.height:
            return
        below = Rect(area.x, area.y + height, area.width, area.height - height)
        surface.copy_rect(below, area.x, area.y)
        last = Rect(area.x, area.bottom - height, area.width, height)
        surface.blit(last, self._letters.line(text, area.width, INK, PANEL))


class PointerMark:
    """A crosshair above the picture, with a box for each button below it."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay

    def show(self, x: int, y: int, buttons: int) -> None:
        """The crosshair's middle is the pixel at (x, y)."""
        self._overlay.place(x - ARM, y - ARM)
        self._overlay.show([*_CROSS, *_boxes(buttons)])


def _line(rect: Rect) -> list[Fill]:
    """A light line with dark sides, to be seen on any ground."""
    return [(inset(rect, -1), (*BLACK, 160)), (rect, (*WHITE, 255))]


_GAP = 4
_CROSS: list[Fill] = [
    fill
    for rect in (
        Rect(1, ARM, ARM - _GAP, 1),
        Rect(ARM + _GAP, ARM, ARM - _GAP, 1),
        Rect(ARM, 1, 1, ARM - _GAP),
        Rect(ARM, ARM + _GAP, 1, ARM - _GAP),
    )
    for fill in _line(rect)
]
"""Four arms that leave the pixel itself, and what is around it, to be seen."""


def _boxes(buttons: int) -> list[Fill]:
    left = ARM + 6
    return [
        (Rect(left + (BOX + 1) * (number % 3), ARM + 6 + (BOX + 1) * (number // 3), BOX, BOX), fill)
        for number, (bit, _) in enumerate(BUTTONS)
        for fill in [HELD if buttons & bit else LOOSE]
    ]
