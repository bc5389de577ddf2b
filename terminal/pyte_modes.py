"""Modes, saved cursors, character sets and the alternate screen of the pyte engine."""

from __future__ import annotations

from dataclasses import dataclass

from terminal.pyte_grid import AUTOWRAP, ORIGIN
from terminal.pyte_keyboard import KeyboardStates
from terminal.pyte_moves import PyteMoves
from terminal.pyte_pens import Pen
from terminal.pyte_rows import Line

DEFAULTS = {7: True, 8: True, 25: True, 1007: True}
PRIVATE_MODES = (
    *(1, 5, 6, 7, 8, 9, 12, 25, 45, 47, 66, 67, 69, 1000, 1002, 1003, 1004, 1005, 1006, 1007),
    *(1015, 1016, 1045, 1047, 1048, 1049, 2004, 2026, 2027, 2031, 2048),
)
"""Those that can be set; see also `terminal.modes`."""
ANSI_MODES = (4, 20)
SIZE_REPORTS = 2048
VT220 = 62
SIDES = 69
"""DECLRMM."""
KEYPAD = 66 << 5
BLINKING = 12 << 5

_ALTERNATES = (47, 1047, 1049)
_SOFT_RESET_OFF = (1, 6, 45, 66, 69, 1045)
_GRAPHICS = "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"
_CHARSETS: dict[str, dict[int, str]] = {
    "0": dict(enumerate(_GRAPHICS, ord("`"))),
    "A": {ord("#"): "£"},
}
_ASCII: dict[int, str] = {}


@dataclass(frozen=True, slots=True)
class Saved:
    """What DECSC keeps."""

    column: int = 0
    row: int = 0
    pending: bool = False
    pen: Pen | None = None
    origin: bool = False
    charset: int = 0
    charsets: tuple[dict[int, str], ...] = (_ASCII,) * 4


