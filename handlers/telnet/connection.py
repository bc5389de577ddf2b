"""A Telnet connection on asyncio, driven by the protocol machine."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Protocol, cast

from guacr.api import TURN, GuacrError, UpstreamError
from handlers.link import keep_alive
from handlers.telnet.inflation import Inflation
from handlers.telnet.machine import Received, TelnetMachine, Upgrade

INPUT_MAX = 1 << 20
"""Pending bytes of input at which the input of users is paused."""
UNSENT_MAX = 2 * INPUT_MAX
"""Unsent bytes at which a host that demands further replies is given up."""
PORTION = 8192
"""Bytes per portion."""
TLS_TIMEOUT = 15.0
"""Seconds that a TLS handshake may take."""

MachineFactory = Callable[[bool], TelnetMachine]
"""Creates a machine; the argument says whether START_TLS may be negotiated."""


class TelnetListener(Protocol):
    """Receives a host's output."""

    def host_heard(self) -> None:
        """Handle the first bytes of the host."""

    def host_output(self, data: bytes) -> None:
        """Handle bytes for the screen; a `GuacrError` ends the connection."""

    def host_blocked(self, blocked: bool) -> None:
        """Handle that the host accepts no more input for now, or accepts it again."""


class TelnetConnection(asyncio.Protocol):
    """A connection; `run` reports how it ends.

    Bytes go from the socket to the listener without a task in between, in turns, so that others are
    served. `make_machine` is called again after START_TLS, because that voids everything negotiated
    before.
    """

    def __init__(self, listener: TelnetListener, make_machine: MachineFactory) -> None:
        self.heard = False
        """True if the host has sent anything."""
        self._listener = listener
        self._make_machine = make_machine
        self._machine = make_machine(True)
        self._inflation: Inflation | None = None
        self._due = False
        """True if a turn for the next portion is scheduled."""
        self._held: bytearray | None = None
        """Input typed while TLS is being established, which must not be sent in plain text."""
        self._blocked = False
        self._lost = False
        """True if the transport has ended; received bytes may still be pending."""
        self._ended = False
        self._plain = bytearray()
        """Received bytes that have not been processed."""
        self._turn = _new_turn()
        self._transport: asyncio.Transport

    # ---- life

    async def open(self, sock: socket.socket, tls: ssl.SSLContext | None, host: str) -> None:
        """Take ownership of a connected socket, and start TLS if there is a context.

        Raises:
            OSError, ssl.SSLError: the handshake failed.
        """
        keep_alive(sock)
        # "urgent" bytes are the marks that follow an interrupt; they are part of the stream
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self._machine = self._make_machine(False)
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: self,
                sock=sock,
                ssl=tls,
                server_hostname=host if tls else None,
                ssl_handshake_timeout=TLS_TIMEOUT if tls else None,
            )
        except BaseException:
            if tls is None:  # the transport of TLS closes it, and may use its number until then
                sock.close()
            raise

    async def run(self, tls: Callable[[], Awaitable[ssl.SSLContext]], host: str) -> None:
        """Run until the host closes the connection; `tls` returns a context if the host starts TLS.

        Raises:
            GuacrError: the host violates the protocol, or the listener raised it.
            OSError, ssl.SSLError: the connection was lost, or TLS failed.
        """
        while await self._turn is Upgrade.TLS:
            self._turn = _new_turn()
            await self._secure(await tls(), host)

    async def _secure(self, context: ssl.SSLContext, host: str) -> None:
        loop = asyncio.get_running_loop()
        secured = await loop.start_tls(
            self._transport,
            self,
            context,
            server_hostname=host,
            ssl_handshake_timeout=TLS_TIMEOUT,
        )
        if secured is None:
            raise UpstreamError("the host closed the connection during the TLS handshake")
        self.connection_made(secured)
        held, self._held = self._held, None
        self._update_reading()
        if held:
            self._listener.host_blocked(False)
            self.write(bytes(held))

    def close(self) -> None:
        """End the connection at once; may be called twice."""
        self._ended = True
        self._turn.cancel()
        transport = getattr(self, "_transport", None)
        if transport is not None:
            transport.abort()

    # ---- for the handler

    def write(self, data: bytes) -> None:
        """Send input."""
        if self._held is not None:
            self._held += data
            if len(self._held) > INPUT_MAX:
                self._listener.host_blocked(True)
        elif not (self._ended or self._lost):
            self._transport.write(self._machine.encode(data))

    def send_break(self) -> None:
        """Send a break; it is lost while TLS is being established, as on a disconnected line."""
        if self._held is None and not (self._ended or self._lost):
            self._transport.write(self._machine.send_break())

    def resize(self, columns: int, rows: int) -> None:
        """Report a new size of the screen."""
        if not self._ended:
            self._reply(self._machine.resize(columns, rows))

    @property
    def local_echo(self) -> bool:
        """True if the host expects guacr to echo input."""
        return self._machine.local_echo

    def block(self, blocked: bool) -> None:
        """Stop or resume reading output."""
        self._blocked = blocked
        if not (blocked or self._due):
            self._guarded(self._go_on)
        self._update_reading()

    # ---- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport; called again after START_TLS, with the encrypted one."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=INPUT_MAX)

    def data_received(self, data: bytes) -> None:
        """Handle received bytes."""
        if self._ended:
            return
        if not self.heard:
            self.heard = True
            self._listener.host_heard()
        if self._inflation is None:
            self._plain += data
        else:
            self._inflation.put(data)
        if not self._due:
            self._guarded(self._go_on)

    def pause_writing(self) -> None:
        """Handle that `INPUT_MAX` bytes are pending."""
        self._listener.host_blocked(True)

    def resume_writing(self) -> None:
        """Handle that the pending input was sent."""
        self._listener.host_blocked(False)

    def eof_received(self) -> bool:
        """Handle the end of the host's output, which ends the session."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the end of the connection; bytes received before it are still processed, in
        turns."""
        self._lost = True
        if exc is not None or (self._inflation is None and not self._plain):
            self._end(exc)
        elif not self._due:
            self._guarded(self._go_on)

    # ---- within

    def _guarded(self, step: Callable[[], None]) -> None:
        """Pass exceptions that end the connection to `run`."""
        try:
            step()
        except GuacrError as error:
            self._transport.abort()
            self._end(error)

    def _end(self, error: Exception | None) -> None:
        self._ended = True
        if self._turn.done():
            return
        if error is None:
            self._turn.set_result(None)
        else:
            self._turn.set_exception(error)

    def _go_on(self) -> None:
        """Process pending bytes for one turn."""
        if self._inflation is None:
            self._take_plain()
        else:
            self._inflate()

    def _take_plain(self) -> None:
        """Process a portion of uncompressed bytes, if the screen accepts output."""
        end = perf_counter() + TURN
        while self._plain and not (self._blocked or self._ended):
            if perf_counter() > end:
                self._go_on_soon()
                return
            portion = bytes(self._plain[:PORTION])
            del self._plain[:PORTION]
            self._take(portion)
        if self._lost and not (self._plain or self._due):
            self._end(None)

    def _take(self, data: bytes) -> None:
        received = self._machine.receive(data)
        self._reply(received.reply)
        if received.output:
            self._listener.host_output(received.output)
        if received.upgrade is not None and not self._ended:
            self._upgrade(received)

    def _upgrade(self, received: Received) -> None:
        if received.upgrade is Upgrade.COMPRESSION:
            self._inflation = Inflation()
            self._inflation.put(received.rest + bytes(self._plain))
            self._plain.clear()
            self._go_on_soon()
        elif received.rest or self._plain:
            raise UpstreamError("the host does not wait for TLS after it has requested it")
        else:
            self._machine = self._make_machine(False)
            self._held = bytearray()
            self._transport.pause_reading()
            self._turn.set_result(Upgrade.TLS)

    def _go_on_soon(self) -> None:
        """Schedule the next portion after others have had their turn: a few compressed bytes may
        expand to very many, none of which produce output that the screen could pause."""
        self._due = True
        self._update_reading()
        asyncio.get_running_loop().call_soon(self._guarded, self._next_portion)

    def _next_portion(self) -> None:
        self._due = False
        self._go_on()
        self._update_reading()

    def _inflate(self) -> None:
        """Process a portion of inflated bytes, if the screen accepts output."""
        inflation = self._inflation
        if inflation is None or self._blocked or self._ended:
            return
        if portion := inflation.take():
            self._take_inflated(portion)
        if inflation.ended:
            self._inflation = None
            self._plain += inflation.rest
            self._take_plain()
        elif inflation.more:
            self._go_on_soon()
        if self._lost and not self._due:
            self._end(None)

    def _update_reading(self) -> None:
        """Pause or resume reading from the host."""
        if self._ended or self._lost or self._held is not None:
            return
        if self._blocked or self._due:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _take_inflated(self, portion: bytes) -> None:
        received = self._machine.receive(portion)
        self._reply(received.reply)
        self._listener.host_output(received.output)
        if received.upgrade is not None:
            raise UpstreamError("the host requests compression, or TLS, inside compressed data")

    def _reply(self, reply: bytes) -> None:
        if not reply or self._ended or self._lost:
            return
        if self._transport.get_write_buffer_size() + len(reply) > UNSENT_MAX:
            raise UpstreamError("the host sends endless requests, and does not read the replies")
        self._transport.write(reply)


def _new_turn() -> asyncio.Future[Upgrade | None]:
    """The future that `run` waits for; an error after it has left is ignored."""
    turn: asyncio.Future[Upgrade | None] = asyncio.get_running_loop().create_future()
    turn.add_done_callback(lambda done: done.cancelled() or done.exception())
    return turn
