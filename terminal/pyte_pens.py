"""Pens of the pyte engine: a style and a link, interned."""

from __future__ import annotations

from terminal.contents import Style
from terminal.sgr import select

MAX_PENS = 32_768
"""Pens and steps between them that are remembered; past it both are forgotten, which costs time
alone."""

MAX_PALETTE = 2048
"""Pens that are numbered together: not less than a row's columns."""

_PLAIN = Style()


class Pen:
    """What cells are written with; two cells of the same pen hold the same object."""

    __slots__ = ("bare", "blank", "link", "protected", "resets", "style")

    def __init__(
        self, style: Style, link: str | None, blank: Pen | None, *, protected: bool = False
    ) -> None:
        self.style = style
        self.protected = protected
        """By DECSCA or SPA: what erases selectively leaves its cells."""
        self.bare = style == _PLAIN
        """Whether a blank of it shows nothing."""
        self.link = link
        self.resets = link is None and not protected
        """Whether SGR 0 leads to the plain pen."""
        self.blank = blank or self
        """The pen of cells that are erased while this one holds: its background alone."""


class Pens:
    """All pens of one terminal."""

    def __init__(self) -> None:
        self._pens: dict[tuple[Style, str | None, bool], Pen] = {}
        self._steps: dict[tuple[Pen, str], Pen] = {}
        self._palette: list[Pen] = []
        self._numbers: dict[Pen, int] = {}
        self.plain = self.pen(_PLAIN)

    def pen(self, style: Style, link: str | None = None, *, protected: bool = False) -> Pen:
        """The pen of a style and a link's URI."""
        pen = self._pens.get((style, link, protected))
        if pen is None:
            blank = Style(background=style.background)
            own = link is None and blank == style and not protected
            pen = Pen(style, link, None if own else self.pen(blank), protected=protected)
            if len(self._pens) >= MAX_PENS:
                self._pens.clear()
                self._steps.clear()
                self._pens[self.plain.style, None, False] = self.plain
            self._pens[style, link, protected] = pen
        return pen

    def palette(self, pens: set[Pen]) -> tuple[list[Pen], dict[Pen, int]]:
        """A list that has these pens, and their numbers in it. It grows; a full one lives as long
        as somebody keeps it, and another one is begun."""
        if fresh := pens - self._numbers.keys():
            if len(self._numbers) + len(fresh) > MAX_PALETTE:
                self._palette, self._numbers, fresh = [], {}, pens
            for number, pen in enumerate(fresh, len(self._palette)):
                self._palette.append(pen)
                self._numbers[pen] = number
        return self._palette, self._numbers

    def step(self, pen: Pen, parameters: str) -> Pen:
        """The pen after SGR with these parameters, as they were sent."""
        after = self._steps.get((pen, parameters))
        if after is None:
            style = select(pen.style, parameters)
            after = self.pen(style, pen.link, protected=pen.protected)
            if len(self._steps) >= MAX_PENS:
                self._steps.clear()
            self._steps[pen, parameters] = after
        return after
