"""The modes of the pyte engine, and the functions that set, reset and save them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from terminal.engines.pyte.cursor import Cursor
from terminal.text.widths import CLUSTERS

PRIVATE_MODES = (
    *(1, 5, 6, 7, 8, 9, 12, 25, 45, 47, 66, 67, 69, 1000, 1002, 1003, 1004, 1005, 1006, 1007),
    *(1015, 1016, 1045, 1047, 1048, 1049, 2004, 2026, 2027, 2031, 2048),
)
"""Modes that can be set; see also `terminal.engines.modes`."""
ANSI_MODES = (4, 20)
SIZE_REPORTS = 2048
SIDES = 69
"""DECLRMM."""
VT220 = 62

INSERT = 4
"""IRM. `Modes` contains ANSI modes by their numbers, and private ones shifted."""
NEW_LINE = 20
ORIGIN = 6 << 5
AUTOWRAP = 7 << 5
BLINKING = 12 << 5
VISIBLE = 25 << 5
KEYPAD = 66 << 5
CLUSTERED = CLUSTERS << 5

_DEFAULTS = (7, 8, 25, 1007)
_SOFT_RESET_OFF = (1, 6, 12, 45, 66, 69, 1045)


class Modes(set[int]):
    """The modes that are on."""

    def __init__(self) -> None:
        super().__init__()
        self.level = VT220
        """The conformance level that DECSCL has set; it has no effect."""
        self.reset()

    def reset(self) -> None:
        """Restore the default modes."""
        self.clear()
        self.update(number << 5 for number in _DEFAULTS)
        self.level = VT220

    def soft_reset(self) -> None:
        """Set the modes that DECSTR names (DEC STD 070)."""
        self.difference_update(number << 5 for number in _SOFT_RESET_OFF)
        self.discard(INSERT)
        self.update((VISIBLE, AUTOWRAP))

    def private(self, number: int) -> bool:
        """Return whether a DEC private mode is on."""
        return number << 5 in self

    def turn(self, mode: int, on: bool) -> None:
        """Turn a mode on or off; a private one is given shifted."""
        (self.add if on else self.discard)(mode)


class ModeFunctions:
    """Functions that change modes. `effects` maps the numbers of private modes to functions that
    are called when the mode is set (True) or reset."""

    def __init__(
        self, modes: Modes, cursor: Cursor, effects: Mapping[int, Callable[[bool], None]]
    ) -> None:
        self._modes = modes
        self._cursor = cursor
        self._effects = effects
        self._saved: dict[int, bool] = {}

    def reset(self) -> None:
        """Discard what XTSAVE has saved."""
        self._saved.clear()

    def set_mode(self, *modes: int) -> None:
        """SM."""
        self._modes.update(number for number in modes if number in ANSI_MODES)

    def reset_mode(self, *modes: int) -> None:
        """RM."""
        self._modes.difference_update(number for number in modes if number in ANSI_MODES)

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
        self._saved.update({n: self._modes.private(n) for n in modes if n in PRIVATE_MODES})

    def restore_private_mode(self, *modes: int) -> None:
        """XTRESTORE."""
        for number in modes:
            self._change(number, self._saved.get(number, False))

    def _change(self, number: int, on: bool) -> None:
        if number not in PRIVATE_MODES:
            return
        self._modes.turn(number << 5, on)
        effect = self._effects.get(number)
        if effect is not None:
            effect(on)

    def keypad_application(self) -> None:
        """DECKPAM."""
        self._modes.add(KEYPAD)

    def keypad_numeric(self) -> None:
        """DECKPNM."""
        self._modes.discard(KEYPAD)

    def set_cursor_shape(self, number: int = 0, *_: int) -> None:
        """DECSCUSR; odd shapes blink."""
        if number <= 6:
            self._cursor.shape = number
            self._modes.turn(BLINKING, number % 2 == 1)
