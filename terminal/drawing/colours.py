"""Colour schemes: presets, guacd's notation for custom schemes, and colour names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from PIL import ImageColor

from guacr.errors import shorten
from terminal.engines.contents import Colours, Rgb

SCHEME_MAX = 16384
"""Characters of a scheme that are parsed; guacd's limit for a live parameter."""
WARNINGS_MAX = 5
"""Faults that are reported individually."""

PRESETS = {
    "": "foreground: color7; background: color0",
    "gray-black": "foreground: color7; background: color0",
    "black-white": "foreground: color0; background: color15",
    "green-black": "foreground: color2; background: color0",
    "white-black": "foreground: color15; background: color0",
}
"""guacd's schemes by name; the empty one is the default."""

_LIGHT = 128
"""The luma from which a background is light."""
_PALETTE_NAME = re.compile(r"colou?r(\d{1,3})")
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})")
_X11_RGB = re.compile(r"rgb:([0-9a-f]{1,4})/([0-9a-f]{1,4})/([0-9a-f]{1,4})")


@dataclass(frozen=True, slots=True)
class Scheme:
    """A parsed colour scheme."""

    colours: Colours
    warnings: tuple[str, ...] = ()
    """The parts that could not be parsed; the rest applies."""


def parse_scheme(text: str) -> Scheme:
    """Parse a preset's name, or `name: value` pairs separated by semicolons.

    Names are foreground, background and color0 to color255. Values are such a palette name,
    `rgb:h/h/h` with one to four digits each, `#rgb`, `#rrggbb`, or an X11 colour name. Case and
    blanks are ignored. Colours that no pair sets are those of the default scheme.
    """
    draft = _Draft()
    draft.apply(PRESETS[""])
    draft.apply(PRESETS.get(_plain(text), text[:SCHEME_MAX]))
    if len(text) > SCHEME_MAX:
        draft.faults.append(f"a colour scheme longer than {SCHEME_MAX} characters was cut off")
    return Scheme(draft.colours(), draft.warnings())


def named_colour(name: str) -> Rgb | None:
    """A colour by its X11 name, ignoring case and blanks."""
    return _names().get(_plain(name))


@cache
def standard_palette() -> bytes:
    """The 256 colours that a terminal starts with: guacd's sixteen, then xterm's cube and
    greys; red, green and blue of each."""
    dark = [_mix(index, low=0x3E, high=0x99) for index in range(8)]
    light = [_mix(index, low=0x67, high=0xFF) for index in range(8)]
    dark[0], light[0] = (0, 0, 0), (0x3E, 0x3E, 0x3E)
    steps = (0, 95, 135, 175, 215, 255)
    cube = [(red, green, blue) for red in steps for green in steps for blue in steps]
    greys = [(8 + 10 * step,) * 3 for step in range(24)]
    return bytes(value for colour in (*dark, *light, *cube, *greys) for value in colour)


class _Draft:
    """A scheme while it is being parsed."""

    def __init__(self) -> None:
        self.palette = bytearray(standard_palette())
        self.defaults: dict[str, Rgb] = {}
        self.faults: list[str] = []

    def apply(self, text: str) -> None:
        for pair in text.split(";"):
            if pair.strip():
                self._apply_pair(pair)

    def _apply_pair(self, pair: str) -> None:
        name, colon, value = pair.partition(":")
        colour = self._colour(value)
        if not colon:
            shown = shorten(pair.strip())
            self.faults.append(f"{shown} is neither a colour scheme nor a name: value pair")
        elif colour is None:
            self.faults.append(f"colour {shorten(value.strip())} is unknown")
        elif not self._set(_plain(name), colour):
            self.faults.append(
                f"{shorten(name.strip())} cannot be coloured: foreground, background "
                "and color0 to color255 can"
            )

    def _set(self, name: str, colour: Rgb) -> bool:
        if name in ("foreground", "background"):
            self.defaults[name] = colour
            return True
        index = _palette_index(name)
        if index is None:
            return False
        self.palette[3 * index : 3 * index + 3] = bytes(colour)
        return True

    def _colour(self, value: str) -> Rgb | None:
        plain = _plain(value)
        index = _palette_index(plain)
        if index is not None:
            red, green, blue = self.palette[3 * index : 3 * index + 3]
            return red, green, blue
        if match := _HEX.fullmatch(plain):
            return _from_hex(match[1])
        if match := _X11_RGB.fullmatch(plain):
            return _scaled(match[1]), _scaled(match[2]), _scaled(match[3])
        return named_colour(plain)

    def colours(self) -> Colours:
        return Colours(
            self.defaults["foreground"], self.defaults["background"], None, bytes(self.palette)
        )

    def warnings(self) -> tuple[str, ...]:
        shown = self.faults[:WARNINGS_MAX]
        if len(self.faults) > WARNINGS_MAX:
            shown.append(f"{len(self.faults) - WARNINGS_MAX} more parts of the scheme are wrong")
        return tuple(shown)


def is_dark(background: Rgb) -> bool:
    """Return whether a background is dark rather than light."""
    red, green, blue = background
    return (red * 299 + green * 587 + blue * 114) // 1000 < _LIGHT


def colour_report(colours: Colours) -> bytes:
    """The reply that says whether colours are dark, to DSR 996 and for DEC private mode 2031."""
    return b"\x1b[?997;%dn" % (1 if is_dark(colours.background) else 2)


@cache
def _names() -> dict[str, Rgb]:
    names = {f"{grey}{percent}": (round(percent * 2.55),) * 3
             for grey in ("gray", "grey") for percent in range(101)}  # fmt: skip
    names |= {name: _from_hex(value[1:]) for name, value in ImageColor.colormap.items()
              if isinstance(value, str)}  # fmt: skip
    try:
        from terminal.engines.ghostty.colours import x11_colours
    except ImportError:  # no wheel of libghostty: the web's names and the greys remain
        return names
    return names | x11_colours()


def _mix(index: int, *, low: int, high: int) -> Rgb:
    """One of eight colours; the bits of its index are red 1, green 2 and blue 4."""
    red, green, blue = (high if index & bit else low for bit in (1, 2, 4))
    return red, green, blue


def _palette_index(name: str) -> int | None:
    match = _PALETTE_NAME.fullmatch(name)
    return int(match[1]) if match and int(match[1]) < 256 else None


def _from_hex(digits: str) -> Rgb:
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def _scaled(digits: str) -> int:
    """Scale by XParseColor's rule: the digits are a fraction of the largest number of that
    length."""
    highest: int = 16 ** len(digits) - 1
    return round(int(digits, 16) * 255 / highest)


def _plain(text: str) -> str:
    return "".join(text.split()).lower()
