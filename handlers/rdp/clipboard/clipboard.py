"""The clipboard of a session, which outlasts its connections."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial

from guacr.api import SessionContext, compute
from handlers.clipboard.images import ImageError
from handlers.rdp.channel.codec import Message
from handlers.rdp.clipboard import file_list, formats, pdu
from handlers.rdp.clipboard.channel import Channel
from handlers.rdp.clipboard.file_list import Tree
from handlers.rdp.clipboard.files import Files
from handlers.rdp.clipboard.formats import FILES, HTML, PNG, SMALL, Wanted
from handlers.rdp.clipboard.text import TooLongError
from handlers.rdp.engine import Engine

ANSWER_TIMEOUT = 10.0
"""Seconds after which a host that has copied something else no longer answers the last request."""
ALONE_AFTER = 1.0
"""Seconds after which users get a text without its HTML."""


class Clipboard:
    """The data that users or the host have copied; the latest counts. The host is sent something
    only when it wants it.

    Args:
        session: the session.
        line_ends: the parameter normalize-clipboard.
        may_download: True if users may download files that have been copied on the host.
        may_upload: True if users may put files on the clipboard.
    """

    def __init__(
        self,
        session: SessionContext,
        line_ends: str,
        *,
        may_download: bool = True,
        may_upload: bool = True,
    ) -> None:
        self._session = session
        self._line_ends = line_ends
        self._channel = Channel(session)
        self.files = Files(session, self._channel, may_read=may_download, may_write=may_upload)
        self.files.of_users.on_complete = self._paste_files
        self._flags = 0
        """The capabilities of the host."""
        self._loop = asyncio.get_running_loop()
        self._contents: Mapping[str, bytes] = {}
        """The data that the users have copied, by type. The host may want it even after it has
        announced something of its own: xrdp does so late."""
        self._is_latest = False
        """True unless something has been copied on the host later."""
        self._is_ready = False
        """True once the host accepts lists of formats."""
        self._answering: asyncio.Task[None] | None = None
        self._is_stale = False
        """True if users have copied something else since the answer was begun."""
        self._wanted: deque[Wanted] = deque()
        """The data still to be requested of the host."""
        self._asked: Wanted | None = None
        """The data that has been requested."""
        self._asked_at = 0.0
        self._is_outdated = False
        """True if something else has been copied on the host since then."""
        self._copied: dict[str, bytes] = {}
        """The data of the host's last list that has arrived, and that users have not been sent."""
        self._alone: asyncio.TimerHandle | None = None
        self._copying: asyncio.Task[None] | None = None

    def begin(self, engine: Engine) -> None:
        """Use a worker that has not started yet."""
        self._channel.begin(engine, self._receive)

    def end(self) -> None:
        """Keep what users have copied: the worker ends."""
        self._is_ready = False
        self._forget()
        self._is_outdated = True
        if self._copying is None:
            self._asked = None
        answering, self._answering = self._answering, None
        if answering is not None:
            answering.cancel()
        self._channel.end()
        self.files.end()

    def close(self) -> None:
        """Forget what users have copied: the session ends."""
        self.files.close()

    def handle(self, message: Message) -> None:
        """Handle a message of the worker.

        Raises:
            ChannelError: it is invalid.
            UpstreamError: the host reads no answers.
        """
        self._channel.handle(message)

    # ---- from the users

    def paste(self, contents: Mapping[str, bytes]) -> None:
        """Offer to the host what a user has copied, by type; unknown types are ignored."""
        self.files.of_users.clear()
        self._copy(contents)

    def lose(self) -> None:
        """Do not let the host paste what users have copied before."""
        self._is_stale = True
        self._contents, self._is_latest = {}, False
        self.files.of_users.clear()

    def _paste_files(self) -> None:
        self._copy({})

    def _copy(self, contents: Mapping[str, bytes]) -> None:
        self._is_stale = True
        self._contents, self._is_latest = contents, True
        self.files.show_users()
        self._offer()

    def _offer(self) -> None:
        if self._is_ready:
            offered: dict[str, int] = {}
            if self._is_latest:
                offered = formats.offered(self._contents) | self.files.formats
            self._channel.send(pdu.format_list(offered, long_names=self._channel.long_names))

    # ---- from the host

    def _receive(self, message: pdu.ServerPdu) -> None:
        match message:
            case pdu.Capabilities():
                self._flags = message.flags
                self._channel.long_names = bool(message.flags & pdu.LONG_NAMES)
            case pdu.MonitorReady():
                own = pdu.LONG_NAMES | self.files.capabilities
                self._channel.send(pdu.capabilities(own))
                self._is_ready = True
                self.files.begin(self._flags)
                self._offer()
            case pdu.FormatList():
                self._channel.send(pdu.list_response())
                if message.formats:
                    self._note_copied(message.formats)
            case pdu.DataRequest():
                self._answer(message.kind)
            case pdu.DataResponse():
                self._take(message)
            case pdu.FileRequest():
                self.files.answer(message)
            case pdu.FileResponse():
                self.files.take(message)
            case pdu.Lock():
                self.files.lock(message.number)
            case pdu.Unlock():
                self.files.unlock(message.number)

    def _answer(self, kind: int) -> None:
        if self._answering is not None or self._channel.is_behind:
            self._channel.send(pdu.data_response(None))
            return
        self._is_stale = False
        if kind == file_list.NUMBER:
            self._channel.send(pdu.data_response(self.files.list()))
            return
        encode = partial(formats.encode, self._contents, kind, self._line_ends)
        work = self._send_answer(encode, is_slow=formats.is_slow(self._contents, kind))
        self._answering = self._session.start_task(work, "clipboard for the host")

    async def _send_answer(self, encode: Callable[[], bytes | None], *, is_slow: bool) -> None:
        data = await compute(encode) if is_slow else encode()
        self._answering = None
        self._channel.send(pdu.data_response(None if self._is_stale else data))

    def _note_copied(self, listed: Mapping[str, int]) -> None:
        """Request what has been copied on the host, if anybody may copy it."""
        self._is_latest = False
        self._forget()
        self.files.show(Tree())
        self._is_outdated = True
        waited = self._loop.time() - self._asked_at
        if self._copying is None and waited > ANSWER_TIMEOUT:
            self._asked = None
        types = self._session.clipboard_types
        if self.files.are_wanted:
            types |= {FILES}
        limit = self._session.clipboard_limit
        self._wanted.extend(formats.wanted_of(listed, types, limit, self._line_ends))
        self._request()

    def _request(self) -> None:
        """Request the next format, if no other answer is pending: answers do not say which."""
        if self._asked is None and self._wanted:
            self._asked = self._wanted.popleft()
            self._asked_at = self._loop.time()
            self._is_outdated = False
            self._channel.answer_max = self._asked.size_max
            self._channel.send(pdu.data_request(self._asked.kind))

    def _take(self, response: pdu.DataResponse) -> None:
        """Convert an answer."""
        asked = self._asked
        if asked is None or self._copying is not None:
            return
        if self._is_outdated or not response.data:
            self._asked = None
            self._go_on()
        elif response.is_cut and asked.mimetype in (HTML, PNG):
            self._warn_of_size(asked.mimetype)
            self._asked = None
            self._go_on()
        else:
            work = self._convert(asked, response.data)
            self._copying = self._session.start_task(work, "clipboard of the host")

    async def _convert(self, asked: Wanted, data: memoryview) -> None:
        def decode() -> bytes | Tree:
            return asked.decode(bytes(data))

        content: bytes | Tree = b""
        try:
            is_slow = asked.mimetype == PNG or len(data) > SMALL
            content = await compute(decode) if is_slow else decode()
        except TooLongError:
            self._warn_of_size(asked.mimetype)
        except ImageError as error:
            self._session.log.warning("an image that was copied on the host was dropped: %s", error)
        self._copying = self._asked = None
        if isinstance(content, Tree):
            if not self._is_outdated:
                self.files.show(content)
        elif content and not self._is_outdated:
            self._copied[asked.mimetype] = content
        self._go_on()

    def _go_on(self) -> None:
        """Request the rest, or send the users what has arrived."""
        self._request()
        if self._asked is None:
            self._deliver()
        elif self._copied and self._alone is None:
            self._alone = self._loop.call_later(ALONE_AFTER, self._deliver)

    def _deliver(self) -> None:
        if self._alone is not None:
            self._alone.cancel()
        self._alone = None
        total, contents = 0, dict[str, bytes]()
        for mimetype, content in self._copied.items():
            total += len(content)
            if total <= self._session.clipboard_limit:
                contents[mimetype] = content
        if contents:
            mimetype, content = next(iter(contents.items()))
            self._session.send_clipboard(mimetype, content, others=contents)

    def _forget(self) -> None:
        """Forget what was copied on the host before."""
        self._wanted.clear()
        self._copied = {}
        if self._alone is not None:
            self._alone.cancel()
        self._alone = None

    def _warn_of_size(self, mimetype: str) -> None:
        what = "a text" if mimetype.startswith("text/") else "an image"
        self._session.log.warning(
            "%s that has been copied on the host was dropped: it has more than the %d bytes that "
            "clipboard-buffer-size and max_clipboard allow",
            what,
            self._session.clipboard_limit,
        )
