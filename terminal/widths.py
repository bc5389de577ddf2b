"""Where the engines' libraries count a character's cells otherwise than the hosts' programs do.

Those go by wcwidth(3), code point by code point, until one of them asks for clusters by DEC private
mode 2027. The exceptions here are those of glibc up to 2.40.
"""

from __future__ import annotations

CLUSTERS = 2027

_RANGES = {
    2: ((0x115F, 0x115F), (0x302E, 0x302F), (0x3164, 0x3164), (0x3248, 0x324F), (0x16FF0, 0x16FF1)),
    1: (
        *((0x2630, 0x2637), (0x268A, 0x268F), (0x2E3A, 0x2E3B), (0xFFA0, 0xFFA0)),
        *((0x1D300, 0x1D356), (0x1D360, 0x1D376), (0x1F1E6, 0x1F1FF)),
    ),
    0: ((0xFFF9, 0xFFFB), (0x1171E, 0x1171E), (0x13430, 0x13438)),
}
EXCEPTIONS = {
    code: width
    for width, ranges in _RANGES.items()
    for first, last in ranges
    for code in range(first, last + 1)
}
"""Cells by code point."""

_REGIONS = range(0x1F1E6, 0x1F200)


def is_region(char: str) -> bool:
    """Whether a character is one of the letters of which two are a flag."""
    return ord(char) in _REGIONS
