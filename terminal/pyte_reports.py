"""What a pyte terminal answers about itself: attributes, states, modes, sizes, settings."""

from __future__ import annotations

import binascii

from terminal.emulator import XTERM_VERSION
from terminal.modes import FIXED_ANSI, FIXED_PRIVATE, NOT_RECOGNIZED
from terminal.pyte_grid import ORIGIN
from terminal.pyte_modes import ANSI_MODES, PRIVATE_MODES, SIDES
from terminal.pyte_rectangles import PyteRectangles
from terminal.reports import (
    DEVICES,
    MEMORY,
    memory_report,
    setting_report,
    terminal_parameters,
    window_report,
)
from terminal.sgr import sgr_of

VERSION_REPLY = "guacr"
"""What XTVERSION is answered with."""

MAX_CAPABILITIES = 16
"""Names that one XTGETTCAP asks for; what stands behind them is not read."""

_CAPABILITIES = {"Co": "256", "colors": "256", "RGB": "8"}
"""What XTGETTCAP knows of."""


class PyteReports(PyteRectangles):
    """A screen that answers. `cell_size` is a cell's width and height in pixels."""

    cell_size = (1, 1)
    screen_reports = False
    """Whether hosts may read the screen."""

    def send(self, text: str) -> None:
        """A reply to the host."""
        self.write_process_input(text)

    # Attributes

    def report_device_attributes(self, mode: int = 0, *_: int, **_private: bool) -> None:
        """DA1: a VT220 with colours."""
        if mode == 0:
            self.send("\x1b[?62;22c")

    def report_secondary_attributes(self, mode: int = 0, *_: int) -> None:
        """DA2: a VT220, as an xterm plays it."""
        if mode == 0:
            self.send(f"\x1b[>1;{XTERM_VERSION};0c")

    def report_tertiary_attributes(self, mode: int = 0, *_: int) -> None:
        """DA3: no serial number."""
        if mode == 0:
            self.send("\x1bP!|00000000\x1b\\")

    def report_version(self, *_: int) -> None:
        """XTVERSION."""
        self.send(f"\x1bP>|{VERSION_REPLY}\x1b\\")

    # States

    def report_device_status(self, mode: int = 0, *_: int) -> None:
        """DSR 5 and 6 (CPR, within the region in origin mode)."""
        if mode == 5:
            self.send("\x1b[0n")
        elif mode == 6:
            self.send(f"\x1b[{self._position()}R")

    def report_private_status(self, mode: int = 0, number: int = 0, *_: int) -> None:
        """DEC's DSR, and 996: whether the colours are dark."""
        if mode == 6:
            self.send(f"\x1b[?{self._position()}R")
        elif mode in DEVICES:
            self.send(DEVICES[mode])
        elif mode == MEMORY:
            self.send(memory_report(number))
        elif mode == 996:
            self.report_colour_scheme()

    def report_colour_scheme(self) -> None:
        """Whether the default colours are dark."""
        raise NotImplementedError

    def _position(self) -> str:
        top, left = (self.region[0], self.span[0]) if ORIGIN in self.mode else (0, 0)
        return f"{self.cursor.y - top + 1};{self.cursor.x - left + 1}"

    def report_mode(self, number: int = 0, *_: int) -> None:
        """DECRQM for an ANSI mode."""
        state = 2 - (number in self.mode) if number in ANSI_MODES else NOT_RECOGNIZED
        self.send(f"\x1b[{number};{FIXED_ANSI.get(number, state)}$y")

    def report_private_mode(self, number: int = 0, *_: int) -> None:
        """DECRQM for a DEC private mode."""
        state = 2 - self.private(number) if number in PRIVATE_MODES else NOT_RECOGNIZED
        self.send(f"\x1b[?{number};{FIXED_PRIVATE.get(number, state)}$y")

    def report_keyboard(self) -> None:
        """CSI ? u: what is asked of the keyboard by Kitty's protocol."""
        self.send(f"\x1b[?{self.keyboard.flags}u")

    def report_size(self) -> None:
        """The size, to hosts that want to know when it changes (DEC private mode 2048)."""
        width, height = self.cell_size
        rows, columns = self.lines, self.columns
        self.send(f"\x1b[48;{rows};{columns};{rows * height};{columns * width}t")

    def report_parameters(self, what: int = 0, *_: int) -> None:
        """DECREQTPARM."""
        if report := terminal_parameters(what):
            self.send(report)

    def report_window(self, what: int) -> None:
        """XTWINOPS that asks for a state or a size."""
        if report := window_report(what, self.lines, self.columns, self.cell_size):
            self.send(report)

    def report_checksum(self, number: int = 0, _page: int = 0, *corners: int) -> None:
        """DECRQCRA."""
        if self.screen_reports:
            self.send(f"\x1bP{number}!~{self.checksum_of(*corners[:4]):04X}\x1b\\")

    # Settings

    def dcs(self, text: str, _terminator: str) -> None:
        """Device control strings: DECRQSS and XTGETTCAP."""
        if text.startswith("$q"):
            value = self._setting(text[2:])
            self.send("\x1bP0$r\x1b\\" if value is None else f"\x1bP1$r{value}{text[2:]}\x1b\\")
        elif text.startswith("+q"):
            for name in text[2:].split(";")[:MAX_CAPABILITIES]:
                self._capability(name)

    def _setting(self, what: str) -> str | None:
        top, bottom = self.region
        left, right = self.span
        if what == "s" and not self.private(SIDES):
            return None
        shape = 2 * ((max(self.cursor_shape, 1) + 1) // 2) - self.private(12)
        own = {
            "m": sgr_of(self.pen.style),
            "r": f"{top + 1};{bottom + 1}",
            "s": f"{left + 1};{right + 1}",
            " q": str(shape),
        }
        return own.get(what) or setting_report(
            what,
            rows=self.lines,
            columns=self.columns,
            protected=self.pen.protected,
            rectangle=self.attribute_rectangle,
            level=self.conformance_level,
        )

    def _capability(self, name: str) -> None:
        try:
            value = _CAPABILITIES.get(binascii.unhexlify(name).decode("latin-1"))
        except (binascii.Error, ValueError):
            value = None
        if value is None:
            self.send("\x1bP0+r\x1b\\")
        else:
            self.send(f"\x1bP1+r{name}={value.encode().hex().upper()}\x1b\\")
