"""The connection of a browser, which is a user of a session in this process."""

from __future__ import annotations

from collections.abc import Callable

from typing_extensions import override

from guacr.errors import OverrunError
from guacr.policy.client import Client
from guacr.protocol.instruction import encode
from guacr.protocol.status import Status
from guacr.transport.base import Transport
from guacr.tubes.conversation import Conversation
from guacr.tubes.guacamole.client_connection import ClientConnection
from guacr.tubes.reasons import CloseReason

PAYLOAD_MAX = 262144
"""Bytes of a frame from a browser."""


class BrowserConnection(ClientConnection):
    """Carries the protocol as it is, and tells the browser with which status it ends.

    Args:
        client: the browser.
        begin: called with the transport once the connection is open; it must not raise anything.
        on_ended: called once nobody uses the connection any more.
    """

    def __init__(
        self,
        conversation: Conversation,
        number: int,
        *,
        client: Client,
        begin: Callable[[Transport], None],
        on_ended: Callable[[], None],
    ) -> None:
        super().__init__(conversation, number)
        self._client = client
        self._begin = begin
        self._on_ended = on_ended

    # ---- Connection

    @override
    def start(self) -> None:
        self._begin(self.transport)

    @override
    def receive(self, data: bytes) -> None:
        if len(data) > PAYLOAD_MAX:
            error = OverrunError(f"a frame has more than {PAYLOAD_MAX} bytes")
            self.send(encode("error", str(error), error.status))
            self.end(error.status)
        else:
            super().receive(data)

    # ---- Peer of the transport

    @property
    @override
    def name(self) -> str:
        return self._client.address or "a closed connection"

    @property
    @override
    def client(self) -> Client:
        return self._client

    @override
    def end(self, status: Status) -> None:
        """Close the connection, after what was sent, with the status in decimal as its text."""
        self.send_rest()
        reason = CloseReason.NORMAL if status is Status.SUCCESS else CloseReason.GUACD_ERROR
        self.conversation.end(self, reason, str(int(status)))

    @override
    def left(self) -> None:
        super().left()
        self._on_ended()
