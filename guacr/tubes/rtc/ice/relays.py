"""Relayed addresses: allocations at TURN servers over UDP, TCP and TLS (RFC 8656).

The messages are aioice's. Packets take another way than its own: none waits in a task, and none is
copied more than once.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections import deque
from collections.abc import Awaitable
from contextlib import suppress
from functools import lru_cache
from typing import Any, cast

from aioice import stun, turn

from guacr.tubes.forks import keep_from_children
from guacr.tubes.rtc.ice.datagrams import UdpSocket
from guacr.tubes.rtc.ice.names import resolved
from guacr.tubes.rtc.ice.settings import IceServer

LIFETIME = 600
"""Seconds of an allocation that are asked for; it is refreshed after 5/6 of what is granted."""
REBIND_EVERY = 240.0
"""Seconds after which channels are bound again: permissions last for 300 s, channels for 600 s."""
RELEASE_WITHIN = 1.0
"""Seconds in which a server must confirm that an allocation is released."""
CHANNELS_MAX = 128
"""Addresses of peers for each allocation."""
FIRST_CHANNEL = 0x4000
WAITING_MAX = 8
"""Packets that wait for a channel."""
STREAM_MAX = 1 << 18
"""Bytes that wait in a stream to a server; beyond that, packets are lost."""
_CHANNEL_HEADER = struct.Struct("!HH")


class _Client(turn.TurnClientMixin):
    """The parts that clients over UDP and over a stream have in common."""

    def datagram_received(self, data: bytes | str, addr: tuple[str, int]) -> None:
        """Take a message of the server, or data of a channel."""
        with suppress(struct.error, KeyError):  # attributes of a wrong length
            super().datagram_received(data, addr)

    def error_received(self, exc: Exception) -> None:
        """Pass an error on: until there is an allocation, it is the end."""
        if self.receiver is not None:
            self.receiver.error_received(exc)

    def is_full(self) -> bool:
        """Return whether no more can be sent now."""
        return False

    def send_channel(self, channel: int, data: bytes) -> None:
        """Send data on a bound channel."""
        if not self.is_full():
            self._send(_CHANNEL_HEADER.pack(channel, len(data)) + data)


class _UdpClient(_Client, turn.TurnClientUdpProtocol):
    """Over UDP."""


class _StreamClient(_Client, turn.TurnClientTcpProtocol):
    """Over TCP or TLS."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Use a connection."""
        super().connection_made(transport)
        keep_from_children(self)

    def fileno(self) -> int:
        """Return the descriptor of the connection, -1 once it is closed."""
        stream = self.transport
        return -1 if stream.is_closing() else stream.get_extra_info("socket").fileno()

    def is_full(self) -> bool:
        stream = self.transport
        return stream.is_closing() or stream.get_write_buffer_size() > STREAM_MAX

    def data_received(self, data: bytes) -> None:
        """Take messages out of the stream; only an incomplete one, of 64 KiB at most, is kept."""
        self._received += data
        received, start, server = self._received, 0, self.server
        while len(received) - start >= 4:
            kind, length = _CHANNEL_HEADER.unpack_from(received, start)
            whole = 4 + length if kind & 0xC000 == 0x4000 else stun.HEADER_LENGTH + length
            padded = whole + stun.padding_length(whole)
            if len(received) - start < padded:
                break
            self.datagram_received(bytes(received[start : start + whole]), server)
            start += padded
        del received[:start]


