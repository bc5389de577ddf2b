"""What a pyte terminal answers and tells: queries, titles, links, the clipboard, status strings."""

from __future__ import annotations

import binascii
import inspect
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import cache
from typing import Any

from terminal.contents import Colours
from terminal.emulator import XTERM_VERSION, EmulatorListener, EmulatorOptions
from terminal.pyte_colours import HostColours
from terminal.pyte_grid import ORIGIN
from terminal.pyte_modes import ANSI_MODES, PRIVATE_MODES, SIDES, PyteModes
from terminal.pyte_pens import sgr_of
from terminal.pyte_stream import MAX_COPY_BYTES

VERSION_REPLY = "guacr"
"""What XTVERSION is answered with."""

MAX_OSC_BYTES = 4096
"""Of an unknown command; a longer one is dropped."""

MAX_TITLE_BYTES = 4095
"""Of a title; a longer one is cut."""

MAX_LINK_BYTES = 8192
"""Of a link's URI; a longer one is none."""

MAX_OSC_DIGITS = 9

_DARK = 128
_UNHEARD = frozenset((1, 5, 7, 9, 13, 14, 15, 16, 17, 18, 19, 21, 22, 66, 99, 133, 777, 1337, 3008))
"""Commands that mean something elsewhere, and nothing here."""

_KEEPS_PENDING = frozenset(
    (
        *("select_graphic_rendition", "save_cursor", "save_cursor_or_margins", "restore_cursor"),
        *("set_mode", "reset_mode", "set_private_mode", "reset_private_mode", "bell", "repeat"),
        *("save_private_mode", "restore_private_mode", "report_device_attributes", "window"),
        *("report_secondary_attributes", "report_tertiary_attributes", "report_version"),
        *("report_mode", "report_private_mode", "report_device_status", "report_private_status"),
        *("set_cursor_shape", "set_tab_stop", "clear_tab_stop", "reset_tab_stops", "enquire"),
        *("shift_in", "shift_out", "locking_shift_2", "locking_shift_3", "single_shift_2"),
        *("single_shift_3", "keypad_application", "keypad_numeric", "soft_reset", "tab"),
        *("scroll_up", "scroll_down", "tab_forward", "backspace", "cursor_back"),
        *("insert_lines", "delete_lines", "insert_characters", "delete_characters", "set_margins"),
        *("push_keyboard", "pop_keyboard", "change_keyboard", "report_keyboard"),
    )
)
"""Functions that leave the last column flag as it is, or see to it themselves."""


