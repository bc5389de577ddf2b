"""A connection that receives many bytes at once."""

from __future__ import annotations

import asyncio
from time import thread_time
from typing import Any

import pytest

from handlers.telnet.connection import TelnetConnection
from handlers.telnet.machine import TelnetMachine
from tests.support.loopback import until

NOP = b"\xff\xf1"


class Screen:
    """Takes what is printed."""

    def __init__(self) -> None:
        self.output = b""

    def host_heard(self) -> None: ...

    def host_output(self, data: bytes) -> None:
        self.output += data

    def host_blocked(self, blocked: bool) -> None: ...


class Socket(asyncio.Transport):
    """Notes whether it is read."""

    reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def write(self, data: Any) -> None: ...

    def abort(self) -> None: ...


def connected() -> tuple[TelnetConnection, Screen, Socket]:
    screen, transport = Screen(), Socket()
    connection = TelnetConnection(
        screen, lambda tls: TelnetMachine("xterm", (80, 24), b"", tls=tls)
    )
    connection.connection_made(transport)
    return connection, screen, transport


async def test_a_flood_of_commands_is_taken_in_turns() -> None:
    connection, screen, transport = connected()
    started = thread_time()
    connection.data_received(NOP * 500_000 + b"the end")
    connection.data_received(b" of it")
    assert thread_time() - started < 0.1, "all of it takes more than half a second"
    assert not transport.reading
    longest = 0.0
    while not screen.output:
        before = thread_time()
        await asyncio.sleep(0)
        longest = max(longest, thread_time() - before)
    await until(lambda: transport.reading)
    assert screen.output == b"the end of it"
    assert longest < 0.1


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
async def test_the_end_waits_for_what_came_before_it(error: Exception | None) -> None:
    connection, screen, _ = connected()
    connection.data_received(NOP * 100_000 + b"the end")
    connection.connection_lost(error)
    if error is None:
        await connection._turn
        assert screen.output == b"the end"
    else:
        with pytest.raises(ConnectionResetError):
            await connection._turn


async def test_a_screen_that_takes_nothing_is_given_nothing() -> None:
    connection, screen, transport = connected()
    connection.data_received(b"one")
    connection.block(True)
    connection.data_received(b"two")
    assert not transport.reading
    assert screen.output == b"one"
    connection.block(False)
    assert screen.output == b"onetwo"
    assert transport.reading
