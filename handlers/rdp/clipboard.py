"""The clipboard of a session, which outlasts its connections."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from guacr.api import SessionContext
from handlers.rdp.channel.codec import PART_MAX, ChannelError, Message
from handlers.rdp.channel.virtual import (
    ClipboardCopied,
    ClipboardGiven,
    ClipboardOffer,
    ClipboardOffered,
    ClipboardRefused,
    ClipboardRequest,
    ClipboardTerms,
    ClipboardTooLong,
    ClipboardWanted,
)
from handlers.rdp.engine import Engine


class Clipboard:
    """The text that users or the host have copied; the latest one counts. The host is sent a text
    only when it wants it.

    Args:
        session: the session.
        line_ends: the parameter normalize-clipboard.
    """

    def __init__(self, session: SessionContext, line_ends: str) -> None:
        self._session = session
        self._line_ends = line_ends
        self._text: bytes | None = None
        """The users' text in UTF-8."""
        self._is_latest = False
        """True unless a text has been copied on the host later."""
        self._engine: Engine | None = None
        self._giving: asyncio.Task[None] | None = None
        self._received = bytearray()

    def begin(self, engine: Engine) -> None:
        """Use a worker that has not started yet."""
        self._engine = engine
        engine.send([ClipboardTerms(self._session.clipboard_limit, self._line_ends)])
        if self._is_latest:
            engine.send([ClipboardOffer()])

    def end(self) -> None:
        """Keep the text: the worker ends."""
        self._stop_giving()
        self._received.clear()
        self._engine = None

    # ---- from the users

    def paste(self, text: bytes) -> None:
        """Offer a user's text in UTF-8 to the host."""
        self._stop_giving()
        self._text, self._is_latest = text, True
        if self._engine is not None:
            self._engine.send([ClipboardOffer()])

    def lose(self) -> None:
        """Do not let the host paste the users' previous text."""
        self._stop_giving()
        self._text, self._is_latest = None, False

    def _stop_giving(self) -> None:
        giving, self._giving = self._giving, None
        if giving is not None and not giving.done():
            giving.cancel()
            if self._engine is not None:
                self._engine.send([ClipboardRefused()])

    # ---- from the host

    def handle(self, message: Message) -> None:
        """Handle a message about the clipboard.

        Raises:
            ChannelError: it exceeds the limit.
        """
        match message:
            case ClipboardOffered():
                self._request()
            case ClipboardCopied():
                self._collect(message)
            case ClipboardTooLong():
                self._received.clear()
                self._session.log.warning(
                    "a text that has been copied on the host was dropped: it has more than the %d "
                    "bytes that clipboard-buffer-size and max_clipboard allow",
                    self._session.clipboard_limit,
                )
            case ClipboardWanted():
                self._give()

    def _request(self) -> None:
        self._is_latest = False
        self._received.clear()
        if self._engine is not None and any(
            not user.rights.disable_copy for user in self._session.users
        ):
            self._engine.send([ClipboardRequest()])

    def _collect(self, part: ClipboardCopied) -> None:
        self._received += part.data
        if len(self._received) > self._session.clipboard_limit:
            raise ChannelError("the clipboard exceeds its limit")
        if part.last:
            text = bytes(self._received)
            self._received.clear()
            self._session.send_clipboard("text/plain", text)

    def _give(self) -> None:
        engine, text = self._engine, self._text
        if engine is None or (self._giving is not None and not self._giving.done()):
            return
        if not text:
            engine.send([ClipboardRefused()])
            return
        self._giving = self._session.start_task(
            engine.send_slowly(_parts_of(text)), "clipboard for the host"
        )


def _parts_of(text: bytes) -> Iterator[ClipboardGiven]:
    for start in range(0, len(text), PART_MAX):
        end = start + PART_MAX
        yield ClipboardGiven(text[start:end], end >= len(text))
