"""Draw the characters that must join their neighbours: lines, blocks, braille and powerline.

A font's own glyphs leave seams unless the cell has exactly the font's size; these are computed for
the cell. Coverage is 0 (background) to 255, in arrays of (height, width).
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable

import numpy as np

from guacr.display.pixels import Array8
from terminal.drawing import powerline
from terminal.drawing.strokes import Cell, filled, stroke

_LINES = range(0x2500, 0x2580)
_BLOCKS = range(0x2580, 0x25A0)
_BRAILLE = range(0x2800, 0x2900)
_SEXTANTS = range(0x1FB00, 0x1FB3C)

_WEIGHTS = {"LIGHT": 1, "SINGLE": 1, "HEAVY": 2, "DOUBLE": 3}
_HEAVY, _DOUBLE = 2, 3
_DASHES = {"DOUBLE DASH": 2, "TRIPLE DASH": 3, "QUADRUPLE DASH": 4}
_ARMS = {
    "LEFT": (0,),
    "RIGHT": (1,),
    "UP": (2,),
    "DOWN": (3,),
    "HORIZONTAL": (0, 1),
    "VERTICAL": (2, 3),
}
_SHADES = {0x2591: 64, 0x2592: 128, 0x2593: 191}
# Bits: upper left, upper right, lower left, lower right.
_QUADRANTS = {
    0x2596: 4, 0x2597: 8, 0x2598: 1, 0x2599: 13, 0x259A: 9,
    0x259B: 7, 0x259C: 11, 0x259D: 2, 0x259E: 6, 0x259F: 14,
}  # fmt: skip
# Column and row of the dots of a braille pattern, from its lowest bit.
_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
# By their number among DEC's nine scan lines, from 0.
_SCAN_LINES = {0x23BA: 0, 0x23BB: 2, 0x23BC: 6, 0x23BD: 8}
# Sextants exclude the 2x3 patterns that exist as separate characters.
_SEXTANT_GAPS = (0x15, 0x2A)


def is_drawn(code: int) -> bool:
    """Return whether `draw` supports a code point."""
    return any(code in codes for codes, _ in _KINDS)


def draw(code: int, width: int, height: int, line: int) -> Array8:
    """The coverage of a code point that `is_drawn`; `line` is the thickness of a light line."""
    cell = Cell(width, height, line)
    return next(kind(code, cell) for codes, kind in _KINDS if code in codes)


def _draw_lines(code: int, cell: Cell) -> Array8:
    name = unicodedata.name(chr(code)).removeprefix("BOX DRAWINGS ")
    if "DIAGONAL" in name:
        return _diagonals(name, cell)
    if "ARC" in name:
        return _arc("DOWN" in name, "RIGHT" in name, cell)
    for words, count in _DASHES.items():
        if words in name:
            return _dashes(name, count, cell)
    return _arms(_weights(name), cell)


@functools.cache
def _weights(name: str) -> tuple[int, int, int, int]:
    """The weights of the arms (left, right, up, down) from a character's name, such as "DOWN
    LIGHT AND RIGHT HEAVY" or "LIGHT DOWN AND RIGHT"."""
    weights = [0, 0, 0, 0]
    common = next(_WEIGHTS[word] for word in name.split() if word in _WEIGHTS)
    for part in name.split(" AND "):
        words = part.split()
        weight = next((_WEIGHTS[word] for word in words if word in _WEIGHTS), common)
        for word in words:
            for arm in _ARMS.get(word, ()):
                weights[arm] = weight
    return weights[0], weights[1], weights[2], weights[3]


def _arms(weights: tuple[int, int, int, int], cell: Cell) -> Array8:
    """Draw double lines as wide ones and hollow them out; draw the others on top.

    Every arm is drawn pointing right, on a view of the picture that is turned accordingly.
    """
    picture = cell.blank()
    for hollow in (False, True):
        for arm in range(4):
            if weights[arm] == _DOUBLE:
                _double_arm(_turned(picture, arm), weights, arm, cell.line, hollow)
    for arm in range(4):
        if 0 < weights[arm] < _DOUBLE:
            _single_arm(_turned(picture, arm), weights, arm, cell.line)
    return picture


def _turned(picture: Array8, arm: int) -> Array8:
    """A view in which an arm points to the right."""
    return (picture[:, ::-1], picture, picture.T[:, ::-1], picture.T)[arm]


def _across(weights: tuple[int, int, int, int], arm: int) -> tuple[int, int]:
    """The weights of the two perpendicular arms."""
    return (weights[2], weights[3]) if arm < 2 else (weights[0], weights[1])


def _middle(length: int, line: int, mirrored: bool) -> int:
    """The first pixel of a light line in the middle, in a view that may be mirrored."""
    first = (length - line) // 2
    return length - line - first if mirrored else first


def _band(picture: Array8, arm: int, line: int) -> tuple[int, int]:
    """The start of a perpendicular light line (along the view), and of the arm itself."""
    height, width = picture.shape
    return _middle(width, line, arm in (0, 2)), _middle(height, line, False)


def _double_arm(
    view: Array8, weights: tuple[int, int, int, int], arm: int, line: int, hollow: bool
) -> None:
    x, y = _band(view, arm, line)
    across = max(_across(weights, arm))
    if hollow:
        start = x if across == _DOUBLE else x + line if across else x
        view[y : y + line, max(start, 0) :] = 0
    else:
        start = x - line if across == _DOUBLE else x
        view[max(y - line, 0) : y + 2 * line, max(start, 0) :] = 255


