"""What a terminal answers about itself whatever its engine: devices, its window, its settings."""

from __future__ import annotations

DEVICES = {
    15: "\x1b[?13n",  # no printer
    25: "\x1b[?20n",  # user-defined keys could be set
    26: "\x1b[?27;1n",  # a North American keyboard, in a VT220's words
    53: "\x1b[?50n",  # no locator
    55: "\x1b[?50n",
    56: "\x1b[?57;0n",
    62: "\x1b[0*{",  # no room for macros
    75: "\x1b[?70n",  # no errors
    85: "\x1b[?83n",  # not configured for several sessions
}
"""What DEC's DSR is answered: the state of devices of which there are none."""
MEMORY = 63
"""DEC's DSR for a checksum of the memory of macros."""


def memory_report(number: int) -> str:
    """The checksum of no macros, with the number of the request."""
    return f"\x1bP{number}!~0000\x1b\\"


def window_report(what: int, rows: int, columns: int, cell: tuple[int, int]) -> str:
    """What XTWINOPS is answered that asks for a state or a size; empty if it does not. The window
    fills its screen. `cell` is a cell's width and height in pixels."""
    width, height = cell
    pixels, cells = f"{rows * height};{columns * width}", f"{rows};{columns}"
    answers = {
        11: "1",
        13: "3;0;0",
        14: f"4;{pixels}",
        15: f"5;{pixels}",
        16: f"6;{height};{width}",
        18: f"8;{cells}",
        19: f"9;{cells}",
    }
    return f"\x1b[{answers[what]}t" if what in answers else ""


def setting_report(
    what: str, *, rows: int, columns: int, protected: bool, rectangle: bool, level: int
) -> str | None:
    """The value of a setting that DECRQSS asks for; None of those that an engine tells itself.

    Args:
        what: its control function without parameters.
        rows: those of the screen.
        columns: those of the screen.
        protected: whether DECSCA protects what is written.
        rectangle: whether DECSACE has chosen rectangles.
        level: of conformance, as DECSCL was told.
    """
    return {
        '"q': str(int(protected)),
        '"p': f"{level};1",
        "*x": "2" if rectangle else "0",
        "t": str(rows),
        "*|": str(rows),
        "$|": str(columns),
        "$}": "0",  # the main display is active, and there is no status line
        "$~": "0",
    }.get(what)


def terminal_parameters(what: int) -> str:
    """DECREQTPARM: no parity, eight bits, 38,400 bits a second; empty for an unknown question."""
    return f"\x1b[{what + 2};1;1;128;128;1;0x" if what in (0, 1) else ""
