"""Messages to a server, of which only a few are kept while it does not read."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from guacr.api import SessionContext, UpstreamError
from handlers.vnc.connection import VncConnection
from handlers.vnc.rfb import messages
from handlers.vnc.rfb.client import RfbClient

UNSENT_MAX = 1 << 20
"""Unsent bytes beyond which no more input is read from users."""
OWED_MAX = 64 * 1024
"""Bytes of pending answers to a server that does not read."""


class Sender:
    """Sends messages; nothing is sent until `open` is called.

    While more than `UNSENT_MAX` bytes are unsent, users' input pauses, and only a limited amount
    of the messages that the server itself causes is kept. `name` is the server's in sentences.
    """

    def __init__(
        self, session: SessionContext, connection: VncConnection, client: RfbClient, name: str
    ) -> None:
        self._session = session
        self._connection = connection
        self._client = client
        self._name = name
        self._is_open = False
        self._is_continuous = False
        """True if the server sends updates without requests."""
        self._is_full = False
        """True while the server does not read quickly enough."""
        self._catching_up: asyncio.Task[None] | None = None
        self._owed = bytearray()
        """Answers that are sent after that."""
        self._owed_update: bool | None = None
        """True if the update that is requested after that is incremental; None if none is."""
        self._owed_clipboard = b""
        """The latest message about the clipboard, which is sent after that."""

    def open(self) -> None:
        """Start sending messages, because the handshake is over."""
        self._is_open = True

    def close(self) -> None:
        """Stop sending, and let users' input continue."""
        self._is_open = False
        task, self._catching_up = self._catching_up, None
        if task is not None:
            task.cancel()
            self._session.resume_input()

    def send(self, message: bytes) -> None:
        """Send a message."""
        if not self._is_open:
            return
        self._connection.send(message)
        if self._connection.unsent > UNSENT_MAX and not self._is_full:
            self._is_full = True
            self._session.pause_input()
            self._catching_up = self._session.start_task(self._catch_up(), "unsent")

    def request(self, *, incremental: bool) -> None:
        """Request an update, unless the server sends it anyway. While the server does not read,
        requests are combined into one."""
        if incremental and self._is_continuous:
            return
        if self._is_full:
            self._owed_update = incremental and self._owed_update is not False
            return
        width, height = self._client.size
        if self._is_continuous:
            self.send(messages.enable_continuous_updates(width, height))  # the size may be new
        self.send(messages.request_update(width, height, incremental=incremental))

    def request_all(self) -> None:
        """Have the server send updates without requests, so that none waits for a round trip."""
        if not self._is_full:
            self._is_continuous = True
            self.send(messages.enable_continuous_updates(*self._client.size))

    def note_stop(self) -> None:
        """Note that the server sends updates only on request again."""
        self._is_continuous = False
        self.request(incremental=True)

    def probe(self) -> None:
        """Request one pixel, which any server that is alive sends, even if nothing has changed."""
        if not self._is_full:
            self.send(messages.request_update(1, 1, incremental=False))

    def answer(self, message: bytes) -> None:
        """Send an answer.

        Raises:
            UpstreamError: too many answers are pending for a server that does not read.
        """
        if not self._is_full:
            self.send(message)
        elif len(self._owed) < OWED_MAX:
            self._owed += message
        else:
            raise UpstreamError(f"{self._name} demands answers and does not read them")

    def send_clipboard(self, message: bytes) -> None:
        """Send a message about the clipboard. While the server does not read, only the latest one
        is kept, because it may request a long text any number of times."""
        if self._is_full:
            self._owed_clipboard = message
        else:
            self.send(message)

    async def _catch_up(self) -> None:
        """Continue once the server has read what was sent."""
        with suppress(OSError):  # which also ends the connection
            await self._connection.drain()
        self._is_full, self._catching_up = False, None
        self._session.resume_input()
        owed, self._owed = bytes(self._owed), bytearray()
        incremental, self._owed_update = self._owed_update, None
        self.send(owed)
        clipboard, self._owed_clipboard = self._owed_clipboard, b""
        self.send_clipboard(clipboard)
        if incremental is not None:
            self.request(incremental=incremental)
