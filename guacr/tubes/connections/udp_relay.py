"""The offerer's side of UDP ASSOCIATE: datagrams of a SOCKS client (RFC 1928, section 7)."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

from guacr.tubes.connections.connection import Connection
from guacr.tubes.connections.socks import Reply, failure, read_address
from guacr.tubes.connections.udp_socket import UdpSocket
from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.control import (
    ControlMessage,
    UdpAssociate,
    UdpAssociateClosed,
    UdpPacket,
)
from guacr.tubes.wire.socks_target import SocksTarget

if TYPE_CHECKING:
    from guacr.tubes.conversation import Conversation

ASSOCIATE_TIMEOUT = 3.0
"""Seconds within which the peer has to answer; keeper-pam-webrtc-rs 2.2.9 never does."""
PAYLOAD_MAX = 32 * 1024
"""Bytes of a datagram that is forwarded; larger ones are dropped, as on the Internet."""


class Client(Protocol):
    """The TCP connection of the SOCKS client, with which the association ends."""

    def answer(self, code: Reply, host: str = ..., port: int = ...) -> None:
        """Answer the request."""

    def give_up(self) -> None:
        """Close the TCP connection."""


class UdpRelay(Connection):
    """Forwards the datagrams of one SOCKS client, from the first port that it sends from.

    Datagrams get lost while the channel has no room, and those in fragments always do.

    Args:
        client: the TCP connection.
        host: this end's address of the TCP connection; there the relay receives datagrams.
        client_host: the client's address; others are ignored.
    """

    is_opened = False

    def __init__(
        self, conversation: Conversation, number: int, client: Client, host: str, client_host: str
    ) -> None:
        super().__init__(conversation, number)
        self._client = client
        self._host = host
        self._client_host = client_host
        self._client_port: int | None = None
        self._is_answered = False
        self._sock = UdpSocket(host, self._send)
        self._timer = asyncio.get_running_loop().call_later(ASSOCIATE_TIMEOUT, self._not_opened)

    @override
    def start(self) -> None:
        self.conversation.outlet.send_control(UdpAssociate(self.number, self._sock.port))

    @override
    def opened(self) -> bool:
        if self.is_opened:
            return False
        self.is_opened = True
        self._timer.cancel()
        self._is_answered = True
        self._client.answer(Reply.SUCCEEDED, self._host, self._sock.port)
        return True

    @override
    def receive(self, data: bytes) -> None:
        """There are only datagrams."""

    @override
    def receive_eof(self) -> None:
        """There are only datagrams."""

    @override
    def receive_datagram(self, message: UdpPacket) -> None:
        if (str(message.client), message.client_port) == (self._client_host, self._client_port):
            self._sock.send(message.data, self._client_host, message.client_port)

    @override
    def farewell(self, reason: CloseReason, text: str) -> ControlMessage:
        return UdpAssociateClosed(self.number)

    @override
    def close(self, reason: CloseReason, text: str) -> None:
        if not self._is_answered:
            self._is_answered = True
            code = failure(reason, text)
            unknown = text.startswith("UDP not supported") or reason is CloseReason.TIMEOUT
            self._client.answer(Reply.COMMAND_NOT_SUPPORTED if unknown else code)
        self.abort()
        self._client.give_up()

    @override
    def abort(self) -> None:
        self._timer.cancel()
        self._sock.close()
        self.conversation.table.released(self)

    def client_gone(self) -> None:
        """The TCP connection has ended."""
        self.conversation.end(self, CloseReason.NORMAL, "")

    def _not_opened(self) -> None:
        self.conversation.end(self, CloseReason.TIMEOUT, "the peer does not know UDP")

    def _send(self, data: bytes, host: str, port: int) -> None:
        if host != self._client_host or not self.is_opened or data[:3] != b"\0\0\0":
            return
        if self._client_port is None:
            self._client_port = port
        found = read_address(data, 3)
        outlet = self.conversation.outlet
        if port != self._client_port or found is None or not outlet.has_room:
            return
        name, target_port, end = found
        if name and len(data) - end <= PAYLOAD_MAX:
            target = SocksTarget(name, target_port).encode()
            packet = UdpPacket(self.number, ip_address(host), port, target + data[end:])
            outlet.send_control(packet)