class PyteModes(PyteMoves):
    """A grid with the states that decide what its functions do."""

    def __init__(self, columns: int, rows: int, scrollback: int) -> None:
        self.charsets = [_ASCII] * 4
        self.single_shift = 0
        self._saved = {False: Saved(), True: Saved()}
        self._saved_modes: dict[int, bool] = {}
        self._keyboards = {False: KeyboardStates(), True: KeyboardStates()}
        self._other: list[Line] | None = None
        """The rows of the primary screen while the alternate one is shown."""
        self.cursor_shape = 0
        self.attribute_rectangle = False
        """Whether DECCARA and DECRARA change a rectangle (DECSACE), or the text between cells."""
        self.conformance_level = VT220
        super().__init__(columns, rows, scrollback)
        self.reset()

    def reset(self) -> None:
        """RIS."""
        self.pen, self.pending, self.on_alternate = self.pens_known.plain, False, False
        self._other, self.cursor_shape, self.last_drawn = None, 0, ""
        self.charsets, self.single_shift = [_ASCII] * 4, 0
        self._saved = {False: Saved(), True: Saved()}
        self._saved_modes.clear()
        self.sides = None
        self._keyboards = {False: KeyboardStates(), True: KeyboardStates()}
        self.protection, self.attribute_rectangle = None, False
        self.scrollback.clear()
        super().reset()
        self.rows = self.blank_rows(self.lines)
        self.mode = {number << 5 for number in DEFAULTS}
        self.conformance_level = VT220

    def soft_reset(self, *_: int) -> None:
        """DECSTR (DEC STD 070)."""
        self.mode.difference_update(number << 5 for number in _SOFT_RESET_OFF)
        self.mode -= {4, BLINKING}
        self.mode |= {25 << 5, AUTOWRAP}
        self.cursor.hidden = False
        self.margins = self.sides = None
        self.pen, self.cursor_shape = self.pens_known.plain, 0
        self.protection, self.attribute_rectangle = None, False
        self.charset, self.charsets = 0, [_ASCII] * 4
        self._saved[self.on_alternate] = Saved()

    def set_conformance_level(self, level: int = 0, *_: int) -> None:
        """DECSCL: a soft reset; what level is set changes no function."""
        if 61 <= level <= 65:
            self.conformance_level = level
            self.soft_reset()

    def report_size(self) -> None:
        """Tell the host the size."""
        raise NotImplementedError

    # Modes

    def set_mode(self, *modes: int, **_: bool) -> None:
        """SM."""
        self.mode.update(number for number in modes if number in ANSI_MODES)

    def reset_mode(self, *modes: int, **_: bool) -> None:
        """RM."""
        self.mode.difference_update(modes)

    def set_private_mode(self, *modes: int) -> None:
        """DECSET."""
        for number in modes:
            self._change(number, True)

    def reset_private_mode(self, *modes: int) -> None:
        """DECRST."""
        for number in modes:
            self._change(number, False)

    def save_private_mode(self, *modes: int) -> None:
        """XTSAVE."""
        self._saved_modes.update({n: self.private(n) for n in modes if n in PRIVATE_MODES})

    def restore_private_mode(self, *modes: int) -> None:
        """XTRESTORE."""
        for number in modes:
            if number in PRIVATE_MODES:
                self._change(number, self._saved_modes.get(number, False))

    def _change(self, number: int, on: bool) -> None:
        if number not in PRIVATE_MODES:
            return
        (self.mode.add if on else self.mode.discard)(number << 5)
        if number in _ALTERNATES:
            self._switch(number, on)
        elif number == 6:
            self.cursor_position()
            self.pending = False
        elif number == SIDES:
            self.sides = self.sides if on else None
        elif number == 25:
            self.cursor.hidden = not on
        elif number == 1048:
            (self.save_cursor if on else self.restore_cursor)()
        elif number == SIZE_REPORTS and on:
            self.report_size()
        elif number == 5:
            self.dirty.update(range(self.lines))

    def _switch(self, number: int, on: bool) -> None:
        """Show the alternate screen or the primary one."""
        if number == 1049 and on:
            self.save_cursor()
        if on is not self.on_alternate:
            if number == 1047 and not on:
                self.erase_in_display(2)
            self._swap(on)
        if number == 1049 and on:
            self.rows = self._fresh()
            self.dirty.update(range(self.lines))
        if number == 1049 and not on:
            self.restore_cursor()

    def _swap(self, alternate: bool) -> None:
        other = self._other if self._other is not None else self._fresh()
        self._other, self.rows = self.rows, other
        self.on_alternate = self.tracking.alternate = alternate
        self.dirty.update(range(self.lines))

    def _fresh(self) -> list[Line]:
        self.work += self.lines * self.columns
        return [Line(self.columns, self.pens_known.plain) for _ in range(self.lines)]

    @property
    def hidden_rows(self) -> list[Line] | None:
        """The rows of the screen that is not shown."""
        return self._other

    @hidden_rows.setter
    def hidden_rows(self, rows: list[Line] | None) -> None:
        self._other = rows

    def keypad_application(self) -> None:
        """DECKPAM."""
        self.mode.add(KEYPAD)

    def keypad_numeric(self) -> None:
        """DECKPNM."""
        self.mode.discard(KEYPAD)

    @property
    def keyboard(self) -> KeyboardStates:
        """What is asked of the keyboard; each screen has its own."""
        return self._keyboards[self.on_alternate]

    def push_keyboard(self, flags: int = 0) -> None:
        """CSI > u."""
        self.keyboard.push(flags)

    def pop_keyboard(self, count: int = 0) -> None:
        """CSI < u."""
        self.keyboard.pop(count or 1)

    def change_keyboard(self, flags: int = 0, how: int = 0) -> None:
        """CSI = u."""
        self.keyboard.change(flags, how or 1)

    def set_cursor_shape(self, number: int = 0, *_: int) -> None:
        """DECSCUSR; odd shapes blink."""
        if number <= 6:
            self.cursor_shape = number
            (self.mode.add if number % 2 else self.mode.discard)(BLINKING)

    # Cursor

    def save_cursor(self) -> None:
        """DECSC; each screen has its own."""
        self._saved[self.on_alternate] = Saved(
            self.cursor.x,
            self.cursor.y,
            self.pending,
            self.pen,
            ORIGIN in self.mode,
            self.charset,
            tuple(self.charsets),
        )

    def save_cursor_or_margins(self, left: int = 0, right: int = 0, *_: int) -> None:
        """DECSLRM where margins at the sides are allowed, otherwise SCOSC."""
        if self.private(SIDES):
            self.set_sides(left, right)
        elif not left and not right:
            self.save_cursor()

    def restore_cursor(self, *_: int) -> None:
        """DECRC and SCORC."""
        saved = self._saved[self.on_alternate]
        self.cursor.x = min(saved.column, self.columns - 1)
        self.cursor.y = min(saved.row, self.lines - 1)
        self.pending = saved.pending
        self.pen = saved.pen or self.pens_known.plain
        self.charset, self.charsets = saved.charset, list(saved.charsets)
        (self.mode.add if saved.origin else self.mode.discard)(ORIGIN)

    # Character sets

    def define_charset(self, code: str, mode: str) -> None:
        """SCS for G0 to G3: ASCII, British, and DEC's special graphics."""
        self.charsets["()*+".index(mode)] = _CHARSETS.get(code, _ASCII)

    def locking_shift_2(self) -> None:
        """LS2."""
        self.charset = 2

    def locking_shift_3(self) -> None:
        """LS3."""
        self.charset = 3

    def single_shift_2(self) -> None:
        """SS2."""
        self.single_shift = 2

    def single_shift_3(self) -> None:
        """SS3."""
        self.single_shift = 3

    @property
    def charset_is_plain(self) -> bool:
        """Whether characters are drawn as they come."""
        return not self.single_shift and not self.charsets[self.charset]

    def draw(self, data: str) -> None:
        """Write text in the character sets that hold."""
        if self.single_shift:
            first = data[0].translate(self.charsets[self.single_shift])
            self.single_shift, data = 0, data[1:]
            super().draw(first)
            if not data:
                return
        charset = self.charsets[self.charset]
        super().draw(data.translate(charset) if charset else data)
