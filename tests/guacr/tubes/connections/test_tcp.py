"""TCP connections from client to backend, through two conversations."""

from __future__ import annotations

import asyncio
import socket
import struct
from pathlib import Path

import pytest

from guacr.tubes import outlet
from guacr.tubes.backlog import WINDOW_MAX
from guacr.tubes.connections import tcp
from guacr.tubes.connections.listener import Listener
from guacr.tubes.connections.target import FixedTarget
from guacr.tubes.events import ConnectionEnded
from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.control import (
    CloseConnection,
    ConnectionOpened,
    OpenConnection,
    Ping,
    Pong,
    SendEof,
)
from guacr.tubes.wire.frames import encode
from tests.support.conversations import Talk, echo, raw_peer, server, talk
from tests.support.waiting import free_port, until

WINDOW = 2 * 1024 * 1024
FLIGHT = 8 * 1024 * 1024


def files() -> int:
    """The open files of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def ended(one: Talk, count: int = 1) -> bool:
    """Whether connections have ended at both ends."""
    return all(len(one.seen(end, ConnectionEnded)) == count for end in (0, 1))


async def test_a_client_may_end_first() -> None:
    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"%d bytes" % len(await reader.read()))

    async with server(backend) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        reader, writer = await one.connect()
        for _ in range(100):
            writer.write(bytes(10_000))
        writer.write_eof()

        assert await reader.read() == b"1000000 bytes"
        writer.close()
        await until(lambda: ended(one), "the end")


async def test_a_backend_may_end_first() -> None:
    received = asyncio.get_running_loop().create_future()

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"banner")
        writer.write_eof()
        received.set_result(await reader.read())

    async with server(backend) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        reader, writer = await one.connect()
        assert await reader.read() == b"banner"
        assert not one.seen(0, ConnectionEnded)

        for _ in range(100):
            writer.write(bytes(10_000))
        writer.write_eof()

        assert len(await received) == 1_000_000
        writer.close()
        await until(lambda: ended(one), "the end")
        assert one.seen(0, ConnectionEnded)[0].reason is CloseReason.NORMAL


async def test_every_backend_close_reaches_its_client() -> None:
    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5))

    async with server(backend) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        for number in range(20):
            reader, writer = await one.connect()
            writer.write(b"%05d" % number)
            assert await reader.read() == b"%05d" % number
            writer.close()
        await until(lambda: ended(one, 20), "the end of all")


async def test_a_reset_of_the_client_reaches_the_backend() -> None:
    failed = asyncio.get_running_loop().create_future()

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            failed.set_result(await reader.read())
        except ConnectionResetError as error:
            failed.set_result(error)

    async with server(backend) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        _, writer = await one.connect()
        await until(lambda: one.answerer.connections, "the connection")
        reset(writer)

        assert isinstance(await failed, ConnectionResetError)
        closes = one.seen(1, ConnectionEnded)
        assert closes == [
            ConnectionEnded(
                "the label",
                1,
                CloseReason.CONNECTION_LOST,
                "Connection reset by peer (os error 104)",
                by_peer=True,
            )
        ]


async def test_a_reset_of_the_backend_reaches_the_client() -> None:
    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        reset(writer)

    async with server(backend) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        reader, writer = await one.connect()
        writer.write(b"x")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        await until(lambda: ended(one), "the end")


async def test_a_close_as_keeper_sends_it_is_no_reset() -> None:
    async with server(echo) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, _):
        lost = []

        async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            lost.append(await reader.read())

        async with server(backend) as other, raw_peer(FixedTarget("127.0.0.1", other)) as (peer, _):
            peer.send(OpenConnection(1))
            peer.send_frame(1, b"all of it")
            await until(peer.received(ConnectionOpened(1)), "the connection")
            peer.send(CloseConnection(1, CloseReason.CONNECTION_LOST, tcp.FIN_TEXT))
            await until(lambda: lost, "the end")

            assert lost == [b"all of it"]
            await peer.answered()
            assert not peer.closes(1)


async def test_what_was_received_before_a_close_is_written() -> None:
    received = asyncio.get_running_loop().create_future()

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(20_000_000))  # nobody takes it: closing at once would send RST
        received.set_result(await reader.read())

    async with server(backend) as port, raw_peer(FixedTarget("127.0.0.1", port)) as (peer, one):
        peer.channel.pause_reading()
        peer.send(OpenConnection(1))
        await until(lambda: one.buffered >= outlet.HIGH_WATER, "a full channel")
        for _ in range(50):
            peer.send_frame(1, bytes(30_000))
        peer.send(CloseConnection(1, CloseReason.NORMAL))

        assert len(await received) == 1_500_000
        peer.channel.resume_reading()


async def test_a_slow_client_stops_the_backend_and_memory_is_bounded() -> None:
    written = 0

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        while True:
            writer.write(bytes(65536))
            await writer.drain()
            written += 65536

    async with server(backend) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        host, _, number = one.listener.address.rpartition(":")  # type: ignore[union-attr]
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, (host, int(number)))

        before = -1
        while before != written:
            before = written
            await asyncio.sleep(0.3)

        connection = one.offerer.table.by_number[1]
        assert one.answerer._channel.buffered <= outlet.HIGH_WATER + 65536
        assert connection.backlog() <= tcp.WRITE_HIGH + 65536
        assert 0 < connection.inflow.size <= WINDOW_MAX + 65536
        assert not one.offerer._channel._paused
        assert written < 16 * 1024 * 1024  # with the buffers of four sockets

        taken, enough = 0, 2 * written
        while taken < enough:
            taken += len(await loop.sock_recv(sock, 1 << 20))
        sock.close()
        await until(lambda: ended(one), "the end")


async def test_a_slow_backend_stops_the_client() -> None:
    release = asyncio.Event()
    count = asyncio.get_running_loop().create_future()

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        total = 0
        while data := await reader.read(1 << 20):
            total += len(data)
        count.set_result(total)

    async with server(backend) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        _, writer = await one.connect()
        writer.write(bytes(24_000_000))
        transport = writer.transport

        before = -1
        while before != transport.get_write_buffer_size():
            before = transport.get_write_buffer_size()
            await asyncio.sleep(0.3)
        assert before > 24_000_000 - 16 * 1024 * 1024
        assert one.offerer._channel.buffered <= outlet.HIGH_WATER + 65536

        release.set()
        writer.write_eof()
        assert await count == 24_000_000
        writer.close()


async def test_busy_connections_share_the_channel() -> None:
    received = dict[int, int]()

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(received)
        received[number] = 0
        while data := await reader.read(65536):
            received[number] += len(data)

    async with server(backend) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        writers = [(await one.connect())[1] for _ in range(40)]
        await until(lambda: len(received) == 40, "the connections")
        for writer in writers:
            writer.write(bytes(1_000_000))
        await until(lambda: sum(received.values()) > 20_000_000, "half of it")
        shares = sorted(received.values())
        for writer in writers:
            writer.close()

        assert shares[0] > shares[-1] / 4
        await until(lambda: ended(one, 40), "the end")
        assert set(received.values()) == {1_000_000}


async def test_a_lone_keystroke_is_not_delayed() -> None:
    async with server(echo) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        reader, writer = await one.connect()
        loop = asyncio.get_running_loop()
        times = []
        for _ in range(50):
            start = loop.time()
            writer.write(b"k")
            await reader.readexactly(1)
            times.append(loop.time() - start)
        writer.close()

        assert sorted(times)[len(times) // 2] < 0.02


async def test_a_peer_that_does_not_open_gets_little_data() -> None:
    listener = Listener("127.0.0.1", 0)
    async with raw_peer(is_answerer=False, listener=listener) as (peer, _):
        host, _, port = listener.address.rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(bytes(1_000_000))
        await until(lambda: len(peer.data.get(1, b"")) >= tcp.UNCONFIRMED_MAX, "the first data")
        await peer.answered()
        assert len(peer.data[1]) < tcp.UNCONFIRMED_MAX + 33_000

        peer.send(ConnectionOpened(1))
        await until(lambda: len(peer.data[1]) == 1_000_000, "the rest")
        writer.close()
        await until(peer.received(SendEof(1)), "the end of data")


async def test_a_client_that_has_been_reset_unnoticed_is_closed() -> None:
    listener = Listener("127.0.0.1", 0)
    async with raw_peer(is_answerer=False, listener=listener) as (peer, one):
        host, _, port = listener.address.rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(bytes(1_000_000))
        await until(lambda: len(peer.data.get(1, b"")) >= tcp.UNCONFIRMED_MAX, "the first data")
        reset(writer)
        ping = encode(0, Ping(0, b"the same message").encode(), 0)
        peer.channel.send(encode(0, CloseConnection(1, CloseReason.NORMAL).encode(), 0) + ping)

        await until(peer.received(Pong(0, b"the same message")), "the answer")
        await until(lambda: not one.table.alive, "the release")


async def test_a_peer_that_never_opens_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "OPEN_TIMEOUT", 0.05)
    listener = Listener("127.0.0.1", 0)
    async with raw_peer(is_answerer=False, listener=listener) as (peer, _):
        host, _, port = listener.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))

        assert await reader.read() == b""
        await until(lambda: peer.closes(1), "the close")
        assert peer.closes(1)[0].reason is CloseReason.TIMEOUT
        writer.close()


async def test_a_client_without_backend_is_closed() -> None:
    async with talk(FixedTarget("127.0.0.1", free_port())) as one:
        reader, writer = await one.connect()

        assert await reader.read() == b""
        writer.close()
        await until(lambda: ended(one), "the end")
        assert one.seen(0, ConnectionEnded)[0].text == "Connection refused (os error 111)"


async def test_a_client_that_takes_nothing_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "LINGER", 0.1)

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(8_000_000))
        await writer.drain()

    async with server(backend) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        _, writer = await one.connect()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: one.offerer.connections, "the connection")
        await until(lambda: one.offerer.table.by_number[1].inflow.size, "more than it takes")
        one.offerer.close()

        await one.offerer.wait_closed()
        writer.close()


@pytest.mark.parametrize("end", [0, 1])
async def test_idle_clients_do_not_delay_the_end_of_a_conversation(end: int) -> None:
    async with server(echo) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        clients = [await one.connect() for _ in range(3)]
        await until(lambda: one.answerer.connections == 3, "the connections")
        start = asyncio.get_running_loop().time()
        (one.offerer, one.answerer)[end].close(CloseReason.ADMIN_CLOSED)
        await one.offerer.wait_closed()
        await one.answerer.wait_closed()

        assert asyncio.get_running_loop().time() - start < tcp.LINGER / 5
        for reader, writer in clients:
            assert await reader.read() == b""
            writer.close()


@pytest.mark.parametrize("size", [300_000, 6_000_000])
async def test_a_connection_that_ends_with_its_conversation_gets_all_its_data(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    looks, look = list[int](), tcp.unacknowledged

    def unacknowledged(sock: socket.socket) -> int:
        looks.append(look(sock))
        return looks[-1]

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(size))
        while await reader.read(65536):
            pass

    monkeypatch.setattr(tcp, "SETTLE", 0.01)
    async with server(backend) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        host, _, number = one.listener.address.rpartition(":")  # type: ignore[union-attr]
        sock.connect((host, int(number)))
        reader, writer = await asyncio.open_connection(sock=sock)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: one.offerer.inlet.bytes > size, "all data at this end")
        connection = one.offerer.table.by_number[1]
        assert bool(connection.backlog()) == (size > 1_000_000)

        monkeypatch.setattr(tcp, "unacknowledged", unacknowledged)
        one.offerer.close(CloseReason.ADMIN_CLOSED)
        while len(looks) < 8:  # data that nobody reads would make the system send RST
            writer.write(bytes(1000))
            await asyncio.sleep(0.001)
        assert max(looks) > 100_000

        writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert len(await reader.readexactly(size)) == size
        writer.close()


async def test_a_connection_that_is_ending_hurries_with_its_conversation() -> None:
    async with server(echo) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        reader, writer = await one.connect()
        await until(lambda: one.answerer.connections, "the connection")
        one.offerer.end(one.offerer.table.by_number[1], CloseReason.NORMAL, "")
        assert await reader.read() == b""
        start = asyncio.get_running_loop().time()
        one.offerer.close(CloseReason.ADMIN_CLOSED)
        await one.offerer.wait_closed()

        assert asyncio.get_running_loop().time() - start < tcp.LINGER / 5
        writer.close()


async def test_many_short_connections_leave_nothing() -> None:
    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(1) == b"r":
            reset(writer)
        writer.write(b"bye")

    async def client(one: Talk, number: int) -> None:
        reader, writer = await one.connect()
        writer.write(b"r" if number % 10 == 3 else b"x")
        if number % 10 == 5:
            reset(writer)
        elif number % 10 != 3:
            assert await reader.read() == b"bye"
        else:
            with pytest.raises(ConnectionResetError):
                await reader.read()
        writer.close()

    async with server(backend) as port, talk(FixedTarget("127.0.0.1", port)) as one:
        await client(one, 0)
        await until(lambda: ended(one, 1), "the end of the first")
        tasks = len(asyncio.all_tasks())
        before = files()
        for first in range(0, 300, 30):
            await asyncio.gather(*(client(one, number) for number in range(first, first + 30)))
        await until(lambda: ended(one, 301), "the end of all")

        await until(lambda: files() == before, "all files closed")
        await until(lambda: len(asyncio.all_tasks()) == tasks, "the tasks' end")
        assert not one.offerer.table.alive
        assert not one.answerer.table.alive


async def test_closing_a_conversation_leaves_nothing() -> None:
    async with server(echo) as port:
        before = files()
        async with talk(FixedTarget("127.0.0.1", port)) as one:
            clients = [await one.connect() for _ in range(30)]
            await until(lambda: one.answerer.connections == 30, "the connections")
            one.offerer.close(CloseReason.ADMIN_CLOSED)
            for reader, writer in clients:
                assert await reader.read() == b""
                writer.close()
            await one.offerer.wait_closed()
            await one.answerer.wait_closed()
            assert one.answerer.is_closed
            await until(lambda: files() == before, "all files closed")
