"""What a terminal tells its session: replies, titles, copied text, links."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from guacr.errors import BadRequestError
from guacr.showable import showable
from handlers.terminal.pages import Pages
from handlers.terminal.params import SCROLLBACK_MAX
from terminal.links import SCHEMES, Link
from terminal.person import Person

if TYPE_CHECKING:
    from handlers.terminal.handler import TerminalHandler

OSC_SCROLLBACK = 482204
"""guacd's command to set the rows kept above the screen."""


class Listener:
    """The `TerminalListener` of a handler."""

    __slots__ = ("_handler", "_pages", "_session")

    def __init__(self, handler: TerminalHandler, pages: Pages) -> None:
        self._handler = handler
        self._session = handler.session
        self._pages = pages

    def reply(self, data: bytes) -> None:
        """An answer to a query of the host's."""
        with suppress(BadRequestError):  # a title, told back, that the host cannot read
            self._handler.reply(self._handler.text.typed(data))

    def title_changed(self, title: str) -> None:
        """The session is named by it."""
        self._session.set_name(showable(title, lambda _: ""))

    def bell(self) -> None:
        """Nothing, as in guacd."""

    def clipboard_written(self, data: bytes) -> None:
        """A program has copied: users get it as if it had been selected."""
        self.copied(self._handler.text.decode(data))

    def clipboard_read(self) -> bytes | None:
        """What a program gets that asks for the clipboard; None refuses."""
        params = self._handler.params
        allowed = getattr(params, "allow_clipboard_read", False)
        allowed = allowed and not getattr(params, "disable_paste", False)
        if not allowed:
            return None
        try:
            return self._handler.text.encode(self._handler.terminal.clipboard, "the clipboard")
        except BadRequestError as error:
            self._pages.tell("notice", str(error))
            return None

    def copied(self, text: str) -> None:
        """Text was selected, or copied by a program: every user gets it who may copy."""
        data = text.encode(errors="replace")
        if len(data) > self._session.clipboard_limit:
            self.copy_refused(len(data), self._session.clipboard_limit)
            return
        self._handler.set_clipboard(text)
        self._session.send_clipboard("text/plain", data)

    def copy_refused(self, size: int, limit: int) -> None:
        """What was copied is too large: nothing was cut, and the person is told."""
        notice = (
            f"{size} bytes are too much to copy: {limit} are the most (clipboard-buffer-size, or "
            "what the terminal engine takes)"
        )
        self._session.log.warning("%s", notice)
        self._pages.tell("notice", notice)
        self._handler.set_clipboard("", notice)

    def paste_refused(self, person: Person) -> None:
        """Somebody pasted, and there is nothing."""
        self._handler.paste_refused(person)

    def link_followed(self, person: Person, link: Link) -> None:
        """Somebody clicked on a link: that person's page asks whether to open it."""
        user = self._handler.user_of(person)
        if user is None:
            return
        if link.may_be_opened:
            self._pages.tell("open", link.uri, user)
        else:
            schemes = ", ".join(SCHEMES)
            self._pages.tell("notice", f"only links of {schemes} can be opened", user)

    def osc(self, number: int, text: str) -> None:
        """A command that the engine does not know; for guacd's others see `terminal.commands`."""
        if number == OSC_SCROLLBACK:
            self._set_scrollback(text)

    def _set_scrollback(self, text: str) -> None:
        rows = text.strip()
        if rows.isascii() and rows.isdigit() and len(rows) <= 9:
            # not at once: the engine is at work while it calls
            asyncio.get_running_loop().call_soon(
                self._handler.terminal.emulator.set_scrollback, min(int(rows), SCROLLBACK_MAX)
            )
