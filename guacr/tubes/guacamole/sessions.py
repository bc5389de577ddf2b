"""Connections to sessions of this daemon, without a socket in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from guacr.net.handshake_receiver import HandshakeReceiver
from guacr.policy.client import Client
from guacr.protocol.status import Status
from guacr.session.directory import Directory
from guacr.tubes.connections.connection import Connection
from guacr.tubes.errors import GuacdError
from guacr.tubes.guacamole.client_connection import ClientConnection
from guacr.tubes.guacamole.connect import ConnectHandshake, Request
from guacr.tubes.guacamole.guacd import HANDSHAKE_TIMEOUT
from guacr.tubes.guacamole.opener import Opener
from guacr.tubes.guacamole.stream import GuacamoleStream
from guacr.tubes.reasons import CloseReason

if TYPE_CHECKING:
    from guacr.tubes.conversation import Conversation

_REASONS = {
    Status.SUCCESS: CloseReason.NORMAL,
    Status.SERVER_BUSY: CloseReason.SERVER_REFUSE,
    Status.SESSION_CLOSED: CloseReason.ADMIN_CLOSED,
    Status.SESSION_TIMEOUT: CloseReason.TIMEOUT,
    Status.CLIENT_TIMEOUT: CloseReason.TIMEOUT,
    Status.UPSTREAM_TIMEOUT: CloseReason.TIMEOUT,
}
"""Status of a closed transport → reason; other statuses give GUACD_ERROR."""


class DaemonBackend:
    """Opens or joins sessions as guacd would, by its handshake."""

    def __init__(self, directory: Directory, opener: Opener) -> None:
        self._directory = directory
        self._opener = opener

    async def open(self, conversation: Conversation, number: int, body: bytes) -> Connection:
        """As `Backend.open`; `body` is a ConnectAs block, if any."""
        request = self._opener.request(body)
        connection = SessionConnection(conversation, number)
        connection.shake_hands(self._directory, request)
        connection.stream = self._opener.stream(connection)
        return connection


class SessionConnection(ClientConnection):
    """A client that knows guacd's handshake alone, which it does not see.

    Attributes:
        stream: to be set before `start`.
    """

    stream: GuacamoleStream

    def __init__(self, conversation: Conversation, number: int) -> None:
        super().__init__(conversation, number)
        self._is_started = False
        self._handshake: ConnectHandshake | None = None
        self._refusal: GuacdError | None = None
        self._answer = b""
        self._early = b""  # for the peer, before `start`
        self._end: Status | None = None  # likewise

    def shake_hands(self, directory: Directory, request: Request) -> None:
        """Get a session by the handshake of the protocol.

        Raises:
            GuacdError: the daemon refuses.
        """
        self._handshake = ConnectHandshake(request)
        receiver = HandshakeReceiver(self.transport, directory, HANDSHAKE_TIMEOUT, _do_nothing)
        self.transport.receiver = receiver
        data = self._handshake.start()
        while data and self._refusal is None:
            self.transport.receiver.data_received(data)
            data, self._answer = self._answer, b""
        if self._refusal is not None:
            self.transport.closed()
            raise self._refusal

    # ---- Connection

    @override
    def start(self) -> None:
        self._is_started = True
        early, self._early = self._early, b""
        super().send(early)
        if self._end is not None:
            self.end(self._end)

    @override
    def close(self, reason: CloseReason, text: str) -> None:
        super().close(reason, text)
        self.stream.closed(reason)

    # ---- Peer

    @property
    @override
    def name(self) -> str:
        return f"tube {self.conversation.label}"

    @property
    @override
    def client(self) -> Client:
        return Client("tube")

    @property
    @override
    def buffered(self) -> int:
        return super().buffered + len(self._early)

    @override
    def send(self, data: bytes) -> None:
        """Send whole instructions to the peer, or to the handshake until it is complete."""
        if self._handshake is not None:
            self._continue_handshake(self._handshake, data)
        elif self._is_started:
            super().send(data)
        else:
            self._early += data

    @override
    def end(self, status: Status) -> None:
        if self._is_started:
            self.send_rest()
            reason = _REASONS.get(status, CloseReason.GUACD_ERROR)
            self.conversation.end(self, reason, "")
        else:
            self._end = status

    @override
    def forward(self, data: bytes) -> None:
        self.stream.forward(data)

    def _continue_handshake(self, handshake: ConnectHandshake, data: bytes) -> None:
        try:
            self._answer += handshake.receive(data)
        except GuacdError as error:
            self._refusal = error
        if handshake.connection_id is not None:
            self._early, self._handshake = handshake.rest, None


def _do_nothing() -> None:
    """The daemon's limits of connections count those of its ports."""
