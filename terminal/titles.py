"""Titles of a terminal: the window's and the icon's, and the stack that XTWINOPS 22 and 23 keep."""

from __future__ import annotations

MAX_TITLE_BYTES = 4095
"""Of a title; a longer one is cut."""

MAX_SAVED = 10
"""Titles that are kept, as in xterm; the oldest goes for a further one."""

_ICON, _WINDOW = 1, 2
_BOTH = 0


class Titles:
    """What the host has set; nothing of it is shown but the window's title."""

    __slots__ = ("_saved", "icon", "window")

    def __init__(self) -> None:
        self.icon = self.window = ""
        self._saved: list[tuple[str | None, str | None]] = []

    def take(self, command: int, text: str) -> bool:
        """OSC 0, 1 or 2; returns whether the window's title was set."""
        title = text.encode()[:MAX_TITLE_BYTES].decode(errors="ignore")
        if command != _WINDOW:
            self.icon = title
        if command == _ICON:
            return False
        self.window = title
        return True

    def save(self, which: int) -> None:
        """XTWINOPS 22: with 0 both titles, with 1 the icon's, with 2 the window's."""
        if which in (_BOTH, _ICON, _WINDOW):
            icon = None if which == _WINDOW else self.icon
            window = None if which == _ICON else self.window
            self._saved = [*self._saved, (icon, window)][-MAX_SAVED:]

    def restore(self, which: int) -> bool:
        """XTWINOPS 23; returns whether the window's title was set. What was not saved with the
        last titles comes from those before."""
        if which not in (_BOTH, _ICON, _WINDOW) or not self._saved:
            return False
        icon = next((icon for icon, _ in reversed(self._saved) if icon is not None), None)
        window = next((window for _, window in reversed(self._saved) if window is not None), None)
        self._saved.pop()
        if which != _WINDOW and icon is not None:
            self.icon = icon
        if which == _ICON or window is None:
            return False
        self.window = window
        return True

    def clear(self) -> None:
        """Forget all."""
        self.icon = self.window = ""
        self._saved.clear()
