"""What a console prints by itself: lines, errors and notes."""

from __future__ import annotations

from collections.abc import Callable

from handlers.database.table import shown

ERROR_STYLE = "\x1b[91m", "\x1b[0m"
TEXT_MAX = 65_536
"""Characters of an error or a remark; servers may send any number."""
NOTE_STYLE = "\x1b[33m", "\x1b[0m"


class Lines:
    """Prints below what is there; `show` takes what is drawn."""

    __slots__ = ("_show", "where")

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self.where = ""
        """File and line that errors belong to."""

    def print(self, text: str) -> None:
        """Lines that hold nothing but what may be shown."""
        if text:
            self._show(text.replace("\n", "\r\n") + "\r\n")

    def fail(self, text: str) -> None:
        """An error."""
        self._styled(self.where + text, ERROR_STYLE)

    def note(self, text: str) -> None:
        """A remark."""
        self._styled(text, NOTE_STYLE)

    def _styled(self, text: str, style: tuple[str, str]) -> None:
        lines = "\n".join(map(shown, text[:TEXT_MAX].splitlines()))
        self.print(f"{style[0]}{lines}{style[1]}")
