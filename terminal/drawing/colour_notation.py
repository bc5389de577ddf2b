"""The colour notations of hosts, by the rules of X11 (XParseColor)."""

from __future__ import annotations

import re

from terminal.drawing.colours import named_colour
from terminal.engines.contents import Rgb

_HEX = re.compile("#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{9}|[0-9a-fA-F]{12})")
_RGB = re.compile("rgb:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")


def parse_colour(text: str) -> Rgb | None:
    """Parse a colour in an X11 notation: a name, `#rgb` up to `#rrrrggggbbbb` (the digits are the
    most significant ones), or `rgb:r/g/b` (the digits are a fraction)."""
    if found := _HEX.fullmatch(text):
        size = len(found[1]) // 3
        digits = (found[1][at : at + size] for at in range(0, 3 * size, size))
        red, green, blue = (int(part.ljust(2, "0")[:2], 16) for part in digits)
        return red, green, blue
    if found := _RGB.fullmatch(text):
        red, green, blue = (int(part, 16) * 255 // (16 ** len(part) - 1) for part in found.groups())
        return red, green, blue
    return named_colour(text) if text and len(text) < 64 else None
