"""Control functions that libghostty lacks: they are found in the host's output and executed
here, or translated into sequences that it knows.

A flood passes in one search, which stops only at the first unusual sequence.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from terminal.drawing.colour_notation import parse_colour
from terminal.engines.ghostty.characters import HostText
from terminal.engines.ghostty.editing import GhosttyEditing
from terminal.engines.ghostty.events import Events
from terminal.engines.ghostty.screen import GhosttyScreen
from terminal.engines.ghostty.spelling import ORIGIN_SET, PLACED, SPELLED, spelled
from terminal.engines.reports import (
    DEVICES,
    MEMORY,
    memory_report,
    setting_report,
    terminal_parameters,
    window_report,
)

MAX_HELD = 4096
"""Maximum bytes of an incomplete sequence; a longer one is left to the library."""

MAX_CELLS = 4000
"""Cells that one call reads or writes for such functions; the rest is left to the next call."""

MAX_PARAMETERS = 64
MAX_VALUE = 65_535
MAX_CAPABILITIES = 16
"""Maximum names in one XTGETTCAP; further ones are ignored."""

_ODD = re.compile(
    rb"\x1b(?!\[(?:[0-9;:]*+(?<!;)m|(?:[1-9][0-9]*+)?(?:[KJABCDGhlPXdLM@ST]|;?[0-9]*+[Hrf])))"
)
_HANDLED = rb"""
    |\[(?P<prefix>\??)(?P<digits>[0-9;:]*+)
        (?P<function>!p|"[pq]|\$[vxz{rt}]|\*[xy]|'[}~]|\x20[@A]|[ntx])
    |(?P<escape>[69lmc])
    |\](?:P(?P<colour>[0-9a-fA-F]{7})
        |(?P<broken>P[0-9a-fA-F]{0,6}+(?:[^\x00-\x1f0-9a-fA-F][\x80-\xbf]*|(?=[\x00-\x1f])))
        |(?P<reset>R)
        |(?P<command>[01]|4|1[0-9]);(?P<argument>[^\x07\x18\x1a\x1b]{0,3840}+)(?P<end>\x07|\x1b\\))
    |k(?P<title>[^\x07\x18\x1a\x1b]{0,3840}+)\x1b\\
    |P(?P<string>[$+]q)(?P<text>[^\x07\x18\x1a\x1b]{0,1024}+)\x1b\\
    )"""
_FUNCTIONS = re.compile(rb"\x1b(?:" + SPELLED + _HANDLED, re.VERBOSE)
_FUNCTIONS_IN_ORIGIN_MODE = re.compile(rb"\x1b(?:" + SPELLED + b"|" + PLACED + _HANDLED, re.VERBOSE)
_UNFINISHED = re.compile(
    rb"""\x1b(?:
    \[[0-?]*+[ -/]*+
    |[()*+]
    |\](?:P[0-9a-fA-F]{0,6}+|(?:[01]|4|1[0-9])(?:;[^\x07\x18\x1a\x1b]*+\x1b?)?
        |8(?:;[^;\x07\x18\x1a\x1b]*+(?:;\x1b?)?)?)?
    |k[^\x07\x18\x1a\x1b]*+\x1b?
    |P(?:[$+](?:q[^\x07\x18\x1a\x1b]*+\x1b?)?)?
    )?\Z""",
    re.VERBOSE,
)
_VT220 = 62
_ORIGIN = 6

Parameters = list[int]


class GhosttyControls:
    """The filter in front of one terminal of the library."""

    def __init__(
        self, terminal: Any, host: HostText, events: Events, *, screen_reports: bool
    ) -> None:
        self._host = host
        self._screen = GhosttyScreen(terminal, host, events)
        self._events = events
        self._editing = GhosttyEditing(self._screen)
        self._screen_reports = screen_reports
        self._level = _VT220
        self._origin = False
        """True if origin mode was ever set."""
        self._rest = b""
        """Incomplete input, or input left to the next call."""
        self._left: Future[None] | None = None

    @property
    def pending(self) -> Future[None] | None:
        """A completed future if work is left for the next call; see `Emulator.pending`."""
        return self._left

    def write(self, data: bytes) -> None:
        """Process bytes from the host."""
        data, self._rest, self._left = self._rest + data, b"", None
        odd = _ODD.search(data)
        if odd is None and not self._origin:
            self._screen.write(data)
            return
        start = odd.start() if odd and not self._origin else 0
        self._origin = self._origin or bool(ORIGIN_SET.search(data, start))
        functions = _FUNCTIONS_IN_ORIGIN_MODE if self._origin else _FUNCTIONS
        self._editing.spent = at = 0
        for found in functions.finditer(data, start):
            if self._editing.spent > MAX_CELLS:
                self._leave(data[at:])
                return
            self._pass(data[at : found.start()])
            at = found.end()
            if not self._take(found):
                self._screen.write(found[0])
        unfinished = _UNFINISHED.search(data, max(at, start, len(data) - MAX_HELD))
        end = unfinished.start() if unfinished else len(data)
        self._pass(data[at:end])
        self._rest = data[end:]

    def _pass(self, data: bytes) -> None:
        """Process bytes that contain unusual sequences."""
        self._host.designated(data)
        self._screen.write(data)

    def reset(self) -> None:
        """Discard incomplete input, and reset what RIS resets."""
        self._rest, self._left = b"", None
        self._reset()

    def _leave(self, data: bytes) -> None:
        self._rest, self._left = data, Future()
        self._left.set_result(None)

    def _reset(self) -> None:
        self._editing.reset()
        self._host.reset()
        self._events.titles.reset()
        self._level, self._origin = _VT220, False

    def _take(self, found: re.Match[bytes]) -> bool:
        """Execute a sequence; return whether the library must not receive it."""
        sequence = spelled(found, self._origin and self._screen.mode(_ORIGIN))
        if sequence is not None:
            self._end_string()
            self._screen.write(sequence)
            return True
        if function := found["function"]:
            digits = found["digits"]
            return b":" in digits or self._function(function, found["prefix"], _values(digits))
        if found["escape"] == b"c":
            self._reset()
            return False
        if found["command"]:
            return self._command(found["command"], found["argument"], found["end"])
        self._end_string()
        if found["escape"]:
            _ESCAPES[found["escape"]](self._editing)
        elif found["string"]:
            return self._string(found["string"], found["text"].decode("latin-1"))
        elif colour := found["colour"]:
            self._set_palette(colour.decode())
        elif found["title"] is not None:  # as for GNU Screen and tmux
            self._screen.write(b"\x1b]2;%b\x1b\\" % found["title"])
        elif found["reset"]:
            self._screen.write(b"\x1b]104\x1b\\")
        return True

    def _end_string(self) -> None:
        """End an open string, which a sequence does even if the library does not receive it."""
        if self._screen.in_string:
            self._screen.write(b"\x1b\\")

    def _function(self, function: bytes, prefix: bytes, given: Parameters) -> bool:
        if function == b"n":
            return bool(prefix) and self._report_status(given[0], (*given, 0)[1])
        if prefix:
            return False
        if function == b"x":
            return self._report_parameters(given[0])
        if function == b"t":
            return self._window(given[0], (*given, 0)[1])
        if function == b'"q':
            self._editing.protected = given[0] == 1
            return False
        self._end_string()
        if function in _EDITING:
            _EDITING[function](self._editing, given)
        else:
            _SETTINGS[function](self, given)
        return True

    def _set_palette(self, colour: str) -> None:
        """Handle the Linux console's ESC ] P."""
        red, green, blue = colour[1:3], colour[3:5], colour[5:7]
        index = int(colour[0], 16)
        self._screen.write(f"\x1b]4;{index};rgb:{red}/{green}/{blue}\x1b\\".encode())

    def _command(self, command: bytes, argument: bytes, end: bytes) -> bool:
        """Record the icon's title, and pass colours to the library in a notation that it knows."""
        if len(command) == 1 and command in b"01":
            self._events.titles.take(1, argument.decode(errors="replace"))
            return False
        values = [_colour(value) for value in argument.split(b";")]
        self._screen.write(b"\x1b]%b;%b%b" % (command, b";".join(values), end))
        return True

    def set_level(self, given: Parameters) -> None:
        """DECSCL: a soft reset; the level has no effect."""
        if 61 <= given[0] <= 65:
            self._level = given[0]
            self._editing.soft_reset()

    def set_extent(self, given: Parameters) -> None:
        """DECSACE."""
        if given[0] <= 2:
            self._editing.attribute_rectangle = given[0] == 2

    # Reports

    def _report_status(self, what: int, number: int) -> bool:
        """DEC's DSR, except that for colours, which the library answers."""
        if what == 6:
            self._screen.reply(self._screen.ask("\x1b[6n").replace("[", "[?"))
        elif what in DEVICES:
            self._screen.reply(DEVICES[what])
        elif what == MEMORY:
            self._screen.reply(memory_report(number))
        else:
            return False
        return True

    def _report_parameters(self, what: int) -> bool:
        """DECREQTPARM."""
        if report := terminal_parameters(what):
            self._screen.reply(report)
        return True

    def _window(self, what: int, which: int) -> bool:
        """XTWINOPS that saves titles, or requests a report."""
        titles, (columns, rows) = self._events.titles, self._screen.size
        if what == 22:
            titles.save(which)
        elif what == 23:
            if titles.restore(which):
                self._screen.write(f"\x1b]2;{titles.window}\x1b\\".encode())
        elif what in (20, 21) and self._screen_reports:
            title = f"L{titles.icon}" if what == 20 else f"l{titles.window}"
            self._screen.reply(f"\x1b]{title}\x1b\\")
        elif report := window_report(what, rows, columns, self._screen.cell):
            self._screen.reply(report)
        return True

    def report_checksum(self, given: Parameters) -> None:
        """DECRQCRA."""
        if self._screen_reports:
            total = self._editing.checksum(given[2:])
            self._screen.reply(f"\x1bP{given[0]}!~{total:04X}\x1b\\")

    def _string(self, kind: bytes, text: str) -> bool:
        """DECRQSS and XTGETTCAP; the library answers some of both."""
        if kind == b"+q":
            for name in text.split(";")[:MAX_CAPABILITIES]:
                known = self._screen.ask(f"\x1bP+q{name}\x1b\\")
                self._screen.reply(known or "\x1bP0+r\x1b\\")
            return True
        columns, rows = self._screen.size
        value = setting_report(
            text,
            rows=rows,
            columns=columns,
            protected=self._editing.protected,
            rectangle=self._editing.attribute_rectangle,
            level=self._level,
        )
        if value is not None:
            self._screen.reply(f"\x1bP1$r{value}{text}\x1b\\")
        return value is not None


