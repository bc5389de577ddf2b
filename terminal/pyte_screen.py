"""What a pyte terminal tells its listener: titles, bells, links, the clipboard, other commands."""

from __future__ import annotations

import binascii
import inspect
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import cache
from typing import Any

from terminal.colours import colour_report
from terminal.contents import Colours
from terminal.emulator import EmulatorListener, EmulatorOptions
from terminal.pyte_colours import HostColours
from terminal.pyte_reports import PyteReports
from terminal.pyte_stream import MAX_COPY_BYTES
from terminal.titles import Titles

MAX_OSC_BYTES = 4096
"""Of an unknown command; a longer one is dropped."""

MAX_LINK_BYTES = 8192
"""Of a link's URI; a longer one is none."""

MAX_OSC_DIGITS = 9

_UNHEARD = frozenset((5, 7, 9, 13, 14, 15, 16, 17, 18, 19, 21, 22, 66, 99, 133, 777, 1337, 3008))
"""Commands that mean something elsewhere, and nothing here."""

_KEEPS_PENDING = frozenset(
    (
        *("select_graphic_rendition", "save_cursor", "save_cursor_or_margins", "restore_cursor"),
        *("set_mode", "reset_mode", "set_private_mode", "reset_private_mode", "bell", "repeat"),
        *("save_private_mode", "restore_private_mode", "report_device_attributes", "window"),
        *("report_secondary_attributes", "report_tertiary_attributes", "report_version"),
        "report_parameters",
        *("report_mode", "report_private_mode", "report_device_status", "report_private_status"),
        *("set_cursor_shape", "set_tab_stop", "clear_tab_stop", "reset_tab_stops", "enquire"),
        *("shift_in", "shift_out", "locking_shift_2", "locking_shift_3", "single_shift_2"),
        *("single_shift_3", "keypad_application", "keypad_numeric", "soft_reset", "tab"),
        *("scroll_up", "scroll_down", "tab_forward", "backspace", "cursor_back"),
        *("insert_lines", "delete_lines", "insert_characters", "delete_characters", "set_margins"),
        *("push_keyboard", "pop_keyboard", "change_keyboard", "report_keyboard"),
        *("report_checksum", "protect", "start_protected", "end_protected", "set_attribute_extent"),
        *("change_attributes", "reverse_attributes", "fill_rectangle", "erase_rectangle"),
        *("selective_erase_rectangle", "copy_rectangle", "lock_memory", "unlock_memory"),
    )
)
"""Functions that leave the last column flag as it is, or see to it themselves."""


class PyteScreen(PyteReports):
    """A screen that speaks with its host, and with the terminal's listener.

    What the listener raises is kept in `error`, for the emulator to raise.
    """

    def __init__(self, options: EmulatorOptions, listener: EmulatorListener) -> None:
        self._listener = listener
        self._answerback = options.answerback
        self._clipboard_bytes = min(options.clipboard_bytes, MAX_COPY_BYTES)
        self.screen_reports = options.screen_reports
        self.titles = Titles()
        self.error: Exception | None = None
        self.colours = HostColours(options.colours, self.write_process_input)
        super().__init__(options.columns, options.rows, options.scrollback_rows)

    def reset(self) -> None:
        """RIS."""
        self.colours.reset()
        self.titles.clear()
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

    # Commands

    def bell(self, *_: int) -> None:
        """BEL."""
        self._tell(self._listener.bell)

    def enquire(self) -> None:
        """ENQ."""
        if self._answerback:
            self._tell(self._listener.reply, self._answerback)

    def window(self, what: int = 0, which: int = 0, *_: int) -> None:
        """XTWINOPS: what asks for sizes and keeps titles; the window itself is the person's."""
        if what == 22:
            self.titles.save(which)
        elif what == 23:
            if self.titles.restore(which):
                self._tell(self._listener.title_changed, self.titles.window)
        elif what in (20, 21) and self.screen_reports:
            icon, window = self.titles.icon, self.titles.window
            self.send(f"\x1b]L{icon}\x1b\\" if what == 20 else f"\x1b]l{window}\x1b\\")
        else:
            self.report_window(what)

    def osc(self, text: str, terminator: str) -> None:
        """Operating system commands."""
        digits, _, rest = text.partition(";")
        if not digits.isdecimal() or len(digits) > MAX_OSC_DIGITS:
            return
        number = int(digits)
        if number <= 2:
            if self.titles.take(number, rest):
                self._tell(self._listener.title_changed, self.titles.window)
        elif number == 8:
            self._link(rest)
        elif number == 52:
            self._clipboard(rest, terminator)
        elif self.colours.take(number, rest, terminator) or number in _UNHEARD:
            return
        elif len(text.encode()) <= MAX_OSC_BYTES:
            self._tell(self._listener.osc, number, rest)

    def screen_title(self, text: str, terminator: str) -> None:
        """ESC k, which programs send to GNU Screen and tmux."""
        self.osc(f"2;{text}", terminator)

    def _link(self, text: str) -> None:
        _parameters, _, uri = text.partition(";")
        link = uri if uri and len(uri.encode()) < MAX_LINK_BYTES else None
        self.pen = self.pens_known.pen(self.pen.style, link, protected=self.pen.protected)

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
            self._listener.reply(f"\x1b]52;{which or 's0'};{content}{terminator}".encode())

    def set_default_colours(self, colours: Colours) -> None:
        """See `Emulator.set_colours`."""
        self.colours.set_defaults(colours)

    def report_colour_scheme(self) -> None:
        """DSR 996."""
        self._tell(self._listener.reply, colour_report(self.colours.defaults))

    def set_palette(self, index: int, digits: str) -> None:
        """ESC ] P of the Linux console."""
        self.colours.set_palette(index, digits)

    def reset_palette(self) -> None:
        """ESC ] R of the Linux console."""
        self.colours.reset_palette()


@cache
def _taken(function: Callable[..., Any]) -> int | None:
    """How many parameters a function takes; None for any number."""
    code = function.__code__
    return None if code.co_flags & inspect.CO_VARARGS else code.co_argcount - 1
