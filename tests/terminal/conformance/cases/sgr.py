"""SGR: ECMA-48 8.3.117, ISO 8613-6 for colours, xterm's ctlseqs, Kitty's underlines."""

from __future__ import annotations

from terminal.engines.contents import DIRECT_COLOUR, Attributes, Style, Underline
from tests.terminal.conformance.case import Case

_A, _U = Attributes, Underline
_RGB = DIRECT_COLOUR | 0x010203
_ON = {
    1: _A.BOLD,
    2: _A.FAINT,
    3: _A.ITALIC,
    5: _A.BLINK,
    6: _A.BLINK,
    7: _A.INVERSE,
    8: _A.INVISIBLE,
    9: _A.STRIKE,
    53: _A.OVERLINE,
}
_OFF = {22: "1;2", 23: "3", 24: "4", 25: "5", 27: "7", 28: "8", 29: "9", 55: "53", 59: "58;5;3"}
_UNDERLINES = {
    "4": _U.SINGLE,
    "21": _U.DOUBLE,
    "4:0": _U.NONE,
    "4:1": _U.SINGLE,
    "4:2": _U.DOUBLE,
    "4:3": _U.CURLY,
    "4:4": _U.DOTTED,
    "4:5": _U.DASHED,
    "4:3;24": _U.NONE,
    "4:3;4": _U.SINGLE,
}
_COLOURS = {
    "38;5;0": Style(foreground=0),
    "38;5;9": Style(foreground=9),
    "38;5;255": Style(foreground=255),
    "48;5;200": Style(background=200),
    "58;5;7": Style(underline_colour=7),
    "38;2;1;2;3": Style(foreground=_RGB),
    "48;2;1;2;3": Style(background=_RGB),
    "58;2;1;2;3": Style(underline_colour=_RGB),
    "38:5:9": Style(foreground=9),
    "48:5:200": Style(background=200),
    "58:5:7": Style(underline_colour=7),
    "38:2:1:2:3": Style(foreground=_RGB),
    "38:2::1:2:3": Style(foreground=_RGB),
    "48:2::1:2:3": Style(background=_RGB),
    "58:2::1:2:3": Style(underline_colour=_RGB),
    "38;5;9;1": Style(foreground=9, attributes=_A.BOLD),
    "38;2;1;2;3;4": Style(foreground=_RGB, underline=_U.SINGLE),
    "38:2::1:2:3;48:5:4": Style(foreground=_RGB, background=4),
    "31;39": Style(),
    "41;49": Style(),
    "31;41;39": Style(background=1),
    "38;2;1;2;3;39": Style(),
    "97;107": Style(foreground=15, background=15),
}
_MIXED = {
    "": Style(),
    "0": Style(),
    "1;0": Style(),
    "1;": Style(),
    ";1": Style(attributes=_A.BOLD),
    "1;3;4": Style(attributes=_A.BOLD | _A.ITALIC, underline=_U.SINGLE),
    "01;031": Style(foreground=1, attributes=_A.BOLD),
    "1;22;2": Style(attributes=_A.FAINT),
    "1;2": Style(attributes=_A.BOLD | _A.FAINT),
    "77": Style(),
    "1;77;3": Style(attributes=_A.BOLD | _A.ITALIC),
    "7;27;31": Style(foreground=1),
}


def _case(parameters: str, style: Style) -> Case:
    return Case(f"SGR {parameters}", f"\x1b[{parameters}mx", style=style)


CASES = (
    *(_case(str(number), Style(attributes=bit)) for number, bit in _ON.items()),
    *(_case(f"{on};{off}", Style()) for off, on in _OFF.items()),
    *(_case(text, Style(underline=underline)) for text, underline in _UNDERLINES.items()),
    *(_case(str(30 + index), Style(foreground=index)) for index in range(8)),
    *(_case(str(40 + index), Style(background=index)) for index in range(8)),
    *(_case(str(90 + index), Style(foreground=8 + index)) for index in range(8)),
    *(_case(str(100 + index), Style(background=8 + index)) for index in range(8)),
    *(_case(text, style) for text, style in _COLOURS.items()),
    *(_case(text, style) for text, style in _MIXED.items()),
    Case("SGR > 4;1 m is XTMODKEYS", "\x1b[>4;1mx", ("x",), style=Style()),
    Case("SGR ? m is not SGR", "\x1b[?4mx", ("x",), style=Style()),
    Case("SGR holds over lines", "\x1b[31m\r\n\x1b[Hx", style=Style(foreground=1)),
    Case("SGR holds over CUP", "\x1b[31m\x1b[3;3H\x1b[Hx", style=Style(foreground=1)),
    Case("DECSC keeps SGR", "\x1b[31m\x1b7\x1b[m\x1b8x", style=Style(foreground=1)),
    Case("RIS resets SGR", "\x1b[31m\x1bcx", style=Style()),
    Case("DECSTR resets SGR", "\x1b[31m\x1b[!px", style=Style()),
    Case("ED erases in the background", "\x1b[44m\x1b[2J", style=Style(background=4)),
    Case("EL erases in the background", "\x1b[44m\x1b[K", style=Style(background=4)),
    Case("ECH erases in the background", "\x1b[44m\x1b[X", style=Style(background=4)),
    Case("ICH inserts in the background", "\x1b[44m\x1b[@", style=Style(background=4)),
    Case("IL inserts in the background", "\x1b[44m\x1b[L", style=Style(background=4)),
    Case("SD inserts in the background", "\x1b[44m\x1b[T", style=Style(background=4)),
    Case("RI scrolls in the background", "\x1b[44m\x1bM", style=Style(background=4)),
    Case("erasing keeps no foreground", "\x1b[31;1;4m\x1b[2J", style=Style()),
)
