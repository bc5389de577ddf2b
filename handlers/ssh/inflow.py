"""Pass the host's bytes to asyncssh in portions and turns.

asyncssh copies all unread data with each packet, and reads until nothing is left: a megabyte of
tiny packets would hold up every session for seconds. While a task handles a packet, such as a
question to a person, it buffers everything that arrives, without a limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from typing_extensions import override

from guacr.api import TURN

PORTION = 16 * 1024
"""Bytes per portion."""
WAITING_MAX = 256 * 1024
"""Bytes pending for asyncssh at which reading pauses."""
ANSWERS_MAX = 4 << 20
"""Unsent bytes to the host at which nothing more is read from it, because replies to it would grow
without a limit if it does not read them. It must be far more than devices need that write before
they read."""


class Inflow(asyncio.Protocol):
    """Sits in front of asyncssh's protocol for one connection. It calls `on_data` when bytes
    arrive, and stores the first of them in `greeting`, up to `greeting_max`."""

    def __init__(
        self,
        connection: Any,
        greeting: bytearray,
        greeting_max: int,
        on_data: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._greeting = greeting
        self._greeting_max = greeting_max
        self._on_data = on_data
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._waiting = bytearray()
        self._held = False
        self._choked = False
        self._turn: asyncio.Handle | None = None
        self._ends: list[Callable[[], None]] = []
        self._finish_packet = self._connection._finish_recv_packet
        self._connection._finish_recv_packet = self._finished

    def session_started(self) -> None:
        """Called by asyncssh if the connection runs through a channel."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._transport.set_write_buffer_limits(high=ANSWERS_MAX)
        self._connection.connection_made(transport)

    @override
    def pause_writing(self) -> None:
        self._choked = True

    @override
    def resume_writing(self) -> None:
        self._choked = False
        self._go_on()

    @override
    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        self._greeting += data[: self._greeting_max - len(self._greeting)]
        self._waiting += data
        if self._turn is None:
            self._take_turn()
        if self._connection._transport is not None:
            self._on_data()
        if not self._held and len(self._waiting) > WAITING_MAX:
            self._held = True
            # Not at once: the channel may be delivering its buffer, and would keep the rest.
            self._loop.call_soon(self._hold)

    # asyncssh checks the host's algorithms in a task, which an end of the connection right after
    # them would cancel: the person would not learn why the host disconnected.

    @override
    def eof_received(self) -> None:
        self._end(self._connection.eof_received)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end(partial(self._connection.connection_lost, exc))

    def _end(self, tell: Callable[[], None]) -> None:
        """Report the end after everything before it has been read."""
        self._ends.append(tell)
        self._go_on()

    def _go_on(self) -> None:
        if self._turn is None:
            self._turn = self._loop.call_soon(self._take_turn)

    def _take_turn(self) -> None:
        """Pass on pending bytes for one turn."""
        self._turn = None
        end = perf_counter() + TURN
        while self._ready and perf_counter() < end:
            portion = bytes(self._waiting[:PORTION])
            del self._waiting[:PORTION]
            self._connection.data_received(portion)
        if self._ready:
            self._go_on()
            return
        if self._held and not self._waiting:
            self._held = False
            self._loop.call_soon(self._hold)
        ends, self._ends = self._ends, []
        for tell in ends:
            tell()

    @property
    def _ready(self) -> bool:
        """True if bytes are pending and asyncssh would read them: not while a task handles a
        packet, when it only buffers, and not after it has closed the connection."""
        if self._connection._transport is None:
            self._waiting.clear()
        if not self._waiting or self._choked:
            return False
        return hasattr(self._connection._recv_handler, "__self__")

    def _finished(self, *args: Any, **options: Any) -> None:
        """Continue after a packet has been handled."""
        self._finish_packet(*args, **options)
        if self._waiting:
            self._go_on()

    def _hold(self) -> None:
        """Pause or resume reading from the host."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._held:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
