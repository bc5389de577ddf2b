"""The clipboard: text in UTF-8, HTML and images if the server supports the extended clipboard,
otherwise text in one encoding."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from guacr.api import SessionContext, compute
from handlers.clipboard import html, images
from handlers.clipboard.images import ImageError
from handlers.vnc.rfb import clipboard as extended
from handlers.vnc.rfb import messages
from handlers.vnc.rfb.events import CutText, ExtendedClipboard

TEXT, HTML, PNG = "text/plain", "text/html", "image/png"
TYPES = (TEXT, HTML, PNG)
_FORMATS = {TEXT: extended.TEXT, HTML: extended.HTML, PNG: extended.BITMAP}


class Clipboard:
    """The contents that users or the server have copied; the latest ones count.

    Args:
        session: the session.
        send: sends a message to the server.
        codec: for servers without the extended clipboard.
    """

    def __init__(self, session: SessionContext, send: Callable[[bytes], None], codec: str) -> None:
        self._session = session
        self._send = send
        self._codec = codec
        self.contents: Mapping[str, bytes] = {}
        """The users' contents by type, until the server sends others; text has LF."""
        self._message = b""
        """The message that provides the text, once it has been needed: a server may ask many
        times."""
        self._plain = b""
        """The same without the extended clipboard."""
        self._size = 0
        """Bytes of the text as it is provided."""
        self._actions = self._supported = 0
        """The actions and formats of the extended clipboard that the server accepts."""
        self._unrequested = 0
        """Bytes of text that the server accepts without having requested them."""
        self._answering: asyncio.Task[None] | None = None
        self._copying: asyncio.Task[None] | None = None

    # ---- from the users

    def paste(self, contents: Mapping[str, bytes]) -> bool:
        """Give the server what a user has copied; unknown types are ignored. Return whether it
        accepts any of it."""
        known = {mimetype: contents[mimetype] for mimetype in TYPES if mimetype in contents}
        if TEXT in known:
            known[TEXT] = known[TEXT].decode(errors="replace").replace("\r\n", "\n").encode()
        self._set(known)
        self.offer()
        return TEXT in known or bool(self._formats())

    def lose(self) -> None:
        """Do not give the server what users have copied before: they have copied something else
        that has not arrived, or cannot be pasted. A text that the server has already received stays
        there, because programs on the host may bring back an older one when it is deleted."""
        self._set({})

    def offer(self) -> None:
        """Offer the users' contents, if any, to the server; repeated when the server is ready, and
        when it announces its capabilities."""
        formats = self._formats()
        if formats & ~extended.TEXT and self._actions & extended.NOTIFY:
            self._notify()
        elif TEXT not in self.contents:
            return
        elif not self._actions:
            self._send(self._plain_message())
        elif not self._actions & extended.NOTIFY:
            # libvncserver, whose programs may have only the plain clipboard, such as x11vnc; it
            # closes the connection if a text exceeds its limit.
            if self._fits():
                self._provide_text(self._plain_message())
        elif self._fits():
            self._provide_text()
        else:
            self._notify()

    def _formats(self) -> int:
        """Return the formats in which the server may request the users' contents."""
        return sum(_FORMATS[mimetype] for mimetype in self.contents) & self._supported

    def _plain_message(self) -> bytes:
        text = self.contents[TEXT].decode()
        self._plain = self._plain or messages.cut_text(text.encode(self._codec, "replace"))
        return self._plain

    def _fits(self) -> bool:
        """Return whether the server accepts the text without having requested it."""
        return bool(self._actions & extended.PROVIDE) and self._size <= self._unrequested

    def _provide_text(self, before: bytes = b"") -> None:
        if not self._message:
            text = extended.encoded_text(self.contents[TEXT].decode())
            self._message = extended.provide({extended.TEXT: text})
        self._send(before + self._message)

    # ---- from the server

    def cut(self, event: CutText) -> None:
        """Give users a text, unless it is empty or their own."""
        self._copied({TEXT: event.data.decode(self._codec, "replace").encode(errors="replace")})

    def receive(self, event: ExtendedClipboard) -> None:
        """Handle a message: answer it, or give users what it contains."""
        flags = event.flags
        if flags & extended.CAPS:
            self._take_caps(event)
        elif flags & extended.REQUEST:
            self._answer(flags & self._formats())
        elif flags & extended.PEEK:
            self._notify()
        elif flags & extended.NOTIFY:
            if wanted := self._wanted(flags):
                self._send(messages.extended_clipboard(extended.REQUEST | wanted))
        elif flags & extended.PROVIDE:
            self._take(event.contents)

    def _take_caps(self, event: ExtendedClipboard) -> None:
        self._actions = event.flags & extended.ACTIONS if event.flags & extended.TEXT else 0
        self._supported = event.flags & extended.SUPPORTED if self._actions else 0
        self._unrequested = extended.text_limit(event.data)
        self._send(extended.caps(self._session.clipboard_limit))
        self.offer()

    def _wanted(self, flags: int) -> int:
        """Return which of the server's formats to request: those that users accept, and an image
        only if there is no text, since programs copy a picture of the text as well."""
        types = self._session.clipboard_types
        wanted = flags & sum(_FORMATS[mimetype] for mimetype in TYPES if mimetype in types)
        return wanted & ~extended.BITMAP or wanted

    def _answer(self, formats: int) -> None:
        if not formats:
            self._notify()
        elif formats == extended.TEXT:
            self._provide_text()
        elif self._answering is None:
            work = self._provide(self.contents, formats)
            self._answering = self._session.start_task(work, "clipboard for the host")

    async def _provide(self, contents: Mapping[str, bytes], formats: int) -> None:
        try:
            message = await compute(_provided, contents, formats)
        except ImageError as error:
            self._session.log.warning("an image for the host was dropped: %s", error)
            message = messages.extended_clipboard(extended.NOTIFY)
        self._answering = None
        if contents is self.contents:
            self._send(message)
        else:
            self._notify()

    def _notify(self) -> None:
        self._send(messages.extended_clipboard(extended.NOTIFY | self._formats()))

    def _take(self, contents: Mapping[int, bytes]) -> None:
        found = {
            mimetype: contents[kind] for mimetype, kind in _FORMATS.items() if contents.get(kind)
        }
        if TEXT in found or HTML in found:
            found.pop(PNG, None)  # a picture of the text
        if self._copying is not None:
            self._copying.cancel()
            self._copying = None
        if HTML in found or PNG in found:
            work = self._convert(found)
            self._copying = self._session.start_task(work, "clipboard of the host")
        else:
            self._copied(found)

    async def _convert(self, found: dict[str, bytes]) -> None:
        limit = self._session.clipboard_limit
        try:
            self._copied(await compute(_converted, found, limit))
        except ImageError as error:
            self._session.log.warning("an image that was copied on the host was dropped: %s", error)
        self._copying = None

    def _copied(self, contents: Mapping[str, bytes]) -> None:
        """Give users what has been copied, unless it is empty or their own."""
        contents = {mimetype: content for mimetype, content in contents.items() if content}
        if not contents or contents.get(TEXT, b"") == self.contents.get(TEXT, None):
            return  # x11vnc sends an empty one when the session begins
        self._set({})
        mimetype, content = next(iter(contents.items()))
        self._session.send_clipboard(mimetype, content, others=contents)

    def _set(self, contents: Mapping[str, bytes]) -> None:
        self.contents, self._message, self._plain = contents, b"", b""
        text = contents.get(TEXT, b"")
        self._size = len(text) + text.count(b"\n") + 1


def _provided(contents: Mapping[str, bytes], formats: int) -> bytes:
    """Return a message with some of the users' contents; it may take a second."""
    found: dict[int, bytes] = {}
    if formats & extended.TEXT:
        found[extended.TEXT] = extended.encoded_text(contents[TEXT].decode())
    if formats & extended.HTML:
        found[extended.HTML] = html.encode(contents[HTML])
    if formats & extended.BITMAP:
        found[extended.BITMAP] = images.to_bitmap(contents[PNG])
    return extended.provide(found)


def _converted(found: Mapping[str, bytes], limit: int) -> dict[str, bytes]:
    """Return what users get of a server's contents; the first ones that fit into `limit` bytes."""
    contents = dict(found)
    if HTML in contents:
        contents[HTML] = html.decode(contents[HTML], limit)
    if PNG in contents:
        contents[PNG] = images.from_bitmap(contents[PNG])
    fitting: dict[str, bytes] = {}
    for mimetype, content in contents.items():
        limit -= len(content)
        if limit >= 0:
            fitting[mimetype] = content
    return fitting
