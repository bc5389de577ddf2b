"""Turn rows of the pyte engine into the arrays of a `ScreenUpdate`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from terminal.engines.contents import CLUSTER_BASE, Style, Width
from terminal.engines.pyte.pens import Pen
from terminal.engines.pyte.rows import HEAD, SPACER, Line

MAX_STYLES = 32_768
MAX_CLUSTERS = 16_384
"""Maximum number of distinct styles and clusters. Beyond it the numbers start again; on a single
screen with more, the rest is drawn without its style, or as its first character."""

_SPACER, _HEAD = ord(SPACER), ord(HEAD)

Arrays = tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.uint16]]


class PyteTables:
    """The numbers of styles and clusters."""

    def __init__(self) -> None:
        self.styles: list[Style] = [Style()]
        self.clusters: list[str] = []
        self._by_style = {self.styles[0]: 0}
        self._by_pen: dict[Pen, int] = {}
        self._by_cluster: dict[str, int] = {}

    @property
    def full(self) -> bool:
        """True if the tables must be cleared before the next screen is read."""
        return max(len(self.styles), len(self._by_pen)) >= MAX_STYLES or (
            len(self.clusters) >= MAX_CLUSTERS
        )

    def read(self, lines: list[Line], columns: int) -> Arrays:
        """The codes, widths and styles of rows."""
        codes = np.zeros((len(lines), columns), np.uint32)
        styles = np.zeros((len(lines), columns), np.uint16)
        for index, line in enumerate(lines):
            codes[index] = self._codes(line)
            first = line.pens[0]
            if line.pens.count(first) == columns:
                styles[index] = self._number(first)
            else:
                styles[index] = [self._number(pen) for pen in line.pens]
        widths = np.zeros(codes.shape, np.uint8)
        spacers, heads = codes == _SPACER, codes == _HEAD
        widths[spacers] = Width.SPACER
        widths[heads] = Width.WRAP_SPACER
        widths[:, :-1][spacers[:, 1:]] = Width.WIDE
        codes[spacers | heads] = 0
        return codes, widths, styles

    def _codes(self, line: Line) -> NDArray[np.uint32]:
        text = "".join(line.cells)
        if len(text) == len(line.cells):
            return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        codes = [ord(cell) if len(cell) == 1 else self._cluster(cell) for cell in line.cells]
        return np.array(codes, np.uint32)

    def _number(self, pen: Pen) -> int:
        number = self._by_pen.get(pen)
        if number is None:
            number = self._by_style.get(pen.style)
            if number is None:
                if len(self.styles) > MAX_STYLES:
                    return 0
                number = self._by_style[pen.style] = len(self.styles)
                self.styles.append(pen.style)
            self._by_pen[pen] = number
        return number

    def _cluster(self, text: str) -> int:
        number = self._by_cluster.get(text)
        if number is None:
            if len(self.clusters) > MAX_CLUSTERS:
                return ord(text[0])
            number = self._by_cluster[text] = len(self.clusters)
            self.clusters.append(text)
        return CLUSTER_BASE + number
