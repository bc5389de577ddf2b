"""Clients that are served by another worker than the one that has their connection.

A plain connection is given away: the other worker gets its socket. One with TLS cannot be, because
the state of TLS is here; its bytes are relayed by a pair of sockets.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
from typing import Any, cast

from typing_extensions import override

from guacr.net.connection_limits import Place
from guacr.net.handover import Handover, Port
from guacr.transport.base import CLOSE_TIMEOUT
from guacr.transport.tls_names import names_at
from guacr.workers.channel import Channel
from guacr.workers.operations import MOVE

HIGH_WATER = 65536
"""Bytes that may wait on each side; then nothing is read from the other."""
LOOK = 5.0
"""Seconds after which a connection that is not being read is checked: its end would not be noticed
otherwise."""


class WorkerHandover(Handover):
    """Has the front give clients to other workers."""

    def __init__(self) -> None:
        self.channel: Channel
        """To the front; set before there are clients."""
        self._relays: set[_Side] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def relays(self) -> int:
        """The clients whose bytes are relayed."""
        return len(self._relays)

    @override
    def move(
        self, worker: int, port: Port, transport: asyncio.Transport, place: Place, head: bytes
    ) -> None:
        fields: dict[str, Any] = {"lease": place.give_up(), "to": worker, "port": port}
        fields |= {"address": None, "secure": False, "names": list(names_at(transport))}
        is_plain = transport.get_extra_info("ssl_object") is None
        if is_plain and not transport.get_write_buffer_size():
            sock = transport.get_extra_info("socket")
            self.channel.send(MOVE, fields, head, os.dup(sock.fileno()))
            transport.abort()  # of this descriptor; the connection goes on
            return
        address = transport.get_extra_info("peername")
        if isinstance(address, tuple):
            fields["address"] = address[:2]
        fields["secure"] = not is_plain
        ours, theirs = socket.socketpair()
        self.channel.send(MOVE, fields, head, theirs.detach())
        self._relay(transport, ours)

    def _relay(self, transport: asyncio.Transport, sock: socket.socket) -> None:
        before = transport.get_protocol()
        client, other = _Side(), _Side()
        client.peer, other.peer = other, client
        transport.pause_reading()  # until the other side is there
        transport.set_protocol(client)
        cast(asyncio.Protocol, before).connection_lost(None)
        client.connection_made(transport)
        self._relays.add(client)
        client.on_lost = lambda: self._relays.discard(client)
        task = asyncio.get_running_loop().create_task(_connect(other, client, sock), name="relay")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """End all relays."""
        for side in list(self._relays):
            side.abort()


async def _connect(other: _Side, client: _Side, sock: socket.socket) -> None:
    sock.setblocking(False)
    await asyncio.get_running_loop().create_connection(lambda: other, sock=sock)
    client.resume()


class _Side(asyncio.Protocol):
    """One of the two connections of a relay."""

    def __init__(self) -> None:
        self.peer: _Side
        self.on_lost = _nothing
        self._transport: asyncio.Transport | None = None
        self._lost = False
        self._looking: asyncio.TimerHandle | None = None
        self._closing: asyncio.TimerHandle | None = None

    def resume(self) -> None:
        """Read on."""
        self._stop_looking()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def pause(self) -> None:
        """Read nothing until `resume`."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
            if self._looking is None:
                self._looking = asyncio.get_running_loop().call_later(LOOK, self._look)

    def write(self, data: bytes) -> bool:
        """Send data; return whether more may follow at once."""
        if self._transport is None or self._transport.is_closing():
            return True
        self._transport.write(data)
        return self._transport.get_write_buffer_size() <= HIGH_WATER

    def close(self) -> None:
        """Close once everything is sent, within a limited time."""
        if self._transport is not None and self._closing is None and not self._lost:
            self._transport.close()
            loop = asyncio.get_running_loop()
            self._closing = loop.call_later(CLOSE_TIMEOUT, self._transport.abort)

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # ---- asyncio.Protocol

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        if self.peer._lost:
            self._transport.close()

    @override
    def data_received(self, data: bytes) -> None:
        if not self.peer.write(data):
            self.pause()

    @override
    def resume_writing(self) -> None:
        self.peer.resume()

    @override
    def eof_received(self) -> bool | None:
        self.peer.close()
        return None

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._stop_looking()
        if self._closing is not None:
            self._closing.cancel()
        self.on_lost()
        self.peer.close()

    # ---- while nothing is read

    def _look(self) -> None:
        self._looking = None
        if self._is_gone():  # and the peer accepts nothing
            self.peer.abort()
            self.abort()
        else:
            self.pause()

    def _is_gone(self) -> bool:
        """Return whether the other end is closed for both directions."""
        sock = None if self._transport is None else self._transport.get_extra_info("socket")
        if sock is None or sock.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(sock.fileno(), 0)  # reports POLLHUP and POLLERR
        return bool(poll.poll(0))

    def _stop_looking(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None


def _nothing() -> None:
    """Do nothing."""
