"""What a terminal tells its session: replies, titles, copied text, guacd's own commands."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from handlers.terminal.params import SCROLLBACK_MAX
from terminal.links import Link
from terminal.person import Person

if TYPE_CHECKING:
    from handlers.terminal.handler import TerminalHandler

OSC_SCROLLBACK = 482204
"""guacd's command to set the rows kept above the screen."""


class Listener:
    """The `TerminalListener` of a handler."""

    __slots__ = ("_handler",)

    def __init__(self, handler: TerminalHandler) -> None:
        self._handler = handler

    def reply(self, data: bytes) -> None:
        """The answer to a query of the host's."""
        self._handler.reply(data)

    def title_changed(self, title: str) -> None:
        """The session is named by it."""
        self._handler.session.set_name(title)

    def bell(self) -> None:
        """Nothing, as in guacd."""

    def clipboard_written(self, data: bytes) -> None:
        """A program has copied: users get it as if it had been selected."""
        self.copied(data.decode(errors="replace"))

    def clipboard_read(self) -> bytes | None:
        """A program wants the clipboard."""
        return self._handler.clipboard_for_host()

    def copied(self, text: str) -> None:
        """To every user who may copy."""
        self._handler.copied(text)

    def link_followed(self, person: Person, link: Link) -> None:
        """Its user's page may open it."""
        self._handler.link_followed(person, link)

    def copy_refused(self, size: int) -> None:
        """Whoever waits for it should know."""
        self._handler.copy_refused(size)

    def osc(self, number: int, text: str) -> None:
        """A command that the engine does not know; guacd has some of its own."""
        if number == OSC_SCROLLBACK:
            self._set_scrollback(text)

    def _set_scrollback(self, text: str) -> None:
        rows = text.strip()
        if rows.isascii() and rows.isdigit() and len(rows) <= 9:
            # not at once: the engine is at work while it calls
            asyncio.get_running_loop().call_soon(
                self._handler.terminal.emulator.set_scrollback, min(int(rows), SCROLLBACK_MAX)
            )
