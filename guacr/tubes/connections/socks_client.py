"""A client of the offerer's listener that speaks SOCKS5."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from typing_extensions import override

from guacr.tubes.connections.socks import Command, Reply, SocksHandshake, failure, reply
from guacr.tubes.connections.tcp import TcpConnection
from guacr.tubes.connections.udp_relay import UdpRelay
from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.control import OpenConnection

if TYPE_CHECKING:
    from guacr.tubes.conversation import Conversation

HANDSHAKE_TIMEOUT = 10.0
"""Seconds for greeting and request."""


class SocksClient(TcpConnection):
    """A TCP client that asks for a connection by SOCKS5, and then becomes it.

    The client is told that it has succeeded when the peer has opened the connection, and why it has
    not when the peer has refused.
    """

    def __init__(self, conversation: Conversation, number: int, *, is_opened: bool) -> None:
        super().__init__(conversation, number, is_opened=is_opened)
        self._handshake: SocksHandshake | None = SocksHandshake()
        self._is_answered = False
        self._relay: UdpRelay | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.conversation.is_closed:
            self.abort()
            return
        self.conversation.table.watch(self)
        self._transport.resume_reading()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(HANDSHAKE_TIMEOUT, self._transport.abort)

    @override
    def buffer_updated(self, nbytes: int) -> None:
        if self._relay is not None:
            return  # with an association, there is nothing to say
        if self._handshake is None or self._is_ending:
            super().buffer_updated(nbytes)
            return
        handshake = self._handshake
        answer = handshake.feed(bytes(self._outlet.buffer[:nbytes]))
        if answer:
            self._transport.write(answer)
        if handshake.has_failed:
            self.give_up()
        elif handshake.request is not None:
            self._handshake = None
            self._cancel_timer()
            if handshake.request.command is Command.UDP_ASSOCIATE:
                self._associate()
            else:
                self._connect(handshake.request.target.encode(), handshake.rest)

    @override
    def eof_received(self) -> bool:
        if self._handshake is not None or self._relay is not None:
            return False
        return super().eof_received()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._relay is not None:
            self._relay.client_gone()
        super().connection_lost(exc)

    @override
    def opened(self) -> bool:
        is_new = super().opened()
        if is_new and not self._is_answered:
            self.answer(Reply.SUCCEEDED)
        return is_new

    @override
    def receive(self, data: bytes) -> None:
        if not self._is_answered:  # a peer that sends data has opened the connection
            self.answer(Reply.SUCCEEDED)
        super().receive(data)

    @override
    def close(self, reason: CloseReason, text: str) -> None:
        if not (self._is_answered or self._is_ending):
            self.answer(failure(reason, text))
            reason = CloseReason.NORMAL  # no RST, which could overtake the answer
        super().close(reason, text)

    def _connect(self, target: bytes, rest: bytes) -> None:
        self._transport.pause_reading()
        self.conversation.table.add(self)
        self._outlet.send_control(OpenConnection(self.number, target))
        if rest:
            self._outlet.send(self, rest)
        self.start()

    def _associate(self) -> None:
        host, client = (self._transport.get_extra_info(key) for key in ("sockname", "peername"))
        try:
            relay = UdpRelay(self.conversation, self.number, self, host[0], client[0])
        except OSError:
            self.answer(Reply.FAILURE)
            self.give_up()
            return
        self._relay = relay
        self.conversation.table.add(relay)
        relay.start()

    def answer(self, code: Reply, host: str = "0.0.0.0", port: int = 0) -> None:  # noqa: S104
        """Answer the request."""
        self._is_answered = True
        if not self._transport.is_closing():
            self._transport.write(reply(code, host, port))

    def give_up(self) -> None:
        """Close the TCP connection."""
        self._is_answered = True
        self.close(CloseReason.NORMAL, "")
