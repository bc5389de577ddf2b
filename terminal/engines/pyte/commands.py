"""The commands that a pyte terminal passes to its listener: titles, bells, links, the clipboard."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode

from terminal.engines.emulator import EmulatorOptions
from terminal.engines.pyte.calls import Calls
from terminal.engines.pyte.colours import HostColours
from terminal.engines.pyte.cursor import Cursor
from terminal.engines.pyte.pens import Pens
from terminal.engines.titles import Titles

MAX_COPY_BYTES = 1 << 20
"""Maximum bytes of an OSC 52 that writes."""

MAX_OSC_BYTES = 4096
"""Maximum characters of an unknown command; a longer one is dropped."""

MAX_LINK_BYTES = 8192
"""Maximum characters of a link's URI; a longer one is ignored."""

MAX_OSC_DIGITS = 9

_UNHEARD = frozenset((5, 7, 9, 13, 14, 15, 16, 17, 18, 19, 21, 22, 66, 99, 133, 777, 1337, 3008))
"""Commands of other terminals that are ignored."""


class Commands:
    """Executes operating system commands; a link becomes part of the cursor's pen."""

    def __init__(
        self,
        options: EmulatorOptions,
        calls: Calls,
        cursor: Cursor,
        pens: Pens,
        *,
        colours: HostColours,
        titles: Titles,
    ) -> None:
        self._answerback = options.answerback
        self._clipboard_bytes = min(options.clipboard_bytes, MAX_COPY_BYTES)
        self._calls = calls
        self._cursor = cursor
        self._pens = pens
        self._colours = colours
        self._titles = titles

    def bell(self) -> None:
        """BEL."""
        self._calls.tell(self._calls.listener.bell)

    def enquire(self) -> None:
        """ENQ."""
        if self._answerback:
            self._calls.tell(self._calls.listener.reply, self._answerback)

    def osc(self, text: str, terminator: str) -> None:
        """Operating system commands."""
        digits, _, rest = text.partition(";")
        if not digits.isdecimal() or len(digits) > MAX_OSC_DIGITS:
            return
        number = int(digits)
        if number <= 2:
            if self._titles.take(number, rest):
                self._calls.tell(self._calls.listener.title_changed, self._titles.window)
        elif number == 8:
            self._link(rest)
        elif number == 52:
            self._clipboard(rest, terminator)
        elif self._colours.take(number, rest, terminator) or number in _UNHEARD:
            return
        elif len(text.encode()) <= MAX_OSC_BYTES:
            self._calls.tell(self._calls.listener.osc, number, rest)

    def screen_title(self, text: str, terminator: str) -> None:
        """ESC k, which programs send to GNU Screen and tmux."""
        self.osc(f"2;{text}", terminator)

    def _link(self, text: str) -> None:
        _parameters, _, uri = text.partition(";")
        link = uri if uri and len(uri.encode()) < MAX_LINK_BYTES else None
        pen = self._cursor.pen
        self._cursor.pen = self._pens.pen(pen.style, link, protected=pen.protected)

    def _clipboard(self, text: str, terminator: str) -> None:
        which, _, content = text.partition(";")
        if content == "?":
            self._calls.tell(self._send_clipboard, which, terminator)
            return
        try:
            data = b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            return
        if len(data) <= self._clipboard_bytes:
            self._calls.tell(self._calls.listener.clipboard_written, data)

    def _send_clipboard(self, which: str, terminator: str) -> None:
        data = self._calls.listener.clipboard_read()
        if data is not None:
            content = b64encode(data).decode()
            self._calls.listener.reply(f"\x1b]52;{which or 's0'};{content}{terminator}".encode())
