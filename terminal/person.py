"""What one person's hands are doing: keys held, buttons held, and what a drag began."""

from __future__ import annotations

from enum import Enum

from terminal.keyboard import Keyboard
from terminal.mouse import Button
from terminal.scrollbar import ScrollbarDrag
from terminal.selection import ClickCounter


class Drag(Enum):
    """What the buttons that are held belong to."""

    NONE = 0
    SELECTION = 1
    SCROLLBAR = 2
    HOST = 3
    """The host receives their reports."""


class Person:
    """One user's state of input; a terminal shared by several keeps one of each."""

    __slots__ = ("buttons", "cell", "clicks", "drag", "grip", "keyboard", "may_paste", "point")

    def __init__(self) -> None:
        self.keyboard = Keyboard()
        self.may_paste = True
        self.buttons = Button.NONE
        self.clicks = ClickCounter()
        self.drag = Drag.NONE
        self.grip: ScrollbarDrag | None = None
        self.point = (0, 0)
        """Where the pointer was last, in pixels of the window."""
        self.cell = (-1, -1)
        """The cell, or pixel, that was last reported to the host."""
