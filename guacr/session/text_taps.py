"""Observers of what terminals show, such as typescripts."""

from __future__ import annotations


class TextTap:
    """Sees the text of a session's terminal. Its methods are called on the event loop, and must be
    quick; those that are not overridden do nothing."""

    def shown(self, text: bytes) -> None:
        """Handle text that the terminal shows, in UTF-8 with its control sequences."""

    def resized(self, columns: int, rows: int) -> None:
        """Handle a new size of the terminal."""
