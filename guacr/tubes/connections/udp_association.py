"""The answerer's side of UDP ASSOCIATE: datagrams to the targets that rules allow."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import override

from guacr.host_names import literal
from guacr.tubes.connections.connection import Connection
from guacr.tubes.connections.socks import write_address
from guacr.tubes.connections.udp_socket import UdpSocket
from guacr.tubes.errors import ConnectError, TargetError
from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.control import UdpPacket
from guacr.tubes.wire.socks_target import SocksTarget, read_target

if TYPE_CHECKING:
    from guacr.tubes.conversation import Conversation

TARGETS_MAX = 256
"""Targets of an association that are remembered, with what they resolve to."""
RESOLVING_MAX = 8
"""Targets of an association that are being resolved."""
QUEUED_MAX = 16
"""Datagrams that wait for their target's address."""
WAITING_MAX = 64 * 1024
"""Bytes of all datagrams of an association that wait."""
PAYLOAD_MAX = 32 * 1024
"""Bytes of a datagram that is forwarded."""

Client: TypeAlias = tuple[IPv4Address | IPv6Address, int]


class UdpAssociation(Connection):
    """Sends datagrams from sockets of its own, and receives from those that it has sent to.

    Args:
        resolve: returns the addresses of a host and port that rules allow, or raises ConnectError.
    """

    def __init__(
        self,
        conversation: Conversation,
        number: int,
        resolve: Callable[[str, int], Awaitable[list[str]]],
    ) -> None:
        super().__init__(conversation, number)
        self._resolve = resolve
        self._socks = {4: UdpSocket("0.0.0.0", self._receive)}  # noqa: S104 - sends from everywhere
        self.port = self._socks[4].port
        self._addresses: dict[SocksTarget, str | None] = {}
        """None for those that are not allowed."""
        self._waiting: dict[SocksTarget, deque[tuple[Client, bytes]]] = {}
        self._waiting_bytes = 0
        self._clients: dict[tuple[str, int], Client] = {}
        """Who has sent to an address, and gets what comes from there."""
        self._tasks: set[asyncio.Task[None]] = set()

    @override
    def receive(self, data: bytes) -> None:
        """There are only datagrams."""

    @override
    def receive_eof(self) -> None:
        """There are only datagrams."""

    @override
    def receive_datagram(self, message: UdpPacket) -> None:
        try:
            target, payload = read_target(message.data)
        except TargetError:
            return
        if len(payload) > PAYLOAD_MAX:
            return
        client = (message.client, message.client_port)
        if target in self._addresses:
            self._send(client, self._addresses[target], target.port, payload)
        elif self._waiting_bytes + len(payload) > WAITING_MAX:
            return
        elif target in self._waiting:
            if len(self._waiting[target]) < QUEUED_MAX:
                self._waiting[target].append((client, payload))
                self._waiting_bytes += len(payload)
        elif len(self._waiting) < RESOLVING_MAX:
            self._waiting[target] = deque([(client, payload)])
            self._waiting_bytes += len(payload)
            self._start(target)

    @override
    def close(self, reason: CloseReason, text: str) -> None:
        self.abort()

    @override
    def abort(self) -> None:
        for sock in self._socks.values():
            sock.close()
        self._waiting.clear()
        for task in self._tasks:
            task.cancel()
        self._check_released()

    def _start(self, target: SocksTarget) -> None:
        task = asyncio.get_running_loop().create_task(
            self._find(target), name=f"resolve for connection {self.number}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._check_released()

    def _check_released(self) -> None:
        if not self._tasks and not self.conversation.table.has(self):
            self.conversation.table.released(self)

    async def _find(self, target: SocksTarget) -> None:
        address = None
        try:
            found = await self._resolve(target.host, target.port)
            address = found[0]
        except (ConnectError, OSError):
            pass
        while len(self._addresses) >= TARGETS_MAX:
            del self._addresses[next(iter(self._addresses))]
        self._addresses[target] = address
        for client, payload in self._waiting.pop(target, ()):
            self._waiting_bytes -= len(payload)
            self._send(client, address, target.port, payload)

    def _send(self, client: Client, address: str | None, port: int, payload: bytes) -> None:
        host = None if address is None else literal(address)
        if host is None:
            return
        sock = self._sock(host.version)
        if sock is not None:
            key = (str(host), port)
            self._clients.pop(key, None)
            while len(self._clients) >= TARGETS_MAX:
                del self._clients[next(iter(self._clients))]
            self._clients[key] = client
            sock.send(payload, *key)

    def _sock(self, version: int) -> UdpSocket | None:
        if version not in self._socks:
            try:
                self._socks[version] = UdpSocket("::", self._receive)
            except OSError:
                return None
        return self._socks[version]

    def _receive(self, data: bytes, host: str, port: int) -> None:
        address = literal(host)
        client = self._clients.get((str(address), port))
        outlet = self.conversation.outlet
        if client is None or not outlet.has_room or len(data) > PAYLOAD_MAX:
            return
        datagram = b"\0\0\0" + write_address(str(address), port) + data
        outlet.send_control(UdpPacket(self.number, *client, datagram))
