"""Pens of the pyte engine: a style and a link, interned."""

from __future__ import annotations

from terminal.engines.contents import Style
from terminal.engines.sgr import select

MAX_PENS = 32_768
"""Maximum cached pens and steps; beyond it both caches are cleared, which only costs time."""

MAX_PALETTE = 2048
"""Pens in a palette; at least the number of columns in a row."""

_PLAIN = Style()


class Pen:
    """The style and link of cells; cells with the same pen refer to the same object."""

    __slots__ = ("bare", "blank", "link", "protected", "resets", "style")

    def __init__(
        self, style: Style, link: str | None, blank: Pen | None, *, protected: bool = False
    ) -> None:
        self.style = style
        self.protected = protected
        """True if DECSCA or SPA protects its cells."""
        self.bare = style == _PLAIN
        """True if a blank cell with it is invisible."""
        self.link = link
        self.resets = link is None and not protected
        """True if SGR 0 leads to the plain pen."""
        self.blank = blank or self
        """The pen of cells that are erased with it: only its background."""


class Pens:
    """All pens of one terminal."""

    def __init__(self) -> None:
        self._pens: dict[tuple[Style, str | None, bool], Pen] = {}
        self._steps: dict[tuple[Pen, str], Pen] = {}
        self._palette: list[Pen] = []
        self._numbers: dict[Pen, int] = {}
        self.plain = self.pen(_PLAIN)

    def pen(self, style: Style, link: str | None = None, *, protected: bool = False) -> Pen:
        """The pen with a style and a link's URI."""
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
        """A list that contains these pens, and their numbers in it. It grows; when it is full, a
        new one is started, and the old one lives as long as it is referenced."""
        if fresh := pens - self._numbers.keys():
            if len(self._numbers) + len(fresh) > MAX_PALETTE:
                self._palette, self._numbers, fresh = [], {}, pens
            for number, pen in enumerate(fresh, len(self._palette)):
                self._palette.append(pen)
                self._numbers[pen] = number
        return self._palette, self._numbers

    def step(self, pen: Pen, parameters: str) -> Pen:
        """The pen after SGR with these parameters, as received."""
        after = self._steps.get((pen, parameters))
        if after is None:
            style = select(pen.style, parameters)
            after = self.pen(style, pen.link, protected=pen.protected)
            if len(self._steps) >= MAX_PENS:
                self._steps.clear()
            self._steps[pen, parameters] = after
        return after