class PyteScreen(PyteModes):
    """A screen that speaks with its host, and with the terminal's listener.

    What the listener raises is kept in `error`, for the emulator to raise.
    """

    def __init__(self, options: EmulatorOptions, listener: EmulatorListener) -> None:
        self._listener = listener
        self._answerback = options.answerback
        self._clipboard_bytes = min(options.clipboard_bytes, MAX_COPY_BYTES)
        self.cell_size = (1, 1)
        """Width and height of a cell in pixels."""
        self.error: Exception | None = None
        self.colours = HostColours(options.colours, self.write_process_input)
        super().__init__(options.columns, options.rows, options.scrollback_rows)

    def reset(self) -> None:
        """RIS."""
        self.colours.reset()
        super().reset()

    def step(self, name: str) -> Callable[..., Any]:
        """A function of the screen for the parser."""
        function: Callable[..., Any] = getattr(self, name)
        keeps, taken = name in _KEEPS_PENDING, _taken(getattr(type(self), name))

        def call(*parameters: int) -> None:
            self.pending = self.pending and keeps
            function(*parameters[:taken])

        return call

    def _tell(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001 - feed raises it
            self.error = self.error or error

    def write_process_input(self, data: str) -> None:
        """A reply to the host."""
        self._tell(self._listener.reply, data.encode())

    def select_graphic_rendition(self, *parameters: Any) -> None:
        """SGR, its parameters as they were sent."""
        self.pen = self.pens_known.step(self.pen, parameters[0])

    # Queries

    def bell(self, *_: int) -> None:
        """BEL."""
        self._tell(self._listener.bell)

    def enquire(self) -> None:
        """ENQ."""
        if self._answerback:
            self._tell(self._listener.reply, self._answerback)

    def report_device_attributes(self, mode: int = 0, *_: int, **_private: bool) -> None:
        """DA1: a VT220 with colours."""
        self.write_process_input("\x1b[?62;22c")

    def report_secondary_attributes(self, *_: int) -> None:
        """DA2: a VT220, as an xterm plays it."""
        self.write_process_input(f"\x1b[>1;{XTERM_VERSION};0c")

    def report_tertiary_attributes(self, *_: int) -> None:
        """DA3: no serial number."""
        self.write_process_input("\x1bP!|00000000\x1b\\")

    def report_version(self, *_: int) -> None:
        """XTVERSION."""
        self.write_process_input(f"\x1bP>|{VERSION_REPLY}\x1b\\")

    def report_device_status(self, mode: int = 0, *_: int) -> None:
        """DSR 5 and 6 (CPR, within the region in origin mode)."""
        if mode == 5:
            self.write_process_input("\x1b[0n")
        elif mode == 6:
            top, left = (self.region[0], self.span[0]) if ORIGIN in self.mode else (0, 0)
            row, column = self.cursor.y - top + 1, self.cursor.x - left + 1
            self.write_process_input(f"\x1b[{row};{column}R")

    def report_private_status(self, mode: int = 0, *_: int) -> None:
        """DSR 996: whether the colours are dark."""
        if mode == 996:
            red, green, blue = self.colours.defaults.background
            light = (red * 299 + green * 587 + blue * 114) // 1000 >= _DARK
            self.write_process_input(f"\x1b[?997;{1 + light}n")

    def report_mode(self, number: int = 0, *_: int) -> None:
        """DECRQM for an ANSI mode."""
        state = 2 - (number in self.mode) if number in ANSI_MODES else 0
        self.write_process_input(f"\x1b[{number};{state}$y")

    def report_private_mode(self, number: int = 0, *_: int) -> None:
        """DECRQM for a DEC private mode."""
        state = 2 - self.private(number) if number in PRIVATE_MODES else 0
        self.write_process_input(f"\x1b[?{number};{state}$y")

    def report_keyboard(self) -> None:
        """CSI ? u: what is asked of the keyboard by Kitty's protocol."""
        self.write_process_input(f"\x1b[?{self.keyboard.flags}u")

    def window(self, what: int = 0, *rest: int) -> None:
        """XTWINOPS: sizes alone; the title is not told, since what reads it may run it."""
        width, height = self.cell_size
        sizes = {
            14: (4, self.lines * height, self.columns * width),
            16: (6, height, width),
            18: (8, self.lines, self.columns),
        }
        if what in sizes and not rest:
            kind, high, wide = sizes[what]
            self.write_process_input(f"\x1b[{kind};{high};{wide}t")

    def dcs(self, text: str, _terminator: str) -> None:
        """Device control strings: DECRQSS alone."""
        if not text.startswith("$q"):
            return
        top, bottom = self.region
        answers = {
            "m": sgr_of(self.pen.style),
            "r": f"{top + 1};{bottom + 1}",
            " q": str(2 * ((max(self.cursor_shape, 1) + 1) // 2) - self.private(12)),
        }
        if self.private(SIDES):
            left, right = self.span
            answers["s"] = f"{left + 1};{right + 1}"
        what = text[2:]
        known = what in answers
        self.write_process_input(
            f"\x1bP1$r{answers[what]}{what}\x1b\\" if known else "\x1bP0$r\x1b\\"
        )

    # Commands

    def osc(self, text: str, terminator: str) -> None:
        """Operating system commands."""
        digits, _, rest = text.partition(";")
        if not digits.isdecimal() or len(digits) > MAX_OSC_DIGITS:
            return
        number = int(digits)
        if number in (0, 2):
            title = rest.encode()[:MAX_TITLE_BYTES].decode(errors="ignore")
            self._tell(self._listener.title_changed, title)
        elif number == 8:
            self._link(rest)
        elif number == 52:
            self._clipboard(rest, terminator)
        elif self.colours.take(number, rest, terminator) or number in _UNHEARD:
            return
        elif len(text.encode()) <= MAX_OSC_BYTES:
            self._tell(self._listener.osc, number, rest)

    def _link(self, text: str) -> None:
        _parameters, _, uri = text.partition(";")
        link = uri if uri and len(uri.encode()) < MAX_LINK_BYTES else None
        self.pen = self.pens_known.pen(self.pen.style, link)

    def _clipboard(self, text: str, terminator: str) -> None:
        which, _, content = text.partition(";")
        if content == "?":
            self._tell(self._send_clipboard, which, terminator)
            return
        try:
            data = b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            return
        if len(data) <= self._clipboard_bytes:
            self._tell(self._listener.clipboard_written, data)

    def _send_clipboard(self, which: str, terminator: str) -> None:
        data = self._listener.clipboard_read()
        if data is not None:
            content = b64encode(data).decode()
            self._listener.reply(f"\x1b]52;{which};{content}{terminator}".encode())

    def set_default_colours(self, colours: Colours) -> None:
        """See `Emulator.set_colours`."""
        self.colours.set_defaults(colours)


@cache
def _taken(function: Callable[..., Any]) -> int | None:
    """How many parameters a function takes; None for any number."""
    code = function.__code__
    return None if code.co_flags & inspect.CO_VARARGS else code.co_argcount - 1
