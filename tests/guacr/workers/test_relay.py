"""Clients that go to another worker: their sockets, or their bytes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from typing_extensions import override

from guacr.net.connection_limits import ConnectionLimits
from guacr.workers import relay as relay_module
from guacr.workers.channel import Channel
from guacr.workers.relay import WorkerHandover
from tests.support.waiting import until

SIZE = 3_000_000


class Sent:
    """A channel that keeps what is sent."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.data = b""
        self.fd = -1

    def send(self, op: str, fields: dict[str, Any], data: bytes, fd: int) -> None:
        self.fields, self.data, self.fd = fields, data, fd


class Served(asyncio.Protocol):
    """The protocol that had the connection before."""

    def __init__(self) -> None:
        self.lost = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


class Bench:
    def __init__(self, served: Served, client: socket.socket) -> None:
        self.served, self.client = served, client
        self.handover, self.sent = WorkerHandover(), Sent()
        self.handover.channel = cast(Channel, self.sent)

    def move(self) -> socket.socket:
        """Move the client to another worker; return the socket there."""
        place = ConnectionLimits(1, 1).enter("127.0.0.1")
        self.handover.move(7, "web", self.served.transport, place, b"head")
        sock = socket.socket(fileno=self.sent.fd)
        sock.setblocking(False)
        return sock


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with connected() as bench:
        yield bench


@asynccontextmanager
async def connected() -> AsyncIterator[Bench]:
    loop, served = asyncio.get_running_loop(), Served()
    server = await loop.create_server(lambda: served, "127.0.0.1", 0)
    client = socket.socket()
    client.setblocking(False)
    await loop.sock_connect(client, server.sockets[0].getsockname())
    await until(lambda: hasattr(served, "transport"), "the connection")
    bench = Bench(served, client)
    yield bench
    bench.handover.close()
    client.close()
    served.transport.abort()
    server.close()
    await until(lambda: not bench.handover.relays, "the end of the relay")


async def received(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = await asyncio.get_running_loop().sock_recv(sock, min(65536, size - len(data)))
        if not piece:
            break
        data += piece
    return bytes(data)


async def test_a_plain_connection_is_given_away(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    with bench.move() as sock:
        assert (bench.sent.data, bench.sent.fields["to"]) == (b"head", 7)
        assert bench.sent.fields["address"] is None
        assert sock.getpeername() == bench.client.getsockname()
        await until(lambda: bench.served.lost, "the end here")
        await loop.sock_sendall(bench.client, b"to and")
        assert await received(sock, 6) == b"to and"
        await loop.sock_sendall(sock, b" fro")
        assert await received(bench.client, 4) == b" fro"
        assert bench.handover.relays == 0


async def test_a_connection_that_cannot_be_given_away_is_relayed(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    bench.served.transport.write(b"before" * SIZE)  # more than the system takes
    with bench.move() as sock:
        assert bench.sent.fields["address"] == bench.client.getsockname()
        assert not bench.sent.fields["secure"]
        assert bench.served.lost
        assert bench.handover.relays == 1
        there = bytes(range(256)) * (SIZE // 256)
        sending = asyncio.create_task(loop.sock_sendall(bench.client, there))
        assert await received(sock, len(there)) == there
        await sending
        back = asyncio.create_task(loop.sock_sendall(sock, there))
        assert await received(bench.client, 6 * SIZE) == b"before" * SIZE
        assert await received(bench.client, len(there)) == there
        await back
        sock.close()
        assert await received(bench.client, 1) == b"", "its end arrives"
    await until(lambda: not bench.handover.relays, "the end of the relay")


async def test_a_relay_holds_little(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "HIGH_WATER", 1000)
    bench.served.transport.write(b"x" * SIZE * 6)
    sent = 0
    with bench.move() as sock:
        async with asyncio.timeout(20):
            while True:  # until nothing is read any more
                try:
                    sent += bench.client.send(bytes(65536))
                except BlockingIOError:
                    break
                await asyncio.sleep(0)
        assert sent < 20_000_000
        bench.client.close()
        data = await received(sock, SIZE * 100)
        assert len(data) <= sent


async def test_a_client_that_reads_nothing_loses_its_connection_with_its_session(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "LOOK", 0.05)
    bench.served.transport.write(b"x" * SIZE * 6)  # more than the system takes
    with bench.move() as sock:
        async with asyncio.timeout(20):
            while True:  # until nothing is read any more
                try:
                    sock.send(bytes(65536))
                    await asyncio.sleep(0)
                except BlockingIOError:
                    break
        await asyncio.sleep(0.1)
        assert bench.handover.relays == 1
    await until(lambda: not bench.handover.relays, "the end of the relay")


async def test_what_a_client_does_not_read_at_the_end_is_dropped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "CLOSE_TIMEOUT", 0.05)
    bench.served.transport.write(b"x" * SIZE * 6)
    bench.move().close()
    await until(lambda: not bench.handover.relays, "the end of the relay")
