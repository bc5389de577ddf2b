"""Keys that the terminal handles itself: scrolling, copying and pasting."""

from __future__ import annotations

from enum import Enum

from terminal.input import keysyms
from terminal.input.keymap import Modifiers


class Shortcut(Enum):
    """The action of a shortcut."""

    COPY = 1
    PASTE = 2
    ROW_UP = 3
    ROW_DOWN = 4
    PAGE_UP = 5
    PAGE_DOWN = 6
    TOP = 7
    BOTTOM = 8


_CTRL_SHIFT = Modifiers.CTRL | Modifiers.SHIFT
_BY_KEY = {
    (keysyms.UP, Modifiers.SHIFT): Shortcut.ROW_UP,
    (keysyms.DOWN, Modifiers.SHIFT): Shortcut.ROW_DOWN,
    (keysyms.PAGE_UP, Modifiers.SHIFT): Shortcut.PAGE_UP,
    (keysyms.PAGE_DOWN, Modifiers.SHIFT): Shortcut.PAGE_DOWN,
    (keysyms.HOME, Modifiers.SHIFT): Shortcut.TOP,
    (keysyms.END, Modifiers.SHIFT): Shortcut.BOTTOM,
    (keysyms.INSERT, Modifiers.SHIFT): Shortcut.PASTE,
    (keysyms.INSERT, Modifiers.CTRL): Shortcut.COPY,
}
_BY_TEXT = {
    ("c", _CTRL_SHIFT): Shortcut.COPY,
    ("v", _CTRL_SHIFT): Shortcut.PASTE,
    ("c", Modifiers.META): Shortcut.COPY,
    ("v", Modifiers.META): Shortcut.PASTE,
}
SCROLLING = frozenset(Shortcut) - {Shortcut.COPY, Shortcut.PASTE}
"""The shortcuts that move the viewport."""


def shortcut(keysym: int, text: str, modifiers: Modifiers) -> Shortcut | None:
    """The shortcut of a key; None for keys that go to the host."""
    if text:
        return _BY_TEXT.get((text.lower(), modifiers))
    return _BY_KEY.get((keysyms.KEYPAD_FUNCTIONS.get(keysym, keysym), modifiers))
