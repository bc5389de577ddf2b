"""The input state of a person: held keys and buttons, and the target of a drag."""

from __future__ import annotations

from enum import Enum

from terminal.drawing.scrollbar import ScrollbarDrag
from terminal.input.keyboard import Keyboard
from terminal.input.mouse import Button
from terminal.input.selection import ClickCounter


class Drag(Enum):
    """The target of the buttons that are held."""

    NONE = 0
    SELECTION = 1
    SCROLLBAR = 2
    HOST = 3
    """The host receives the reports."""


class Person:
    """The input state of a user; a shared terminal keeps one for each."""

    __slots__ = ("buttons", "cell", "clicks", "drag", "grip", "keyboard", "may_paste", "point")

    def __init__(self) -> None:
        self.keyboard = Keyboard()
        self.may_paste = True
        self.buttons = Button.NONE
        self.clicks = ClickCounter()
        self.drag = Drag.NONE
        self.grip: ScrollbarDrag | None = None
        self.point = (0, 0)
        """The last position of the pointer, in pixels of the window."""
        self.cell = (-1, -1)
        """The last cell, or pixel, that was reported to the host."""
