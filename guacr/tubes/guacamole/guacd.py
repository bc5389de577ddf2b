"""Connections to a guacd on TCP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from typing_extensions import override

from guacr.protocol.instruction import encode
from guacr.tubes.connections.connection import Connection
from guacr.tubes.connections.dial import Resolver, connect
from guacr.tubes.connections.tcp import FIN_TEXT, TcpConnection
from guacr.tubes.errors import GuacdError
from guacr.tubes.guacamole.connect import ConnectHandshake, Request
from guacr.tubes.guacamole.opener import Opener
from guacr.tubes.guacamole.stream import GuacamoleStream
from guacr.tubes.reasons import CloseReason

if TYPE_CHECKING:
    from guacr.tubes.conversation import Conversation

HANDSHAKE_TIMEOUT = 10.0
"""Seconds of the handshake with guacd."""
DISCONNECT = encode("disconnect")


class GuacdBackend:
    """Opens each connection at the same guacd."""

    def __init__(self, host: str, port: int, opener: Opener) -> None:
        self._host = host
        self._port = port
        self._opener = opener
        self._resolver = Resolver()

    async def open(self, conversation: Conversation, number: int, body: bytes) -> Connection:
        """As `Backend.open`; `body` is a ConnectAs block, if any."""
        request = self._opener.request(body)
        addresses = await self._resolver.resolve(self._host)
        connection = await connect(
            lambda: GuacdConnection(conversation, number, request), addresses, self._port
        )
        await connection.shake_hands()
        connection.stream = self._opener.stream(connection)
        return connection


class GuacdConnection(TcpConnection):
    """Forwards between guacd, once it is ready, and the peer.

    Attributes:
        stream: to be set before `start`.
    """

    stream: GuacamoleStream

    def __init__(self, conversation: Conversation, number: int, request: Request) -> None:
        super().__init__(conversation, number)
        self._handshake = ConnectHandshake(request)
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._has_guacd_ended = False

    async def shake_hands(self) -> None:
        """Wait until guacd is ready.

        Raises:
            GuacdError: it refuses, does not answer in time, or is not guacd.
        """
        self._transport.write(self._handshake.start())
        self._transport.resume_reading()
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT):
                await self._ready
        except TimeoutError:
            self.abort()
            raise GuacdError("Guacd handshake timed out") from None
        except BaseException:
            self.abort()
            raise

    # --- the conversation's side

    @override
    def start(self) -> None:
        if self._transport.is_closing():  # since it was ready
            self._end_of_guacd()
            self.stream.closed(CloseReason.CONNECTION_LOST)
            self.conversation.table.released(self)
            return
        super().start()
        self.stream.forward(self._handshake.rest)

    @override
    def close(self, reason: CloseReason, text: str) -> None:
        if self._is_ending:
            super().close(reason, text)
            return
        has_ended = self._has_guacd_ended or self.stream.has_ended or self.has_received_eof
        if not (has_ended or self._transport.is_closing()):
            self._transport.write(DISCONNECT)
        super().close(CloseReason.NORMAL, text)  # guacd should not lose the instruction: no RST
        self.stream.closed(reason)

    # --- the transport's side

    @override
    def buffer_updated(self, nbytes: int) -> None:
        if self._is_ending:
            return
        data = bytes(self._outlet.buffer[:nbytes])
        if not self._ready.done():
            self._continue_handshake(data)
            return
        self.stream.forward(data)
        if not self._is_ending:
            self._pause_unless_room(nbytes)

    @override
    def eof_received(self) -> bool:
        if self._is_ending:
            return False
        if not self._ready.done():
            self._ready.set_exception(self._handshake.receive_eof())
            return False
        self._end_of_guacd()
        return True

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ready.done():
            self._ready.set_exception(self._handshake.receive_eof())
        super().connection_lost(exc)

    def _continue_handshake(self, data: bytes) -> None:
        try:
            answer = self._handshake.receive(data)
        except GuacdError as error:
            self._transport.pause_reading()
            self._ready.set_exception(error)
            return
        self._transport.write(answer)
        if self._handshake.connection_id is not None:
            self._transport.pause_reading()
            self._ready.set_result(None)

    def _end_of_guacd(self) -> None:
        self._has_guacd_ended = self.has_sent_eof = True
        self.conversation.end(self, CloseReason.CONNECTION_LOST, FIN_TEXT)
