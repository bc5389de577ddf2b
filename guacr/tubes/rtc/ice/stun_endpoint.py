"""One local address of an agent: STUN messages are told from data, and those that can only be
forged or are too many are dropped before they cost anything."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Any, cast

from aioice import stun
from aioice.ice import StunProtocol

from guacr.tubes.rtc.ice.relays import Relay

if TYPE_CHECKING:
    from guacr.tubes.rtc.ice.agent import Agent
    from guacr.tubes.rtc.ice.datagrams import UdpSocket

STUN_MAX = 1500
"""Bytes of a STUN message; checks have about 100."""
RESPONSE_BIT = 0x01
"""Of the first byte of responses and errors, not of requests and indications."""
DTLS_FIRST, DTLS_LAST = 20, 63
STUN_LAST = 3
"""The first byte tells what a datagram is (RFC 7983, 7)."""


class Endpoint(StunProtocol):
    """A socket, or an allocation at a TURN server, with its candidate."""

    def __init__(self, agent: Agent) -> None:
        super().__init__(agent)
        self._agent = agent
        self._fragment = f"{agent.local_username}:".encode()

    def connection_made(self, transport: asyncio.BaseTransport | UdpSocket | Relay) -> None:
        """Set what it sends with: it has the methods of a `DatagramTransport` that are used."""
        self.transport = cast(asyncio.DatagramTransport, transport)

    async def close(self) -> None:
        """Close the socket, or release the allocation."""
        await super().close()
        if isinstance(relay := cast(object, self.transport), Relay):
            await relay.wait_closed()

    def datagram_received(self, data: Any, addr: tuple[Any, ...]) -> None:
        """Take a datagram; `addr` may have the four parts of IPv6."""
        if not data:
            return
        first = data[0]
        if DTLS_FIRST <= first <= DTLS_LAST:
            self._agent.receive(data, addr if len(addr) == 2 else addr[:2])
        elif first <= STUN_LAST:
            self._stun(data, (addr[0], addr[1]))

    def _stun(self, data: bytes, addr: tuple[str, int]) -> None:
        if not stun.HEADER_LENGTH <= len(data) <= STUN_MAX:
            return
        if data[0] & RESPONSE_BIT:
            transaction = self.transactions.get(data[8:20])
            if transaction is not None and (message := _parsed(data)) is not None:
                transaction.response_received(message, addr)
        elif self._fragment in data and self._agent.may_answer(addr):
            message = _parsed(data)
            if message is not None and message.message_class == stun.Class.REQUEST:
                self._agent.request_received(message, addr, self)


def _parsed(data: bytes) -> stun.Message | None:
    try:
        return stun.parse_message(data)
    except (ValueError, struct.error):  # the latter for attributes of a wrong length
        return None
