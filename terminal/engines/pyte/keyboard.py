"""The flags of the Kitty keyboard protocol that the host of a pyte terminal sets.

Specification: "Comprehensive keyboard handling in terminals" of the Kitty terminal. `kitty` encodes
the keys.
"""

from __future__ import annotations

from terminal.engines.pyte.grid import Grid

MAX_KEYBOARD_STATES = 8
"""Maximum states per screen; a further one removes the oldest."""

_ALL = 31
_REPLACE, _ADD, _REMOVE = 1, 2, 3


class KeyboardStates:
    """The stack of flags of one screen, the last of which apply; see `kitty.Flags`."""

    def __init__(self) -> None:
        self._states = [0]

    @property
    def flags(self) -> int:
        """The current flags."""
        return self._states[-1]

    def push(self, flags: int) -> None:
        """Push flags."""
        self._states = [*self._states, flags & _ALL][-MAX_KEYBOARD_STATES:]

    def pop(self, count: int) -> None:
        """Pop so many flags; none are set once the stack is empty."""
        self._states = self._states[:-count] or [0]

    def change(self, flags: int, how: int) -> None:
        """Replace, set or clear current flags."""
        now, flags = self.flags, flags & _ALL
        changed = {_REPLACE: flags, _ADD: now | flags, _REMOVE: now & ~flags}
        self._states[-1] = changed.get(how, now)


class Keyboards:
    """The keyboard states of both screens."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self.reset()

    def reset(self) -> None:
        """Clear all flags."""
        self._states = {False: KeyboardStates(), True: KeyboardStates()}

    @property
    def flags(self) -> int:
        """The flags of the displayed screen."""
        return self._states[self._grid.on_alternate].flags

    def push_keyboard(self, flags: int = 0) -> None:
        """CSI > u."""
        self._states[self._grid.on_alternate].push(flags)

    def pop_keyboard(self, count: int = 0) -> None:
        """CSI < u."""
        self._states[self._grid.on_alternate].pop(count or 1)

    def change_keyboard(self, flags: int = 0, how: int = 0) -> None:
        """CSI = u."""
        self._states[self._grid.on_alternate].change(flags, how or 1)
