"""The messages of a terminal to its session: replies, titles, copied text, links."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from guacr.api import BadRequestError, showable
from handlers.terminal.page_channel import PageChannel
from handlers.terminal.params import SCROLLBACK_MAX, HostTerminalParams, TerminalParams
from terminal.input.person import Person
from terminal.text.links import SCHEMES, Link

if TYPE_CHECKING:
    from handlers.terminal.handler import TerminalHandler

OSC_SCROLLBACK = 482204
"""guacd's command that sets the number of rows kept above the screen."""


class Listener:
    """The `TerminalListener` of a handler."""

    __slots__ = ("_handler", "_pages", "_session", "_unreadable")

    def __init__(self, handler: TerminalHandler, pages: PageChannel) -> None:
        self._handler = handler
        self._session = handler.session
        self._pages = pages
        self._unreadable: str | None = None
        """The clipboard that a program has requested and that the host's character set cannot
        encode."""

    def reply(self, data: bytes) -> None:
        """Send a reply to a query of the host."""
        with suppress(BadRequestError):  # a reported title that the host cannot read
            self._handler.reply(self._handler.text.typed(data))

    def title_changed(self, title: str) -> None:
        """Name the session after the title."""
        self._session.set_name(showable(title, lambda _: ""))

    def bell(self) -> None:
        """Do nothing, as in guacd."""

    def clipboard_written(self, data: bytes) -> None:
        """Treat text that a program copied as if it had been selected."""
        self.copied(self._handler.text.decode(data))

    def clipboard_read(self) -> bytes | None:
        """Return the clipboard for a program that requests it; None refuses."""
        clipboard = self._handler.terminal.clipboard
        if not self._may_be_read(clipboard):
            return None
        try:
            return self._handler.text.encode(clipboard, "the clipboard")
        except BadRequestError as error:
            self._unreadable = clipboard  # programs may request it repeatedly
            self._pages.tell("notice", str(error))
            return None

    def _may_be_read(self, clipboard: str) -> bool:
        params: TerminalParams = self._handler.params
        allowed = isinstance(params, HostTerminalParams) and params.allow_clipboard_read
        allowed = allowed and not params.disable_paste and self._handler.takes_replies
        return allowed and clipboard != self._unreadable

    def copied(self, text: str) -> None:
        """Send text that was selected, or copied by a program, to every user who may copy."""
        data = text.encode(errors="replace")
        if len(data) > self._session.clipboard_limit:
            self.copy_refused(len(data), self._session.clipboard_limit)
            return
        self._handler.set_clipboard(text)
        self._session.send_clipboard("text/plain", data)

    def copy_refused(self, size: int, limit: int) -> None:
        """Report that the copied text is too large; it is not truncated."""
        notice = (
            f"{size} bytes are too much to copy: the limit is {limit} (clipboard-buffer-size, or "
            "that of the terminal engine)"
        )
        self._session.log.warning("%s", notice)
        self._pages.tell("notice", notice)
        self._handler.set_clipboard("", notice)

    def paste_refused(self, person: Person) -> None:
        """Explain to a person who pasted why there is nothing to paste."""
        self._handler.paste_refused(person)

    def link_followed(self, person: Person, link: Link) -> None:
        """Let a person's page ask whether to open a link that the person clicked."""
        user = self._handler.user_of(person)
        if user is None:
            return
        if link.may_be_opened:
            self._pages.tell("open", link.uri, user)
        else:
            schemes = ", ".join(SCHEMES)
            self._pages.tell("notice", f"only links of {schemes} can be opened", user)

    def osc(self, number: int, text: str) -> None:
        """Handle a command that the engine does not know; `terminal.engines.commands` has guacd's
        others."""
        if number == OSC_SCROLLBACK:
            self._set_scrollback(text)

    def _set_scrollback(self, text: str) -> None:
        rows = text.strip()
        if rows.isascii() and rows.isdigit() and len(rows) <= 9:
            # not immediately, because the engine is busy during this call
            asyncio.get_running_loop().call_soon(
                self._handler.terminal.emulator.set_scrollback, min(int(rows), SCROLLBACK_MAX)
            )
