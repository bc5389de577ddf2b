"""The event loop owns the sockets that it connects, whatever their peers do."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import socket
import ssl
import struct
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
from typing_extensions import override

from guacr.event_loop import PlainLoop, loop_type
from tests.support.waiting import until

RESET = struct.pack("ii", 1, 0)
"""With SO_LINGER, the end of a connection is a reset."""


def own_runner() -> asyncio.Runner:
    return asyncio.Runner(loop_factory=loop_type())


def plain_runner() -> asyncio.Runner:
    return asyncio.Runner(loop_factory=PlainLoop)


RUNNERS = [plain_runner, own_runner]


@pytest.fixture(scope="module", autouse=True)
def signals_of_uvloop() -> None:
    """Its first event loop opens a pipe that the process keeps."""
    loop_type()().close()


class Greeter(asyncio.Protocol):
    """Speaks first, like a client of SSH or TLS."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"SSH-2.0-client\r\n")


def reset_by_peer() -> socket.socket:
    """A connected socket whose peer has reset the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    other.close()
    one.setblocking(False)
    return one


def closed_by_peer() -> socket.socket:
    """A Unix socket whose peer has closed the connection."""
    one, other = socket.socketpair()
    other.close()
    one.setblocking(False)
    return one


async def over_tcp(sock: socket.socket) -> asyncio.BaseTransport:
    transport, _ = await asyncio.get_running_loop().create_connection(Greeter, sock=sock)
    return transport


async def over_tls(sock: socket.socket) -> asyncio.BaseTransport:
    transport, _ = await asyncio.get_running_loop().create_connection(
        Greeter, sock=sock, ssl=ssl.create_default_context(), server_hostname="host"
    )
    return transport


async def over_unix(sock: socket.socket) -> asyncio.BaseTransport:
    transport, _ = await asyncio.get_running_loop().create_unix_connection(Greeter, sock=sock)
    return transport


@pytest.mark.parametrize(
    ("make", "connect"),
    [(reset_by_peer, over_tcp), (reset_by_peer, over_tls), (closed_by_peer, over_unix)],
)
@pytest.mark.parametrize("make_runner", RUNNERS)
def test_the_descriptor_of_a_connection_that_has_ended_is_closed_once(
    make_runner: Callable[[], asyncio.Runner],
    make: Callable[[], socket.socket],
    connect: Callable[[socket.socket], Coroutine[Any, Any, asyncio.BaseTransport]],
) -> None:
    another = os.open(os.devnull, os.O_RDONLY)

    async def try_to_connect() -> None:
        sock = make()
        number = sock.fileno()
        with suppress(OSError):
            (await connect(sock)).close()
        await until(lambda: not is_open(number), "the end of the connection")
        os.dup2(another, number)  # as the connection of another session
        sock.close()
        os.close(number)

    with make_runner() as runner:
        runner.run(try_to_connect())
    os.close(another)


def garbage_instead_of_tls() -> socket.socket:
    """A connected socket whose peer has said something else than TLS does."""
    one, other = socket.socketpair()
    other.sendall(b"Too many connections")
    other.close()
    one.setblocking(False)
    return one


@pytest.mark.parametrize("turns", range(1, 6))
@pytest.mark.parametrize("make_runner", RUNNERS)
def test_a_connection_fails_after_its_session_has_ended(
    make_runner: Callable[[], asyncio.Runner], turns: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def leave_early() -> None:
        connecting = asyncio.create_task(over_tls(garbage_instead_of_tls()))
        for _ in range(turns):
            await asyncio.sleep(0)
        connecting.cancel()
        await asyncio.wait([connecting])
        with suppress(asyncio.CancelledError):
            connecting.exception()

    with make_runner() as runner:
        runner.run(leave_early())
        gc.collect()
    assert caplog.text == ""


@pytest.mark.parametrize("make_runner", RUNNERS)
@pytest.mark.parametrize(
    ("error", "is_fault"),
    [
        (ConnectionResetError(), False),
        (ssl.SSLError(1, "wrong version number"), False),
        (TimeoutError(), False),
        (OSError(errno.ENOSPC, "no space"), True),
        (ValueError(), True),
    ],
)
def test_only_failures_of_connections_need_nobody_who_waits(
    make_runner: Callable[[], asyncio.Runner],
    error: Exception,
    is_fault: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail_alone() -> None:
        asyncio.get_running_loop().create_future().set_exception(error)
        gc.collect()

    with caplog.at_level(logging.DEBUG, "guacr.event_loop"), make_runner() as runner:
        runner.run(fail_alone())
    reports = [record for record in caplog.records if record.levelno >= logging.ERROR]
    notes = [record for record in caplog.records if record.name == "guacr.event_loop"]
    assert (len(reports), len(notes)) == ((1, 0) if is_fault else (0, 1))
    assert all(record.exc_info for record in reports)
    assert not any(record.exc_info for record in notes)


@pytest.mark.parametrize("make_runner", RUNNERS)
def test_the_failure_of_a_task_is_reported(
    make_runner: Callable[[], asyncio.Runner], caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise ConnectionResetError

    async def fail_alone() -> None:
        task = asyncio.create_task(fail())
        await asyncio.wait([task])
        del task
        gc.collect()

    with make_runner() as runner:
        runner.run(fail_alone())
    assert "Task exception was never retrieved" in caplog.text


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("runner", RUNNERS)
def test_zones_of_addresses_are_kept(runner: Callable[[], asyncio.Runner]) -> None:
    number, name = socket.if_nameindex()[0]

    async def resolve(host: str) -> list[Any]:
        found = await asyncio.get_running_loop().getaddrinfo(host, 22, type=socket.SOCK_STREAM)
        return [address for _, _, _, _, address in found]

    with runner() as running:
        assert running.run(resolve(f"fe80::1%{name}")) == [("fe80::1", 22, 0, number)]
        assert running.run(resolve("::1")) == [("::1", 22, 0, 0)]
        with pytest.raises(socket.gaierror):
            running.run(resolve("fe80::1%nope"))
