"""The reports of a pyte terminal: attributes, states, modes and sizes."""

from __future__ import annotations

from terminal.drawing.colours import colour_report
from terminal.engines.emulator import XTERM_VERSION
from terminal.engines.modes import FIXED_ANSI, FIXED_PRIVATE, NOT_RECOGNIZED
from terminal.engines.pyte.calls import Calls
from terminal.engines.pyte.colours import HostColours
from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.grid import Grid
from terminal.engines.pyte.keyboard import Keyboards
from terminal.engines.pyte.margins import Margins
from terminal.engines.pyte.modes import ANSI_MODES, ORIGIN, PRIVATE_MODES, Modes
from terminal.engines.reports import (
    DEVICES,
    MEMORY,
    memory_report,
    terminal_parameters,
    window_report,
)

VERSION_REPLY = "guacr"
"""The reply to XTVERSION."""


class Reports:
    """Reports to the host. `cell_size` is the width and height of a cell in pixels."""

    def __init__(
        self,
        calls: Calls,
        grid: Grid,
        cursor: Cursor,
        margins: Margins,
        modes: Modes,
        *,
        keyboards: Keyboards,
        colours: HostColours,
    ) -> None:
        self._calls = calls
        self._grid = grid
        self._cursor = cursor
        self._margins = margins
        self._modes = modes
        self._keyboards = keyboards
        self._colours = colours
        self.cell_size = (1, 1)

    # Attributes

    def report_device_attributes(self, mode: int = 0, *_: int) -> None:
        """DA1: a VT220 with colours."""
        if mode == 0:
            self._calls.send("\x1b[?62;22c")

    def report_secondary_attributes(self, mode: int = 0, *_: int) -> None:
        """DA2: a VT220, as emulated by xterm."""
        if mode == 0:
            self._calls.send(f"\x1b[>1;{XTERM_VERSION};0c")

    def report_tertiary_attributes(self, mode: int = 0, *_: int) -> None:
        """DA3: no serial number."""
        if mode == 0:
            self._calls.send("\x1bP!|00000000\x1b\\")

    def report_version(self, *_: int) -> None:
        """XTVERSION."""
        self._calls.send(f"\x1bP>|{VERSION_REPLY}\x1b\\")

    # States

    def report_device_status(self, mode: int = 0, *_: int) -> None:
        """DSR 5 and 6 (CPR, relative to the region in origin mode)."""
        if mode == 5:
            self._calls.send("\x1b[0n")
        elif mode == 6:
            self._calls.send(f"\x1b[{self._position()}R")

    def report_private_status(self, mode: int = 0, number: int = 0, *_: int) -> None:
        """DEC's DSR, and 996: whether the colours are dark."""
        if mode == 6:
            self._calls.send(f"\x1b[?{self._position()}R")
        elif mode in DEVICES:
            self._calls.send(DEVICES[mode])
        elif mode == MEMORY:
            self._calls.send(memory_report(number))
        elif mode == 996:
            self._calls.tell(self._calls.listener.reply, colour_report(self._colours.defaults))

    def _position(self) -> str:
        margins = self._margins
        top, left = (margins.top, margins.left) if ORIGIN in self._modes else (0, 0)
        return f"{self._cursor.y - top + 1};{self._cursor.x - left + 1}"

    def report_mode(self, number: int = 0, *_: int) -> None:
        """DECRQM for an ANSI mode."""
        state = 2 - (number in self._modes) if number in ANSI_MODES else NOT_RECOGNIZED
        self._calls.send(f"\x1b[{number};{FIXED_ANSI.get(number, state)}$y")

    def report_private_mode(self, number: int = 0, *_: int) -> None:
        """DECRQM for a DEC private mode."""
        state = 2 - self._modes.private(number) if number in PRIVATE_MODES else NOT_RECOGNIZED
        self._calls.send(f"\x1b[?{number};{FIXED_PRIVATE.get(number, state)}$y")

    def report_keyboard(self) -> None:
        """CSI ? u: the flags of the Kitty keyboard protocol."""
        self._calls.send(f"\x1b[?{self._keyboards.flags}u")

    # Sizes

    def report_size(self) -> None:
        """Report the size to hosts that have enabled this (DEC private mode 2048)."""
        width, height = self.cell_size
        rows, columns = self._grid.lines, self._grid.columns
        self._calls.send(f"\x1b[48;{rows};{columns};{rows * height};{columns * width}t")

    def report_parameters(self, what: int = 0, *_: int) -> None:
        """DECREQTPARM."""
        if report := terminal_parameters(what):
            self._calls.send(report)

    def report_window(self, what: int) -> None:
        """XTWINOPS that queries a state or a size."""
        if report := window_report(what, self._grid.lines, self._grid.columns, self.cell_size):
            self._calls.send(report)
