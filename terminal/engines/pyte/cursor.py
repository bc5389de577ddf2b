"""The cursor of the pyte engine."""

from __future__ import annotations

from terminal.engines.pyte.pens import Pen


class Cursor:
    """The place and the pen of the next character. `x` never exceeds the last column: `pending`
    says that the next character goes to the next row (the last column flag of DEC STD 070)."""

    __slots__ = ("_plain", "pen", "pending", "shape", "x", "y")

    def __init__(self, plain: Pen) -> None:
        self._plain = plain
        self.reset()

    def reset(self) -> None:
        """Go to the first cell, with the plain pen and the default shape."""
        self.x = self.y = 0
        self.pending = False
        self.soft_reset()

    def soft_reset(self) -> None:
        """Take the plain pen and the default shape (DECSTR)."""
        self.pen = self._plain
        self.shape = 0
        """The number that DECSCUSR gives it."""