def _single_arm(view: Array8, weights: tuple[int, int, int, int], arm: int, line: int) -> None:
    x, y = _band(view, arm, line)
    first, second = _across(weights, arm)
    opposite = weights[arm ^ 1]
    start, extra = x, (line + 1) // 2
    if _DOUBLE in (first, second) and not opposite:
        start = x + line if first and second else x - line
    elif _HEAVY in (first, second):
        start = x - extra
    if weights[arm] != _HEAVY:
        extra = 0
    view[max(y - extra, 0) : y + line + extra, max(start, 0) :] = 255


def _dashes(name: str, count: int, cell: Cell) -> Array8:
    weight = _HEAVY if "HEAVY" in name else 1
    horizontal = "HORIZONTAL" in name
    solid = _arms((weight, weight, 0, 0) if horizontal else (0, 0, weight, weight), cell)
    along = solid if horizontal else solid.T
    length = along.shape[1]
    gap = max(1, length // (count * 3))
    for dash in range(1, count + 1):
        end = length * dash // count
        along[:, end - gap : end] = 0
    return solid


def _arc(down: bool, right: bool, cell: Cell) -> Array8:
    """A rounded corner: a quarter circle, extended straight to the edges."""
    x, y = cell.pixels()
    centre_x, centre_y = cell.centre
    along_x = (x - centre_x) if right else (centre_x - x)
    along_y = (y - centre_y) if down else (centre_y - y)
    # The last pixel before each edge is straight, and meets the neighbour's line exactly.
    room = min(centre_x, cell.width - centre_x, centre_y, cell.height - centre_y)
    radius = max(room - 1, 0.5)
    bend = np.abs(np.hypot(along_x - radius, along_y - radius) - radius)
    shape = np.broadcast_shapes(x.shape, y.shape)
    upright = np.broadcast_to(np.abs(along_x), shape)
    level = np.broadcast_to(np.abs(along_y), shape)
    distance = np.where(along_y > radius, upright, np.where(along_x > radius, level, bend))
    distance = np.where((along_x > radius) & (along_y > radius), 9.0, distance)
    return stroke(distance, cell.line)


def _diagonals(name: str, cell: Cell) -> Array8:
    x, y = cell.pixels()
    picture = cell.blank()
    length = float(np.hypot(cell.width, cell.height))
    rising = np.abs(x * cell.height + y * cell.width - cell.width * cell.height) / length
    falling = np.abs(x * cell.height - y * cell.width) / length
    if "CROSS" in name or "RIGHT TO LOWER LEFT" in name:
        picture = np.maximum(picture, stroke(rising, cell.line))
    if "CROSS" in name or "LEFT TO LOWER RIGHT" in name:
        picture = np.maximum(picture, stroke(falling, cell.line))
    return picture


def _draw_block(code: int, cell: Cell) -> Array8:
    picture = cell.blank()
    rows = [round(cell.height * part / 8) for part in range(9)]
    columns = [round(cell.width * part / 8) for part in range(9)]
    if code in _SHADES:
        picture[:] = _SHADES[code]
    elif code in _QUADRANTS:
        _fill_grid(
            picture, _QUADRANTS[code], (0, columns[4], cell.width), (0, rows[4], cell.height)
        )
    elif 0x2581 <= code <= 0x2588:
        picture[rows[0x2588 - code] :] = 255
    elif 0x2589 <= code <= 0x258F:
        picture[:, : max(columns[0x2590 - code], 1)] = 255
    elif code == 0x2580:
        picture[: rows[4]] = 255
    elif code == 0x2590:
        picture[:, columns[4] :] = 255
    elif code == 0x2594:
        picture[: max(rows[1], 1)] = 255
    else:
        picture[:, min(columns[7], cell.width - 1) :] = 255
    return picture


def _fill_grid(picture: Array8, bits: int, columns: tuple[int, ...], rows: tuple[int, ...]) -> None:
    """Fill the parts of a grid whose bits are set, row by row from the lowest bit."""
    across = len(columns) - 1
    for part in range(across * (len(rows) - 1)):
        if bits >> part & 1:
            row, column = divmod(part, across)
            picture[rows[row] : rows[row + 1], columns[column] : columns[column + 1]] = 255


def _draw_sextant(code: int, cell: Cell) -> Array8:
    bits = code - _SEXTANTS.start + 1
    for gap in _SEXTANT_GAPS:
        bits += bits >= gap
    picture = cell.blank()
    rows = tuple(round(cell.height * part / 3) for part in range(4))
    _fill_grid(picture, bits, (0, round(cell.width / 2), cell.width), rows)
    return picture


def _draw_braille(code: int, cell: Cell) -> Array8:
    x, y = cell.pixels()
    radius = min(cell.width / 2, cell.height / 4) * 0.34
    nearest = np.full((cell.height, cell.width), 1e9)
    for bit, (column, row) in enumerate(_DOTS):
        if code >> bit & 1:
            centre_x, centre_y = cell.width * (column + 0.5) / 2, cell.height * (row + 0.5) / 4
            nearest = np.minimum(nearest, np.hypot(x - centre_x, y - centre_y))
    return filled(radius - nearest)


def _draw_scan_line(code: int, cell: Cell) -> Array8:
    """Draw DEC's scan lines, which lie above or below the middle."""
    picture = cell.blank()
    top = round((cell.height - cell.line) * _SCAN_LINES[code] / 8)
    picture[top : top + cell.line] = 255
    return picture


_KINDS: tuple[tuple[range, Callable[[int, Cell], Array8]], ...] = (
    (_LINES, _draw_lines),
    (_BLOCKS, _draw_block),
    (_BRAILLE, _draw_braille),
    (powerline.SEPARATORS, powerline.draw_separator),
    (range(0x23BA, 0x23BE), _draw_scan_line),
    (_SEXTANTS, _draw_sextant),
)
