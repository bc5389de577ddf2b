"""The backends of an answerer: one target for all connections, or the one that each asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guacr.errors import shorten
from guacr.tubes.connections.allow import AllowRules
from guacr.tubes.connections.connection import Connection
from guacr.tubes.connections.dial import Resolver, connect
from guacr.tubes.connections.tcp import TcpConnection
from guacr.tubes.connections.udp_association import UdpAssociation
from guacr.tubes.errors import ConnectError, RefusedError
from guacr.tubes.wire.socks_target import read_target

if TYPE_CHECKING:
    from guacr.tubes.conversation import Conversation


class FixedTarget:
    """Connects every connection to the same host and port.

    Without them, no connection can be opened, but the peer can be talked to.
    """

    def __init__(self, host: str | None, port: int | None) -> None:
        self._host = host
        self._port = port
        self._resolver = Resolver()

    async def open(self, conversation: Conversation, number: int, body: bytes) -> Connection:
        """As `Backend.open`."""
        host, port = self._host, self._port
        if host is None or port is None:
            raise ConnectError(
                "PortForward target host/port not configured in channel protocol state"
            )
        addresses = await self._resolver.resolve(host)
        return await connect(lambda: TcpConnection(conversation, number), addresses, port)


class SocksTargets:
    """Connects each connection to the target that it names, as far as rules allow.

    Args:
        rules: None refuses every target.
    """

    def __init__(self, rules: AllowRules | None) -> None:
        self._rules = rules
        self._resolver = Resolver()

    async def open(self, conversation: Conversation, number: int, body: bytes) -> Connection:
        """As `Backend.open`."""
        target, _ = read_target(body)
        addresses = await self.resolve(target.host, target.port)
        return await connect(lambda: TcpConnection(conversation, number), addresses, target.port)

    def associate(self, conversation: Conversation, number: int) -> tuple[Connection, int]:
        """As `DatagramBackend.associate`."""
        if self._rules is None:
            raise RefusedError("SOCKS5 UdpAssociate not supported in this mode")
        association = UdpAssociation(conversation, number, self.resolve)
        return association, association.port

    async def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a target that may be connected to.

        Raises:
            RefusedError: there is none, or the port is not allowed.
            ConnectError: the host cannot be resolved.
        """
        rules = self._rules
        if rules is None:
            raise RefusedError("SOCKS5 OpenConnection not supported in this mode")
        if not rules.allows_port(port):
            raise RefusedError(f"SOCKS5 port {port} not allowed")
        refused = RefusedError(f"SOCKS5 destination {shorten(host)} not allowed or unresolvable")
        if not rules.may_allow(host):
            raise refused
        permitted = rules.permitted(host, await self._resolver.resolve(host))
        if not permitted:
            raise refused
        return permitted