class Relay:
    """An allocation, with the methods of a `DatagramTransport` that ICE uses."""

    def __init__(self, client: _UdpClient | _StreamClient) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[tuple[str, int], deque[bytes]] = {}
        """Packets for addresses whose channels are being bound."""
        self._next_channel = FIRST_CHANNEL
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._rebind = self._loop.call_later(REBIND_EVERY, self._rebind_all)

    @property
    def mapped(self) -> tuple[str, int]:
        """The address from which the server sees this machine."""
        return cast(tuple[str, int], self._client.mapped_address)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the relayed address and port as `sockname`."""
        return self._client.relayed_address if name == "sockname" else default

    def is_closing(self) -> bool:
        """Return whether it was closed, or lost."""
        return self._closing or self._client.transport.is_closing()

    def sendto(self, data: bytes, addr: tuple[str, int]) -> None:
        """Send a packet to a peer. The first ones to an address wait for its channel."""
        client = self._client
        channel = client.peer_to_channel.get(addr)
        if channel is not None:
            client.send_channel(channel, data)
        elif not self.is_closing():
            self._wait_for_channel(data, addr)

    def _wait_for_channel(self, data: bytes, addr: tuple[str, int]) -> None:
        waiting = self._waiting.get(addr)
        if waiting is not None:
            waiting.append(data)
        elif len(self._waiting) + len(self._client.peer_to_channel) < CHANNELS_MAX:
            self._waiting[addr] = deque([data], WAITING_MAX)
            self._start(self._bind(addr))

    async def _bind(self, addr: tuple[str, int]) -> None:
        client = self._client
        channel = client.peer_to_failed_channel.pop(addr, None)
        if channel is None:
            if self._next_channel > turn.CHANNEL_NUMBER_MAX:
                return
            channel, self._next_channel = self._next_channel, self._next_channel + 1
        try:
            await client.channel_bind(channel, addr)
        except (stun.TransactionError, ConnectionError):
            client.peer_to_failed_channel[addr] = channel  # may be used for this address alone
            self._waiting.pop(addr, None)
            return
        client.channel_to_peer[channel] = addr
        client.peer_to_channel[addr] = channel
        for data in self._waiting.pop(addr, ()):
            client.send_channel(channel, data)

    def _rebind_all(self) -> None:
        if self.is_closing():
            return
        self._rebind = self._loop.call_later(REBIND_EVERY, self._rebind_all)
        self._start(self._rebind_each())

    async def _rebind_each(self) -> None:
        for addr, channel in list(self._client.peer_to_channel.items()):
            with suppress(stun.TransactionError, ConnectionError):
                await self._client.channel_bind(channel, addr)

    def _start(self, work: Any) -> None:
        task = self._loop.create_task(work, name="a channel of a TURN server")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Release the allocation; the receiver is told of the end afterwards."""
        if not self._closing:
            self._closing = True
            self._rebind.cancel()
            for task in self._tasks:
                task.cancel()
            self._start(self._release())

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(RELEASE_WITHIN):
                await self._client.delete()
        except (TimeoutError, ConnectionError):
            pass  # it expires at the server
        finally:
            self._client.transport.close()

    async def wait_closed(self) -> None:
        """Wait until nothing of a closed one is left."""
        while self._tasks:
            await asyncio.wait(self._tasks)


async def allocate(server: IceServer, receiver: asyncio.DatagramProtocol) -> Relay:
    """Have a server allocate an address; `receiver` gets the `Relay` and what comes to the address.

    The caller limits the time.

    Raises:
        OSError: the server cannot be reached, or its certificate is invalid.
        aioice.stun.TransactionError: it refuses.
    """
    client = await _connected(server)
    try:
        await _unless_lost(client, client.connect())
        client.receiver = receiver
        relay = Relay(client)
    except BaseException:
        if client.refresh_task is not None:
            client.refresh_task.cancel()
        client.transport.close()
        raise
    receiver.connection_made(cast(asyncio.DatagramTransport, relay))
    return relay


async def _connected(server: IceServer) -> _UdpClient | _StreamClient:
    address = await resolved(server.host, server.port)
    options: dict[str, Any] = {
        "username": server.username,
        "password": server.credential,
        "lifetime": LIFETIME,
        "channel_refresh_time": int(REBIND_EVERY),
    }
    if server.transport == "udp":
        udp = _UdpClient(address, **options)
        local = "::" if ":" in address[0] else "0.0.0.0"  # noqa: S104 - any, to connect
        udp.connection_made(cast(asyncio.BaseTransport, UdpSocket(udp, local, remote=address)))
        return udp
    tls = server.scheme == "turns"
    context = await asyncio.to_thread(_tls_context, server.authorities) if tls else None
    _, stream = await asyncio.get_running_loop().create_connection(
        lambda: _StreamClient(address, **options),
        *address,
        ssl=context,
        server_hostname=server.host if tls else None,
    )
    return stream


async def _unless_lost(client: _UdpClient | _StreamClient, work: Awaitable[object]) -> None:
    """Do work that waits for the server, but not once the connection to it is lost."""
    lost = asyncio.get_running_loop().create_future()
    client.receiver = _Watcher(lost)
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait((task, lost), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise lost.result() or ConnectionError("the server closed the connection")
        task.result()
    finally:
        client.receiver = None
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task


class _Watcher(asyncio.DatagramProtocol):
    def __init__(self, lost: asyncio.Future[Exception | None]) -> None:
        self._lost = lost

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(exc)

    error_received = connection_lost


@lru_cache(maxsize=16)
def _tls_context(authorities: str) -> ssl.SSLContext:
    """Trust the authorities of the system, or these; reading them takes milliseconds."""
    return ssl.create_default_context(cadata=authorities or None)
