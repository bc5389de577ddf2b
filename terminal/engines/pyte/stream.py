"""The pyte engine's parser: pyte's stream, with complete sequences matched at once.

pyte parses one character at a time, prints unknown sequences and supports only two kinds of
strings. Here text goes to the screen in runs, a sequence is matched by one expression, and unknown
or malformed sequences are ignored, as in ECMA-48 and the parser of DEC's terminals.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from terminal.engines.pyte.commands import MAX_COPY_BYTES
from terminal.engines.pyte.library import Stream

if TYPE_CHECKING:
    from terminal.engines.pyte.screen import PyteScreen

MAX_SEQUENCE = 4096
"""Maximum characters of a control sequence; a longer one is ignored."""

MAX_STRING = MAX_COPY_BYTES * 4 // 3 + 64
"""Maximum characters of a command string, enough for such a clipboard in base64; longer ones are
dropped."""

MAX_WORK = 200_000
"""Cells that control functions process in one call of `feed`; the rest is left to the next."""

MAX_PARAMETERS = 64
MAX_VALUE = 65_535
"""Maximum value of a parameter of a control sequence; larger ones are clamped."""

_TEXT = re.compile("[^\x00-\x1f\x7f-\x9f]+")
_SGR = re.compile("\x1b\\[([0-9;:]*)m")
_CSI = re.compile("\x1b\\[([<-?]*)([0-9;:]*)([ -/]*)([@-~])")
_BROKEN_CSI = re.compile(
    "\x1b\\[([^\x18\x1a\x1b@-~\x80-\uffff]*)([@-~]|\x18|\x1a|(?=[\x1b\x80-\uffff]))"
)
_ESCAPE = re.compile("\x1b([ -/]*)([0-~])")
_OPEN_ESCAPE = re.compile("\x1b[ -/]*\\Z")
_STRING_END = re.compile("[\x07\x18\x1a\x1b]")
_OSC = "]"
_STRINGS = "]Pk_^X"
"""The characters after ESC that open a string; `PyteScreen.strings` has the functions that receive
some of them."""

_PALETTE = re.compile("P([0-9a-fA-F]{0,7})")
"""The Linux console's command to set a colour: an index, and two digits each for red, green and
blue. Like the one to reset all colours (`R`), it has no terminator. Other commands begin with
digits."""

_CHARSETS = "()*+"
_C1 = {"\x84": "D", "\x85": "E", "\x88": "H", "\x8d": "M"}


class PyteStream(Stream):
    """Parses text, cut anywhere, and calls a screen."""

    escape = {  # noqa: RUF012 - declared like this by pyte
        **Stream.escape,
        "c": "full_reset",
        "=": "keypad_application",
        ">": "keypad_numeric",
        "Z": "report_device_attributes",
        "E": "next_line",
        "N": "single_shift_2",
        "O": "single_shift_3",
        "n": "locking_shift_2",
        "o": "locking_shift_3",
        "#8": "alignment_display",
        "6": "back_index",
        "9": "forward_index",
        "V": "start_protected",
        "W": "end_protected",
        "l": "lock_memory",
        "m": "unlock_memory",
    }
    csi = {  # noqa: RUF012
        **Stream.csi,
        "`": "cursor_to_column",
        "e": "cursor_line_relative",
        "S": "scroll_up",
        "T": "scroll_down",
        "I": "tab_forward",
        "Z": "tab_back",
        "b": "repeat",
        "j": "cursor_back",
        "k": "cursor_up",
        "s": "save_cursor_or_margins",
        "u": "restore_cursor",
        "t": "window",
        "x": "report_parameters",
        ">u": "push_keyboard",
        "<u": "pop_keyboard",
        "=u": "change_keyboard",
        "?u": "report_keyboard",
        "?h": "set_private_mode",
        "?l": "reset_private_mode",
        "?s": "save_private_mode",
        "?r": "restore_private_mode",
        "?J": "selective_erase_in_display",
        "?K": "selective_erase_in_line",
        "?W": "reset_tab_stops",
        "?n": "report_private_status",
        ">c": "report_secondary_attributes",
        "=c": "report_tertiary_attributes",
        ">q": "report_version",
        "!p": "soft_reset",
        "$p": "report_mode",
        "?$p": "report_private_mode",
        " q": "set_cursor_shape",
        " @": "scroll_left",
        " A": "scroll_right",
        "'}": "insert_columns",
        "'~": "delete_columns",
        '"q': "protect",
        '"p': "set_conformance_level",
        "$v": "copy_rectangle",
        "$x": "fill_rectangle",
        "$z": "erase_rectangle",
        "${": "selective_erase_rectangle",
        "$r": "change_attributes",
        "$t": "reverse_attributes",
        "*x": "set_attribute_extent",
        "*y": "report_checksum",
    }
    controls: ClassVar[dict[str, str]] = {**Stream.basic, "\x05": "enquire"}

    def __init__(self, screen: PyteScreen) -> None:
        super().__init__()
        self._screen = screen
        self._rest = ""
        """An incomplete sequence."""
        self.waiting = ""
        """Input left to the next call, because the input before it was costly."""
        self._kind: str | None = None
        self._parts: list[str] = []
        self._size = 0
        self._steps: dict[str, Callable[..., Any]] = {}

    def feed(self, data: str) -> None:
        """Parse text, in which noncharacters and surrogates have been replaced."""
        if self._rest or self.waiting:
            data, self._rest, self.waiting = f"{self._rest}{self.waiting}{data}", "", ""
        at, end, screen = 0, len(data), self._screen
        text, sgr, grid, flood = _TEXT.match, _SGR.match, screen.grid, screen.flood
        grid.work = 0
        while at < end:
            if self._kind is not None:
                at = self._take_string(data, at)
            elif found := text(data, at):
                screen.draw(found[0])
                at = found.end()
            elif found := sgr(data, at):
                screen.select_graphic_rendition(found[1])
                at = found.end()
            elif data[at] == "\x1b":
                at = self._take_escape(data, at)
                if grid.work > MAX_WORK and at < end:
                    self.waiting = data[at:]
                    return
            elif data[at] == "\n" and flood.may_begin:
                screen.linefeed()
                at = flood.take(data, at + 1)
            else:
                self._control(data[at])
                at += 1

    def reset(self) -> None:
        """Discard incomplete input."""
        self._rest, self.waiting, self._kind, self._parts = "", "", None, []

    def _take_escape(self, data: str, at: int) -> int:
        """Parse a sequence; return where it ends, or the end of the data if it is incomplete."""
        if found := _CSI.match(data, at):
            self._control_sequence(*found.groups())
            return found.end()
        if data.startswith("[", at + 1):
            return self._take_broken(data, at)
        if found := _ESCAPE.match(data, at):
            self._escape(found[1], found[2])
            return found.end()
        if _OPEN_ESCAPE.match(data, at):
            return self._keep(data, at)
        nested = data[at + 1 : at + 2]
        if nested < " " and nested not in "\x18\x1a\x1b":
            self._control(nested)
            self._rest = ""
            return self._take_rest(data, at)
        return at + 1 + (nested in "\x18\x1a")

    def _take_rest(self, data: str, at: int) -> int:
        """Continue an escape sequence that contains a control character."""
        return self._take_escape("\x1b" + data[at + 2 :], 0) + at + 1

    def _take_broken(self, data: str, at: int) -> int:
        """Parse a control sequence that is incomplete, malformed, or contains control
        characters."""
        found = _BROKEN_CSI.match(data, at)
        if found is None:
            return self._keep(data, at)
        inner = found[1]
        for control in inner:
            if control < " ":
                self._control(control)
        if found[2] >= "@":
            plain = "".join(char for char in inner if " " <= char < "\x7f")
            if whole := _CSI.fullmatch(f"\x1b[{plain}{found[2]}"):
                self._control_sequence(*whole.groups())
        return found.end()

    def _keep(self, data: str, at: int) -> int:
        if len(data) - at <= MAX_SEQUENCE:
            self._rest = data[at:]
        return len(data)

    def _take_string(self, data: str, at: int) -> int:
        if self._kind == _OSC and (end := self._take_palette(data, at)) is not None:
            return end
        found = _STRING_END.search(data, at)
        end = found.start() if found else len(data)
        self._size += end - at
        if self._size <= MAX_STRING:
            self._parts.append(data[at:end])
        else:
            self._parts.clear()
        if found is None:
            return end
        if found[0] == "\x07" and self._kind != _OSC:
            return end + 1
        return self._end_string(data, end, found[0])

    def _take_palette(self, data: str, at: int) -> int | None:
        """Parse a palette sequence of the Linux console; return where it ends, or None if it is not
        one."""
        begun = "".join(self._parts) if self._size < 8 else ""
        if not (begun or data[at : at + 1]) or (begun or data[at])[0] not in "PR":
            return None
        text = begun + data[at : at + 8 - len(begun)]
        found = _PALETTE.match(text)
        digits = found[1] if found else ""
        if found and len(digits) < 7 and found.end() == len(text):
            self._parts, self._size = [text], len(text)
            return len(data)
        self._kind, self._parts, self._size = None, [], 0
        if not found:
            self._screen.colours.reset_palette()
            return at + 1
        if len(digits) == 7:
            self._screen.colours.set_palette(int(digits[0], 16), digits[1:])
            return at + 8 - len(begun)
        # A console also consumes the first character that is not a digit, except controls.
        end = at + len(digits) + 1 - len(begun)
        return end + (data[end] > "\x1f")

    def _end_string(self, data: str, end: int, terminator: str) -> int:
        kind, text, fits = self._kind, "".join(self._parts), self._size <= MAX_STRING
        self._kind, self._parts, self._size = None, [], 0
        if kind in self._screen.strings and fits and terminator not in "\x18\x1a":
            ended = "\x07" if terminator == "\x07" else "\x1b\\"
            self._screen.strings[kind](text, ended)
        return end if terminator == "\x1b" else end + 1

    def _control(self, char: str) -> None:
        name = self.controls.get(char)
        if name is not None:
            self._step(name)()
        elif char in _C1:
            self._escape("", _C1[char])

    def _escape(self, intermediates: str, final: str) -> None:
        if not intermediates and final in _STRINGS:
            self._kind = final
        elif intermediates in _CHARSETS and intermediates:
            self._screen.define_charset(final, intermediates)
        else:
            name = self.escape.get(intermediates + final)
            if name is not None:
                self._step(name)()

    def _control_sequence(self, prefix: str, digits: str, between: str, final: str) -> None:
        name = self.csi.get(prefix + between + final)
        if name is None:
            return
        if final == "m":
            self._screen.select_graphic_rendition(digits)
            return
        if ":" in digits:
            return
        parts = digits.split(";", MAX_PARAMETERS)[:MAX_PARAMETERS]
        values = [_value(part) for part in parts]
        self._step(name)(*values)

    def _step(self, name: str) -> Callable[..., Any]:
        step = self._steps.get(name)
        if step is None:
            step = self._steps[name] = self._screen.function(name)
        return step


def _value(digits: str) -> int:
    return min(int(digits.lstrip("0")[:9] or "0"), MAX_VALUE)
