"""Screen checksums (DECRQCRA) as computed by xterm in its default setting, which follows the VT520:
the negated sum of the characters and their attributes.

xterm counts only the low byte of a character, and 0xFF for the right half of a wide one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from terminal.engines.contents import Attributes, Style

SPACER = None
"""Stands for the right half of a wide character."""

_WEIGHTS = (
    (Attributes.BOLD, 0x80),
    (Attributes.BLINK, 0x40),
    (Attributes.INVERSE, 0x20),
)
_UNDERLINED = 0x10
_BLANK, _BYTE = 0x20, 0xFF


def checksum(cells: Iterable[tuple[str | None, Style]]) -> int:
    """The checksum of the cells of a rectangle. Cells that were never written have an empty text
    and do not count, unless one is the first."""
    total, first = 0, True
    weights: dict[Style, int] = {}
    for text, style in cells:
        if text or text is SPACER:
            if style not in weights:
                weights[style] = _weight(style)
            total += _value(text, style) + weights[style]
        elif first:
            total += _BLANK
        first = False
    return -total & 0xFFFF


def _value(text: str | None, style: Style) -> int:
    if text is SPACER:
        return _BYTE
    if Attributes.INVISIBLE in style.attributes:
        return _BLANK
    return ord(text if len(text) == 1 else unicodedata.normalize("NFC", text)[0]) & _BYTE


def _weight(style: Style) -> int:
    weight = sum(value for bit, value in _WEIGHTS if bit in style.attributes)
    return weight + _UNDERLINED * bool(style.underline)
