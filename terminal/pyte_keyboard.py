"""What the host of a pyte terminal asks of the keyboard by the Kitty keyboard protocol.

Specification: "Comprehensive keyboard handling in terminals" of the Kitty terminal. `kitty` writes
the keys.
"""

from __future__ import annotations

MAX_KEYBOARD_STATES = 8
"""States that one screen keeps; a further one pushes the oldest out."""

_ALL = 31
_REPLACE, _ADD, _REMOVE = 1, 2, 3


class KeyboardStates:
    """The stack of flags of one screen, the last of which hold; see `kitty.Flags`."""

    def __init__(self) -> None:
        self._states = [0]

    @property
    def flags(self) -> int:
        """The flags that hold."""
        return self._states[-1]

    def push(self, flags: int) -> None:
        """Put flags above those that hold."""
        self._states = [*self._states, flags & _ALL][-MAX_KEYBOARD_STATES:]

    def pop(self, count: int) -> None:
        """Go back by so many; nothing is asked for once there are no more."""
        self._states = self._states[:-count] or [0]

    def change(self, flags: int, how: int) -> None:
        """Replace those that hold, add to them, or take away from them."""
        now, flags = self.flags, flags & _ALL
        changed = {_REPLACE: flags, _ADD: now | flags, _REMOVE: now & ~flags}
        self._states[-1] = changed.get(how, now)
