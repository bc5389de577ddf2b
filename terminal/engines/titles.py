"""The titles of a terminal: window, icon, and the stack of XTWINOPS 22 and 23."""

from __future__ import annotations

MAX_TITLE_BYTES = 4095
"""Maximum length of a title; a longer one is cut."""

MAX_SAVED = 10
"""Maximum saved titles, as in xterm; a further one replaces the oldest."""

_ICON, _WINDOW = 1, 2
_BOTH = 0


class Titles:
    """The titles set by the host; only the window's is shown."""

    __slots__ = ("_saved", "icon", "window")

    def __init__(self) -> None:
        self.icon = self.window = ""
        self._saved: list[tuple[str | None, str | None]] = []

    def take(self, command: int, text: str) -> bool:
        """Handle OSC 0, 1 or 2; return whether the window's title was set."""
        title = text.encode()[:MAX_TITLE_BYTES].decode(errors="ignore")
        if command != _WINDOW:
            self.icon = title
        if command == _ICON:
            return False
        self.window = title
        return True

    def save(self, which: int) -> None:
        """XTWINOPS 22: 0 saves both titles, 1 the icon's, 2 the window's."""
        if which in (_BOTH, _ICON, _WINDOW):
            icon = None if which == _WINDOW else self.icon
            window = None if which == _ICON else self.window
            self._saved = [*self._saved, (icon, window)][-MAX_SAVED:]

    def restore(self, which: int) -> bool:
        """XTWINOPS 23; return whether the window's title was set. A title that was not saved last
        is restored from an earlier entry."""
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

    def reset(self) -> None:
        """Remove all titles."""
        self.icon = self.window = ""
        self._saved.clear()
