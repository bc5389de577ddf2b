"""The clipboard: UTF-8 if the server supports the extended clipboard, otherwise one encoding."""

from __future__ import annotations

from collections.abc import Callable

from handlers.vnc.rfb import clipboard as extended
from handlers.vnc.rfb import messages
from handlers.vnc.rfb.events import CutText, ExtendedClipboard


class Clipboard:
    """The text that users or the server have copied; the latest one counts.

    Args:
        send: sends a message to the server.
        codec: for servers without the extended clipboard.
        limit: maximum bytes of a text.
    """

    def __init__(self, send: Callable[[bytes], None], codec: str, limit: int) -> None:
        self._send = send
        self._codec = codec
        self._limit = limit
        self.text: str | None = None
        """The users' text, until the server sends another one."""
        self._message = b""
        """The message that provides it, once it has been needed: a server may ask many times."""
        self._plain = b""
        """The same without the extended clipboard."""
        self._size = 0
        """Bytes of the text as it is provided."""
        self._actions = 0
        """The actions of the extended clipboard that the server accepts for text."""
        self._unrequested = 0
        """Bytes that the server accepts without having requested them."""

    # ---- from the users

    def paste(self, text: str) -> None:
        """Send a user's text to the server."""
        self._set(text)
        self._size = len(text.encode()) + text.count("\n") + 1
        self.offer()

    def lose(self) -> None:
        """Do not give the server what users have copied before: they have copied something else
        that has not arrived, or cannot be pasted. A text that the server has already received stays
        there, because programs on the host may bring back an older one when it is deleted."""
        self._set(None)

    def offer(self) -> None:
        """Offer the users' text, if any, to the server; repeated when the server is ready, and when
        it announces its capabilities."""
        text = self.text
        if text is None:
            return
        if not self._actions:
            self._send(self._plain_message(text))
        elif not self._actions & extended.NOTIFY:
            # libvncserver, whose programs may have only the plain clipboard, such as x11vnc; it
            # closes the connection if a text exceeds its limit.
            if self._fits():
                self._provide(text, self._plain_message(text))
        elif self._fits():
            self._provide(text)
        else:
            self._send(messages.extended_clipboard(extended.NOTIFY | extended.TEXT))

    def _plain_message(self, text: str) -> bytes:
        self._plain = self._plain or messages.cut_text(text.encode(self._codec, "replace"))
        return self._plain

    def _fits(self) -> bool:
        """Return whether the server accepts the text without having requested it."""
        return bool(self._actions & extended.PROVIDE) and self._size <= self._unrequested

    def _provide(self, text: str, before: bytes = b"") -> None:
        self._message = self._message or extended.provide(text)
        self._send(before + self._message)

    # ---- from the server

    def cut(self, event: CutText) -> str | None:
        """Return a text for the users, or None if it is empty or their own."""
        return self._copied(event.data.decode(self._codec, "replace"))

    def receive(self, event: ExtendedClipboard) -> str | None:
        """Answer a message; return its text for the users if it has one that is not their own."""
        flags = event.flags
        if flags & extended.CAPS:
            self._take_caps(event)
        elif flags & extended.REQUEST:
            self._answer(flags)
        elif flags & extended.PEEK:
            self._notify()
        elif flags & extended.NOTIFY and flags & extended.TEXT:
            self._send(messages.extended_clipboard(extended.REQUEST | extended.TEXT))
        elif flags & extended.PROVIDE and flags & extended.TEXT:
            return self._copied(event.data.decode(errors="replace"))
        return None

    def _take_caps(self, event: ExtendedClipboard) -> None:
        self._actions = event.flags & extended.ACTIONS if event.flags & extended.TEXT else 0
        self._unrequested = extended.text_limit(event.data)
        self._send(extended.caps(self._limit))
        self.offer()

    def _answer(self, flags: int) -> None:
        if self.text is not None and flags & extended.TEXT:
            self._provide(self.text)
        else:
            self._notify()

    def _notify(self) -> None:
        formats = extended.TEXT if self.text is not None else 0
        self._send(messages.extended_clipboard(extended.NOTIFY | formats))

    def _copied(self, text: str) -> str | None:
        if not text or text == self.text:
            return None  # x11vnc sends an empty one when the session begins
        self._set(None)
        return text

    def _set(self, text: str | None) -> None:
        self.text, self._message, self._plain = text, b"", b""