_EDITING: dict[bytes, Callable[[GhosttyEditing, Parameters], None]] = {
    b"!p": lambda edit, _: edit.soft_reset(),
    b"$v": GhosttyEditing.copy,
    b"$x": lambda edit, given: edit.fill(given[0], given[1:]),
    b"$z": GhosttyEditing.erase,
    b"${": GhosttyEditing.erase_selectively,
    b"$r": GhosttyEditing.change,
    b"$t": GhosttyEditing.reverse,
    b"$}": lambda edit, _: None,  # DECSASD: there is no visible status line
    b"'}": lambda edit, given: edit.shift_at_cursor(given[0] or 1),
    b"'~": lambda edit, given: edit.shift_at_cursor(-(given[0] or 1)),
    b" @": lambda edit, given: edit.shift(-(given[0] or 1)),
    b" A": lambda edit, given: edit.shift(given[0] or 1),
}
_SETTINGS: dict[bytes, Callable[[GhosttyControls, Parameters], None]] = {
    b'"p': GhosttyControls.set_level,
    b"*x": GhosttyControls.set_extent,
    b"*y": GhosttyControls.report_checksum,
}
_ESCAPES: dict[bytes, Callable[[GhosttyEditing], None]] = {
    b"6": GhosttyEditing.back_index,
    b"9": GhosttyEditing.forward_index,
    b"l": lambda edit: edit.lock_memory(True),
    b"m": lambda edit: edit.lock_memory(False),
}


def _colour(value: bytes) -> bytes:
    """A colour in the library's notation; anything else is returned unchanged."""
    if not value.startswith(b"#"):
        return value
    colour = parse_colour(value.decode("latin-1"))
    return b"rgb:%02x/%02x/%02x" % colour if colour else value


def _values(digits: bytes) -> Parameters:
    parts = digits.split(b";", MAX_PARAMETERS)[:MAX_PARAMETERS]
    return [min(int(part.lstrip(b"0")[:9] or b"0"), MAX_VALUE) for part in parts]
