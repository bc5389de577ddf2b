"""A Telnet connection on asyncio: what the machine says, done."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from guacr.errors import GuacrError, UpstreamError
from handlers.telnet.inflation import Inflation
from handlers.telnet.machine import Received, TelnetMachine, Upgrade

INPUT_MAX = 1 << 20
"""Bytes of input that wait for the host before the users are asked to wait too."""
UNSENT_MAX = 2 * INPUT_MAX
"""Bytes unsent at which a host that asks for still more replies is given up."""
TLS_TIMEOUT = 15.0
"""Seconds that a TLS handshake may take."""

MachineFactory = Callable[[bool], TelnetMachine]
"""Makes a machine; the argument says whether START_TLS may be agreed on."""


class TelnetListener(Protocol):
    """Who takes what a host prints."""

    def host_heard(self) -> None:
        """The host has said something for the first time."""

    def host_output(self, data: bytes) -> None:
        """Bytes for the screen; a `GuacrError` ends the connection."""

    def host_blocked(self, blocked: bool) -> None:
        """The host takes no more input for now, or takes it again."""


class TelnetConnection(asyncio.Protocol):
    """One connection; `run` tells how it ends.

    Bytes go from the socket to the listener without a task or a queue between. `make_machine` is
    called again after START_TLS, for all that was agreed on is void then.
    """

    def __init__(self, listener: TelnetListener, make_machine: MachineFactory) -> None:
        self.heard = False
        """Whether the host has said anything."""
        self._listener = listener
        self._make_machine = make_machine
        self._machine = make_machine(True)
        self._inflation: Inflation | None = None
        self._due = False
        """Whether the next portion has a turn of the loop."""
        self._held: bytearray | None = None
        """What is typed while TLS comes about, for the host must not get it in plain."""
        self._blocked = False
        self._lost = False
        """Whether the transport has ended; what it brought may still wait."""
        self._ended = False
        self._turn = _new_turn()
        self._transport: asyncio.Transport

    # ---- life

    async def open(self, sock: socket.socket, tls: ssl.SSLContext | None, host: str) -> None:
        """Take over a connected socket, and put TLS on it if there is a context.

        Raises:
            OSError, ssl.SSLError: the handshake has failed.
        """
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # "urgent" bytes are the marks that follow an interrupt: they belong into the stream
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
            sock.close()
            raise

    async def run(self, tls: Callable[[], Awaitable[ssl.SSLContext]], host: str) -> None:
        """Until the host closes the connection; `tls` gives a context if the host starts TLS.

        Raises:
            GuacrError: the host does what cannot be gone on with, or the listener has had enough.
            OSError, ssl.SSLError: the connection was lost, or TLS has failed.
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
            raise UpstreamError("the host has closed the connection during the TLS handshake")
        self.connection_made(secured)
        held, self._held = self._held, None
        self._steer()
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
        """What is typed."""
        if self._held is not None:
            self._held += data
            if len(self._held) > INPUT_MAX:
                self._listener.host_blocked(True)
        elif not (self._ended or self._lost):
            self._transport.write(self._machine.encode(data))

    def send_break(self) -> None:
        """The key Break; while TLS comes about it is lost, as a line that is not there loses it."""
        if self._held is None and not (self._ended or self._lost):
            self._transport.write(self._machine.send_break())

    def resize(self, columns: int, rows: int) -> None:
        """The screen has another size."""
        if not self._ended:
            self._reply(self._machine.resize(columns, rows))

    @property
    def local_echo(self) -> bool:
        """Whether the host leaves it to us to show what is typed."""
        return self._machine.local_echo

    def block(self, blocked: bool) -> None:
        """Take no more output from the host, or take it again."""
        self._blocked = blocked
        if not (blocked or self._due):
            self._guarded(self._inflate)
        self._steer()

    # ---- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Also after START_TLS, with the transport that encrypts."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=INPUT_MAX)

    def data_received(self, data: bytes) -> None:
        """The host has sent something."""
        if self._ended:
            return
        if not self.heard:
            self.heard = True
            self._listener.host_heard()
        if self._inflation is None:
            self._guarded(lambda: self._take(data))
        else:
            self._inflation.put(data)
            if not self._due:
                self._guarded(self._inflate)

    def pause_writing(self) -> None:
        """`INPUT_MAX` bytes are waiting."""
        self._listener.host_blocked(True)

    def resume_writing(self) -> None:
        """The host has taken what waited."""
        self._listener.host_blocked(False)

    def eof_received(self) -> bool:
        """The host has ended its half, and the session with it."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended; what is to be inflated still comes, in its turns."""
        self._lost = True
        if exc is not None or self._inflation is None:
            self._end(exc)
        elif not self._due:
            self._guarded(self._inflate)

    # ---- within

    def _guarded(self, step: Callable[[], None]) -> None:
        """Whatever ends the connection is told by `run`."""
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

    def _take(self, data: bytes) -> None:
        """Plain bytes."""
        received = self._machine.receive(data)
        self._reply(received.reply)
        if received.output:
            self._listener.host_output(received.output)
        if received.upgrade is not None and not self._ended:
            self._upgrade(received)

    def _upgrade(self, received: Received) -> None:
        if received.upgrade is Upgrade.COMPRESSION:
            self._inflation = Inflation()
            self._inflation.put(received.rest)
            self._inflate_soon()
        elif received.rest:
            raise UpstreamError("the host does not wait for TLS after it has asked for it")
        else:
            self._machine = self._make_machine(False)
            self._held = bytearray()
            self._transport.pause_reading()
            self._turn.set_result(Upgrade.TLS)

    def _inflate_soon(self) -> None:
        """The next portion comes after others had their turn: few bytes may stand for very many,
        and all of these for nothing that the screen could ask to wait."""
        self._due = True
        self._steer()
        asyncio.get_running_loop().call_soon(self._guarded, self._next_portion)

    def _next_portion(self) -> None:
        self._due = False
        self._inflate()
        self._steer()

    def _inflate(self) -> None:
        """Pass on a portion of what is inflated, if the screen takes it."""
        inflation = self._inflation
        if inflation is None or self._blocked or self._ended:
            return
        if portion := inflation.take():
            self._take_inflated(portion)
        if inflation.ended:
            self._inflation = None
            self._take(inflation.rest)
        elif inflation.more:
            self._inflate_soon()
        if self._lost and not self._due:
            self._end(None)

    def _steer(self) -> None:
        """Have the host wait, or no longer."""
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
            raise UpstreamError("the host wants to compress, or encrypt, what is compressed")

    def _reply(self, reply: bytes) -> None:
        if not reply or self._ended or self._lost:
            return
        if self._transport.get_write_buffer_size() + len(reply) > UNSENT_MAX:
            raise UpstreamError("the host asks without end, and does not take the answers")
        self._transport.write(reply)


def _new_turn() -> asyncio.Future[Upgrade | None]:
    """What `run` waits for; an error that comes after it has left is nobody's."""
    turn: asyncio.Future[Upgrade | None] = asyncio.get_running_loop().create_future()
    turn.add_done_callback(lambda done: done.cancelled() or done.exception())
    return turn
