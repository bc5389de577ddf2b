"""A connection whose own side is a TCP connection."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import sys
import termios
from struct import Struct
from typing import TYPE_CHECKING, cast

from typing_extensions import override

from guacr.tubes.connections.connection import Connection
from guacr.tubes.connections.opening import OPEN_TIMEOUT, os_text
from guacr.tubes.forks import keep_from_children
from guacr.tubes.reasons import CloseReason

if TYPE_CHECKING:
    from guacr.tubes.conversation import Conversation

WRITE_HIGH = 64 * 1024
"""Bytes that wait to be written; what comes then waits in the connection's `Inflow`."""
WRITE_LOW = 16 * 1024
UNCONFIRMED_MAX = 64 * 1024
"""Bytes that are sent to the peer before it has opened the connection: it has to keep them."""
LINGER = 5.0
"""Seconds within which a closed connection has to take some of the data that it still gets."""
SETTLE = 0.1
"""Seconds between two looks at this when the conversation is closed: whoever has got everything is
not waited for."""
FIN_TEXT = "Backend connection closed unexpectedly"
"""The words of keeper-pam-webrtc-rs for a backend that has closed without any error."""

_ABORTIVE = Struct("ii").pack(1, 0)
"""For SO_LINGER: closing sends RST."""


class TcpConnection(Connection, asyncio.BufferedProtocol):
    """Forwards between a TCP connection and the peer.

    The end of one direction leaves the other one open. An RST is told as a CloseConnection with
    CONNECTION_LOST, and becomes one again at the other end.

    Args:
        is_opened: False if this end asks the peer to open its side: then not much is sent before it
            has, for `OPEN_TIMEOUT` at most.
    """

    def __init__(self, conversation: Conversation, number: int, *, is_opened: bool = True) -> None:
        super().__init__(conversation, number)
        self._outlet = conversation.outlet
        self._transport: asyncio.Transport
        self._is_confirmed = is_opened
        self._is_ending = False
        self._is_waiting = False
        """The outlet has no room, and will call `resume`."""
        self._timer: asyncio.TimerHandle | None = None
        self._unwritten = 0
        self._give_up_at = 0.0
        self._loop = asyncio.get_running_loop()
        self._is_released = False

    # --- the conversation's side

    @override
    def start(self) -> None:
        self._transport.resume_reading()
        if not self._is_confirmed:
            self._timer = self._loop.call_later(OPEN_TIMEOUT, self._not_opened)

    @override
    def opened(self) -> bool:
        if self._is_confirmed:
            return False
        self._is_confirmed = True
        self._cancel_timer()
        self.credit_granted()
        return True

    @override
    def credit_granted(self) -> None:
        if not self._is_waiting:
            self.resume()

    @override
    def receive(self, data: bytes) -> None:
        if not (self.has_received_eof or self._transport.is_closing()):
            self._transport.write(data)

    @override
    def receive_eof(self) -> None:
        self._write_eof()

    @override
    def close(self, reason: CloseReason, text: str) -> None:
        if self._is_ending:
            self._hurry()
            return
        self._is_ending = True
        self._cancel_timer()
        if reason is CloseReason.CONNECTION_LOST and text != FIN_TEXT:
            self._reset()
        elif not self._transport.is_closing():
            self._linger()

    @override
    def abort(self) -> None:
        self._is_ending = True
        self._cancel_timer()
        self._transport.abort()

    @override
    def backlog(self) -> int:
        return self._transport.get_write_buffer_size()

    # --- the readers' side

    def resume(self) -> None:
        """Read again."""
        self._is_waiting = False
        if self._may_send() and not self._transport.is_closing():
            self._transport.resume_reading()

    def _may_send(self) -> bool:
        return self.has_credit and (self._is_confirmed or self.sent < UNCONFIRMED_MAX)

    def _pause_unless_room(self, count: int) -> None:
        """Stop reading if nothing may be sent; `count` bytes have just been read."""
        if not self._outlet.has_room:
            self._transport.pause_reading()
            self._is_waiting = True
            self._outlet.wait(self, count)
        elif not self._may_send():
            self._transport.pause_reading()

    # --- the transport's side

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(WRITE_HIGH, WRITE_LOW)
        transport.pause_reading()
        keep_from_children(self)

    def fileno(self) -> int:
        """Return the descriptor of the socket, -1 once it is closed."""
        return -1 if self._is_released else self._transport.get_extra_info("socket").fileno()

    @override
    def get_buffer(self, sizehint: int) -> memoryview:
        return self._outlet.buffer

    @override
    def buffer_updated(self, nbytes: int) -> None:
        if self._is_ending:
            return
        self._outlet.send_read(self, nbytes)
        self._pause_unless_room(nbytes)

    @override
    def eof_received(self) -> bool:
        if self._is_ending:
            return False
        self.conversation.end_of_data(self)
        return True

    @override
    def pause_writing(self) -> None:
        if not self._is_ending:
            self.inflow.hold()

    @override
    def resume_writing(self) -> None:
        self.inflow.let_go()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._is_released = True
        self._cancel_timer()
        if not self._is_ending:
            self._is_ending = True
            text = os_text(exc) if isinstance(exc, OSError) else "connection lost"
            self.conversation.end(self, CloseReason.CONNECTION_LOST, text)
        self.conversation.table.released(self)

    # --- the end

    def _not_opened(self) -> None:
        text = f"the peer has not opened the connection within {OPEN_TIMEOUT:g} s"
        self.conversation.end(self, CloseReason.TIMEOUT, text)

    def _write_eof(self) -> None:
        if not self._transport.is_closing():
            try:
                self._transport.write_eof()
            except OSError:  # it has been reset, which nobody has read yet
                self._transport.abort()

    def _reset(self) -> None:
        if not self._transport.is_closing():
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORTIVE)
        self._transport.abort()

    def _linger(self) -> None:
        """Write what is left, and read to the end: a close while there is something to read would
        send RST, and the other side could lose what it has not read."""
        if self.has_sent_eof:
            self._transport.close()
        else:
            self._write_eof()
            self._transport.resume_reading()
        self._unwritten = self._left()
        self._give_up_at = self._loop.time() + LINGER
        self._wait()

    def _wait(self) -> None:
        seconds = SETTLE if self.conversation.is_closed else LINGER
        self._timer = self._loop.call_later(seconds, self._check)

    def _check(self) -> None:
        left, now = self._left(), self._loop.time()
        if left < self._unwritten:
            self._unwritten = left
            self._give_up_at = now + LINGER
        if left and now < self._give_up_at:
            self._wait()
        else:
            self._transport.abort()

    def _hurry(self) -> None:
        """Look again soon, if the conversation has been closed while this waits."""
        if self._give_up_at and self.conversation.is_closed and self._timer is not None:
            self._timer.cancel()
            self._wait()

    def _left(self) -> int:
        """Return the bytes that the other side has not got: an RST would destroy them."""
        sock = self._transport.get_extra_info("socket")
        return self.backlog() + unacknowledged(sock)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def unacknowledged(sock: socket.socket) -> int:
    """Return the bytes that the system has not delivered to the other side yet; 0 if it does not
    say."""
    try:
        return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    except OSError:
        return 0
