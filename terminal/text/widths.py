"""Characters whose width differs between the engines' libraries and programs on hosts.

Those programs use wcwidth(3), code point by code point, until one enables clusters with DEC private
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
"""Width in cells by code point."""

_REGIONS = range(0x1F1E6, 0x1F200)


def is_region(char: str) -> bool:
    """Return whether a character is a regional indicator, two of which make a flag."""
    return ord(char) in _REGIONS
