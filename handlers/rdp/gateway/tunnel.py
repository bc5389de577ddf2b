"""A tunnel through a gateway to one host (MS-TSGU 3.7.5), without I/O.

The requests follow each other; each is sent once the one before was granted:

    handshake → tunnel → authorization → channel → data in both directions
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from handlers.rdp.gateway import packets
from handlers.rdp.gateway.packets import Kind, Packet, PacketError

QUARANTINED = 0x800759ED
"""The authorization's error that does not refuse the tunnel (3.7.5.2.7)."""
ENABLE_ALL, DISABLE_ALL = 0x80000000, 0x40000000
DISABLE_DRIVES, DISABLE_PRINTERS, DISABLE_CLIPBOARD = 0x1, 0x2, 0x8
"""Flags of a policy (2.2.5.3.4)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes for the gateway."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Allowed:
    """The redirections that the gateway's policy allows."""

    clipboard: bool = True
    drives: bool = True
    printers: bool = True


@dataclass(frozen=True, slots=True)
class Opened:
    """The host is connected."""

    allowed: Allowed


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes of the host."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """A message of the gateway's administrator."""

    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A request was refused; nothing follows."""

    error: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The gateway has closed the channel; nothing follows."""

    error: int


Event = Reply | Opened | Received | Told | Refused | Ended


class Tunnel:
    """A tunnel to a host.

    Args:
        host: its name or address, which the gateway resolves.
        port: its TCP port.
        client_name: the name of this client.
    """

    def __init__(self, host: str, port: int, client_name: str) -> None:
        self._parser = packets.Parser()
        self._policy = 0
        self._steps: list[tuple[Kind, Callable[[], bytes] | None]] = [
            (Kind.HANDSHAKE_RESPONSE, packets.tunnel_create),
            (Kind.TUNNEL_RESPONSE, lambda: packets.tunnel_auth(client_name)),
            (Kind.TUNNEL_AUTH_RESPONSE, lambda: packets.channel_create(host, port)),
            (Kind.CHANNEL_RESPONSE, None),
        ]
        """The responses that are expected, and what is sent after each."""

    @property
    def is_open(self) -> bool:
        """True if data can be sent."""
        return not self._steps

    def begin(self) -> bytes:
        """Return the first bytes for the gateway."""
        return packets.handshake()

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield what a gateway's bytes mean.

        Raises:
            PacketError: they are invalid; nothing may follow.
        """
        for packet in self._parser.feed(data):
            if packet.kind is Kind.KEEP_ALIVE:
                yield Reply(packets.keep_alive())
            elif packet.kind is Kind.SERVICE_MESSAGE:
                yield Told(packets.message(packet))
            elif packet.kind is Kind.CLOSE_CHANNEL:
                yield Reply(packets.close(response=True))
                yield Ended(packets.answer(packet).error)
            elif self._steps:
                yield from self._continue(packet)
            elif packet.kind is Kind.DATA:
                yield Received(packets.content(packet))
            elif packet.kind not in (Kind.REAUTH, Kind.CLOSE_CHANNEL_RESPONSE):
                raise PacketError(f"a packet of type {packet.kind} was not expected")

    def _continue(self, packet: Packet) -> Iterator[Event]:
        expected, request = self._steps[0]
        if packet.kind is not expected:
            raise PacketError(f"a packet of type {packet.kind} was not expected")
        answer = packets.answer(packet)
        if answer.error and not (
            expected is Kind.TUNNEL_AUTH_RESPONSE and answer.error == QUARANTINED
        ):
            yield Refused(answer.error)
            return
        del self._steps[0]
        self._policy |= answer.policy
        if answer.message:
            yield Told(answer.message)
        yield Reply(request()) if request else Opened(self._allowed())

    def _allowed(self) -> Allowed:
        if self._policy & ENABLE_ALL:
            return Allowed()
        kinds = (DISABLE_CLIPBOARD, DISABLE_DRIVES, DISABLE_PRINTERS)
        return Allowed(*(not self._policy & (DISABLE_ALL | kind) for kind in kinds))
