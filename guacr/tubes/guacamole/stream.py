"""Sends the peer of a connection what guacd sends, until guacd ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from guacr.errors import ProtocolError
from guacr.tubes.connections.connection import Connection
from guacr.tubes.events import Event, GuacdInstruction
from guacr.tubes.guacamole.splitter import Splitter
from guacr.tubes.reasons import CloseReason

CLOSE_DELAY = 0.1
"""Seconds between the ends of a connection and of its conversation, as with keeper-pam-webrtc-rs:
it does not see the former if the channel is closed at once."""
SIZE_MAX = 256
"""Characters of a `size` instruction that is told; longer ones are none of guacd."""
_END_TEXTS = {"error": "", "disconnect": "Guacd disconnect"}
"""Instruction of guacd → text of the CloseConnection, as in keeper-pam-webrtc-rs."""


class GuacamoleStream:
    """The stream from guacd, in frames of whole instructions.

    Args:
        connection: whose stream it is.
        on_event: called with a `GuacdInstruction` for each `size`.
        is_primary: the conversation ends with this connection.
    """

    def __init__(
        self, connection: Connection, on_event: Callable[[Event], None], *, is_primary: bool
    ) -> None:
        self._connection = connection
        self._on_event = on_event
        self._is_primary = is_primary
        self._splitter = Splitter()

    @property
    def has_ended(self) -> bool:
        """True if guacd has sent its last instruction."""
        return bool(self._splitter.end)

    def forward(self, data: bytes) -> None:
        """Send on; the connection ends with `error`, `disconnect`, or what is not guacd's."""
        connection = self._connection
        conversation, number = connection.conversation, connection.number
        try:
            payloads = self._splitter.feed(data)
        except ProtocolError as error:
            text = f"guacd does not speak the Guacamole protocol: {error}"
            conversation.end(connection, CloseReason.GUACD_ERROR, text)
            return
        for payload in payloads:
            conversation.outlet.send(connection, payload)
        for size in self._splitter.sizes:
            if len(size) <= SIZE_MAX:
                self._on_event(GuacdInstruction(conversation.label, number, size))
        if self._splitter.end:
            conversation.end(connection, CloseReason.NORMAL, _END_TEXTS[self._splitter.end])

    def closed(self, reason: CloseReason) -> None:
        """The connection has ended: so does the conversation, if it is the primary one."""
        conversation = self._connection.conversation
        if self._is_primary and not conversation.is_closed:
            asyncio.get_running_loop().call_later(CLOSE_DELAY, conversation.close, reason)
