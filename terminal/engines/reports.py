"""Reports that do not depend on the engine: devices, the window, settings."""

from __future__ import annotations

DEVICES = {
    15: "\x1b[?13n",  # no printer
    25: "\x1b[?20n",  # user-defined keys are not locked
    26: "\x1b[?27;1n",  # a North American keyboard, as a VT220 reports it
    53: "\x1b[?50n",  # no locator
    55: "\x1b[?50n",
    56: "\x1b[?57;0n",
    62: "\x1b[0*{",  # no space for macros
    75: "\x1b[?70n",  # no errors
    85: "\x1b[?83n",  # not configured for several sessions
}
"""The replies to DEC's DSR about devices, none of which exist."""
MEMORY = 63
"""DEC's DSR for a checksum of macro memory."""


def memory_report(number: int) -> str:
    """The checksum of empty macro memory, with the number of the request."""
    return f"\x1bP{number}!~0000\x1b\\"


def window_report(what: int, rows: int, columns: int, cell: tuple[int, int]) -> str:
    """The reply to an XTWINOPS that queries a state or a size, otherwise empty. The window fills
    its screen. `cell` is the width and height of a cell in pixels."""
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
    """The value of a setting for DECRQSS; None for those that an engine reports itself.

    Args:
        what: the control function without parameters.
        rows: the rows of the screen.
        columns: the columns of the screen.
        protected: whether DECSCA protects what is written.
        rectangle: whether DECSACE has chosen rectangles.
        level: the conformance level set by DECSCL.
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
    """DECREQTPARM: no parity, eight bits, 38,400 bits per second; empty for an unknown request."""
    return f"\x1b[{what + 2};1;1;128;128;1;0x" if what in (0, 1) else ""
