"""The console's own output: lines, errors and notes."""

from __future__ import annotations

from collections.abc import Callable

from handlers.database.console.table import shown

ERROR_STYLE = "\x1b[91m", "\x1b[0m"
TEXT_MAX = 65_536
"""Maximum characters of an error or a notice, which servers may send at any length."""
NOTE_STYLE = "\x1b[33m", "\x1b[0m"


class Lines:
    """Prints lines; `show` is called with what is drawn."""

    __slots__ = ("_show", "where")

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self.where = ""
        """The file and line that errors belong to."""

    def print(self, text: str) -> None:
        """Print lines, with everything removed that must not be shown."""
        if text:
            self._show(text.replace("\n", "\r\n") + "\r\n")

    def fail(self, text: str) -> None:
        """Print an error."""
        self._styled(self.where + text, ERROR_STYLE)

    def note(self, text: str) -> None:
        """Print a note."""
        self._styled(text, NOTE_STYLE)

    def _styled(self, text: str, style: tuple[str, str]) -> None:
        if len(text) > TEXT_MAX:
            text = text[: TEXT_MAX - 1] + "…"
        lines = "\n".join(map(shown, text.splitlines()))
        self.print(f"{style[0]}{lines}{style[1]}")
