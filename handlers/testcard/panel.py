"""Input from users: keys and clipboards as lines of text, the pointer as a mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guacr.api import Fill, FrameBuffer, Overlay, Rect
from handlers.lettering import Lettering
from handlers.testcard.keys import BUTTONS, describe_buttons
from handlers.testcard.layout import Layout, inset
from handlers.testcard.picture import BLACK, INK, MUTED, PANEL, WHITE

if TYPE_CHECKING:
    from guacr.api import Contact, Display

ARM = 24
"""Pixels of the crosshair on each side of the pointer."""
MARK_SIZE = 2 * ARM + 7
"""Pixels of the whole mark in either direction."""
BOX = 7
"""Pixels of the box for a button."""
HELD, LOOSE = (255, 64, 64, 255), (120, 120, 120, 160)


class InputPanel:
    """The pointer in the first line, and below it the input, the newest last."""

    def __init__(self, layout: Layout) -> None:
        self._letters = Lettering(layout.letters(0.76))
        area = inset(layout.input, round(layout.unit * 0.4))
        height = self._letters.height
        self._pointer = Rect(area.x, area.y, area.width, height)
        lines = max(0, area.height // height - 1)
        self._log = Rect(area.x, area.y + height, area.width, lines * height)

    def show_pointer(self, surface: FrameBuffer, x: int, y: int, buttons: int) -> None:
        """Show the pointer's position, and the pressed buttons."""
        text = f"{x:4},{y:4}  {describe_buttons(buttons)}"
        surface.blit(self._pointer, self._letters.line(text, self._pointer.width, MUTED, PANEL))

    def add(self, surface: FrameBuffer, text: str) -> None:
        """Add a line, and remove the oldest."""
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
        """Move the crosshair's centre to the pixel at (x, y)."""
        self._overlay.place(x - ARM, y - ARM)
        self._overlay.show([*_CROSS, *_boxes(buttons)])


class ContactMarks:
    """A frame around each finger that touches the picture, as large as the touched area."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._overlays: dict[tuple[str, int], Overlay] = {}

    def show(self, owner: str, contact: Contact) -> None:
        """Draw a user's contact at its new position, or remove its mark."""
        overlay = self._overlays.pop((owner, contact.id), None)
        if overlay is not None:
            self._display.remove(overlay)
        if contact.lifted:
            return
        across, down = (2 * max(radius, ARM) for radius in (contact.radius_x, contact.radius_y))
        mark = Rect(0, 0, across, down)
        left, top = contact.x - across // 2, contact.y - down // 2
        overlay = self._display.add_overlay(left, top, across, down)
        strength = (*HELD[:3], round(55 + 200 * contact.force))
        overlay.show([(side, strength) for side in mark.minus(inset(mark, 2))])
        self._overlays[owner, contact.id] = overlay


def _line(rect: Rect) -> list[Fill]:
    """Return a light line with dark sides, which is visible on any background."""
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
"""Four arms that leave the pixel itself, and its surroundings, visible."""


def _boxes(buttons: int) -> list[Fill]:
    left = ARM + 6
    return [
        (Rect(left + (BOX + 1) * (number % 3), ARM + 6 + (BOX + 1) * (number // 3), BOX, BOX), fill)
        for number, (bit, _) in enumerate(BUTTONS)
        for fill in [HELD if buttons & bit else LOOSE]
    ]
