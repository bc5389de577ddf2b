"""Turn libghostty's cells into codes, widths and styles, numbered per terminal."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terminal.engines.contents import (
    CLUSTER_BASE,
    DEFAULT_COLOUR,
    DIRECT_COLOUR,
    Attributes,
    Style,
    Underline,
)
from terminal.engines.ghostty.characters import FROM_LIBRARY, LOWEST, original
from terminal.engines.ghostty.library import (
    CODE_MASK,
    COLOUR_MASK,
    CONTENT_BACKGROUND_PALETTE,
    CONTENT_CLUSTER,
    CONTENT_MASK,
    CONTENT_SHIFT,
    STYLE_MASK,
    STYLE_SHIFT,
    WIDTH_MASK,
    WIDTH_SHIFT,
    check,
    ffi,
    grid_ref,
    lib,
)
from terminal.engines.ghostty.reader import Cells, RawScreen

MAX_STYLES = 32_768
MAX_CLUSTERS = 16_384
"""Maximum number of distinct styles and clusters. Beyond it the numbers start again; on a single
screen with more, the rest is drawn without its style, or as its first character."""

MAX_CLUSTER_CODES = 32
"""Maximum code points of a cluster that are drawn."""

_ATTRIBUTES = (
    ("bold", Attributes.BOLD),
    ("italic", Attributes.ITALIC),
    ("faint", Attributes.FAINT),
    ("blink", Attributes.BLINK),
    ("inverse", Attributes.INVERSE),
    ("invisible", Attributes.INVISIBLE),
    ("strikethrough", Attributes.STRIKE),
    ("overline", Attributes.OVERLINE),
)
_UNDERLINES = frozenset(Underline)


class CellTables:
    """Turns the library's cells into codes, widths and styles, numbered per terminal."""

    def __init__(self) -> None:
        self.styles: list[Style] = [Style()]
        self.clusters: list[str] = []
        self._style_numbers: dict[Style, int] = {self.styles[0]: 0}
        self._raw_numbers: dict[bytes, int] = {}
        self._cluster_numbers: dict[str, int] = {}
        self._style = ffi.new("GhosttyStyle*", {"size": ffi.sizeof("GhosttyStyle")})
        self._style_bytes = ffi.buffer(self._style)
        self._ref = ffi.new("GhosttyGridRef*", {"size": ffi.sizeof("GhosttyGridRef")})
        self._point = ffi.new("GhosttyPointS*", {"tag": lib.GHOSTTY_POINT_TAG_VIEWPORT})
        self._coordinate = self._point.value
        self._codes = ffi.new("uint32_t[]", MAX_CLUSTER_CODES)
        self._length = ffi.new("size_t*")

    @property
    def full(self) -> bool:
        """True if the tables must be cleared before the next screen is read."""
        return len(self.styles) >= MAX_STYLES or len(self.clusters) >= MAX_CLUSTERS

    def read(
        self, terminal: Any, screen: RawScreen
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.uint16]]:
        """Codes, widths and styles of the screen's cells; see `ScreenUpdate`."""
        cells = screen.cells
        if len(cells) == 1 and (row := self._read_row(terminal, screen)) is not None:
            return row
        # One pass finds the fields that are used at all; most are not.
        bits = int(np.bitwise_or.reduce(cells, axis=None))
        codes = ((cells >> CONTENT_SHIFT) & CODE_MASK).astype(np.uint32)
        widths, styles = np.zeros(cells.shape, np.uint8), np.zeros(cells.shape, np.uint16)
        if bits >> WIDTH_SHIFT & WIDTH_MASK:
            widths = ((cells >> WIDTH_SHIFT) & WIDTH_MASK).astype(np.uint8)
        if bits >> STYLE_SHIFT & STYLE_MASK:
            styles = self._style_indices(terminal, screen)
        if bits & CONTENT_MASK:
            self._read_special(terminal, screen, codes, styles)
        if bits >> CONTENT_SHIFT & CODE_MASK >= LOWEST:
            _restore(codes)
        return codes, widths, styles

    def _read_row(
        self, terminal: Any, screen: RawScreen
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.uint16]] | None:
        """Like `read`, for the single row that changes while someone types: for few cells plain
        numbers are faster than arrays. None if a cell is special."""
        row: list[int] = screen.cells[0].tolist()
        bits = reduce(or_, row)
        if bits & CONTENT_MASK or bits >> CONTENT_SHIFT & CODE_MASK >= LOWEST:
            return None
        shape = (1, len(row))
        codes = np.array([[cell >> CONTENT_SHIFT & CODE_MASK for cell in row]], np.uint32)
        widths, styles = np.zeros(shape, np.uint8), np.zeros(shape, np.uint16)
        if bits >> WIDTH_SHIFT & WIDTH_MASK:
            widths[0] = [cell >> WIDTH_SHIFT & WIDTH_MASK for cell in row]
        if bits >> STYLE_SHIFT & STYLE_MASK:
            ids = [cell >> STYLE_SHIFT & STYLE_MASK for cell in row]
            columns = dict(zip(ids, range(len(ids)), strict=True))
            columns.pop(0, None)
            self._locate(terminal, screen.rows[0], 0)
            numbers = {0: 0}
            for style_id, column in columns.items():
                self._ref.x = screen.left + column
                numbers[style_id] = self._style_number()
            styles[0] = [numbers[style_id] for style_id in ids]
        return codes, widths, styles

    def _read_special(
        self,
        terminal: Any,
        screen: RawScreen,
        codes: NDArray[np.uint32],
        styles: NDArray[np.uint16],
    ) -> None:
        """Fill in the cells that have only a background, and those that contain clusters."""
        content = screen.cells & CONTENT_MASK
        filled = content >= CONTENT_BACKGROUND_PALETTE
        codes[filled] = 0
        styles[filled] = self._background_indices(screen.cells[filled])
        for row, column in np.argwhere(content == CONTENT_CLUSTER).tolist():
            codes[row, column] = self._cluster(terminal, screen.rows[row], column)

    def _style_indices(self, terminal: Any, screen: RawScreen) -> NDArray[np.uint16]:
        """Indices into `styles` for the library's style numbers, which are local to each page."""
        ids = ((screen.cells >> STYLE_SHIFT) & STYLE_MASK).astype(np.intp)
        parts = [
            self._page_indices(terminal, screen.rows[first:past], ids[first:past])
            for first, past in _runs(screen.pages)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _page_indices(
        self, terminal: Any, rows: list[int], ids: NDArray[np.intp]
    ) -> NDArray[np.uint16]:
        """The indices of a page's style numbers, each looked up where it occurred last."""
        flat = ids.ravel()
        where = np.full(int(flat.max()) + 1, -1, np.intp)
        where[flat] = np.arange(flat.size)
        numbers = np.zeros(len(where), np.uint16)
        columns, located = ids.shape[1], -1
        for style_id in (where[1:] >= 0).nonzero()[0].tolist():
            row, column = divmod(int(where[style_id + 1]), columns)
            if row != located:
                self._locate(terminal, rows[row], column)
                located = row
            self._ref.x = column
            numbers[style_id + 1] = self._style_number()
        return numbers.take(ids)

    def _style_number(self) -> int:
        """The number of the style of the located cell."""
        check(lib.ghostty_grid_ref_style(self._ref, self._style), "read a style")
        raw = self._style_bytes[:]
        number = self._raw_numbers.get(raw)
        if number is None:
            number = self._number(_read_style(self._style))
            if len(self._raw_numbers) < MAX_STYLES:
                self._raw_numbers[raw] = number
        return number

    def _background_indices(self, cells: Cells) -> NDArray[np.uint16]:
        """The indices for cells erased in a colour, which is their content; they have no style."""
        values, where = np.unique(
            cells & (COLOUR_MASK << CONTENT_SHIFT | CONTENT_MASK), False, True
        )
        numbers = [self._number(Style(background=_content_colour(v))) for v in values.tolist()]
        return np.array(numbers, np.uint16)[where]

    def _number(self, style: Style) -> int:
        number = self._style_numbers.get(style)
        if number is None:
            if len(self.styles) >= MAX_STYLES:
                return 0
            number = self._style_numbers[style] = len(self.styles)
            self.styles.append(style)
        return number

    def _cluster(self, terminal: Any, row: int, column: int) -> int:
        result = lib.ghostty_grid_ref_graphemes(
            self._locate(terminal, row, column), self._codes, MAX_CLUSTER_CODES, self._length
        )
        if result == lib.GHOSTTY_OUT_OF_SPACE:
            return self._first_code()
        check(result, "read a cluster")
        text = original("".join(map(chr, self._codes[0 : self._length[0]])))
        number = self._cluster_numbers.get(text)
        if number is None:
            if len(self.clusters) >= MAX_CLUSTERS:
                return ord(text[0])
            number = self._cluster_numbers[text] = len(self.clusters)
            self.clusters.append(text)
        return CLUSTER_BASE + number

    def _first_code(self) -> int:
        cell = ffi.new("GhosttyCell*")
        check(lib.ghostty_grid_ref_cell(self._ref, cell), "read a cell")
        return int(cell[0]) >> CONTENT_SHIFT & CODE_MASK

    def _locate(self, terminal: Any, row: int, column: int) -> Any:
        coordinate = self._coordinate
        coordinate.x, coordinate.y = column, row
        check(grid_ref(terminal, self._point[0], self._ref), "find a cell")
        return self._ref


def _restore(codes: NDArray[np.uint32]) -> None:
    """Replace stand-ins by the characters that the host sent."""
    for code in np.unique(codes[(codes >= LOWEST) & (codes < CLUSTER_BASE)]).tolist():
        if code in FROM_LIBRARY:
            codes[codes == code] = FROM_LIBRARY[code]


def _read_style(style: Any) -> Style:
    attributes = Attributes.NONE
    for name, attribute in _ATTRIBUTES:
        if getattr(style, name):
            attributes |= attribute
    underline = style.underline
    return Style(
        foreground=_colour(style.fg_color),
        background=_colour(style.bg_color),
        underline_colour=_colour(style.underline_color),
        attributes=attributes,
        underline=Underline(underline) if underline in _UNDERLINES else Underline.SINGLE,
    )


def _colour(colour: Any) -> int:
    if colour.tag == lib.GHOSTTY_STYLE_COLOR_PALETTE:
        return int(colour.value.palette)
    if colour.tag == lib.GHOSTTY_STYLE_COLOR_RGB:
        rgb = colour.value.rgb
        return DIRECT_COLOUR | int(rgb.r) << 16 | int(rgb.g) << 8 | int(rgb.b)
    return DEFAULT_COLOUR


def _content_colour(cell: int) -> int:
    value = cell >> CONTENT_SHIFT
    if cell & CONTENT_MASK == CONTENT_BACKGROUND_PALETTE:
        return value & 0xFF
    return DIRECT_COLOUR | (value & 0xFF) << 16 | value & 0xFF00 | value >> 16 & 0xFF


def _runs(pages: list[int]) -> list[tuple[int, int]]:
    """The ranges of equal neighbours."""
    if pages[0] == pages[-1]:
        return [(0, len(pages))]
    edges = [index for index in range(1, len(pages)) if pages[index] != pages[index - 1]]
    return list(zip([0, *edges], [*edges, len(pages)], strict=True))
