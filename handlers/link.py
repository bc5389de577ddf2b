"""TCP's knowledge of a host that may have vanished."""

from __future__ import annotations

import socket
import struct
import sys
import time

_IDLE = getattr(socket, "TCP_KEEPIDLE", None)
_TIMES = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
_LOST_AFTER = 60_000
KEEP_ALIVE = {
    option: value
    for name, value in (*_TIMES, ("TCP_USER_TIMEOUT", _LOST_AFTER))
    if (option := getattr(socket, name, None)) is not None
}
"""The times of TCP's keep-alive probes in seconds, their number, and the milliseconds after which
a connection ends whose host acknowledges nothing. One to a host that has vanished ends after about
a minute, whether or not something is sent to it."""
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_INFO = struct.Struct("<BBBBBBBB16I")
"""The beginning of Linux's tcp_info (tcp(7), linux/tcp.h)."""
_STATE, _PROBES, _UNACKNOWLEDGED, _LAST_ACKNOWLEDGED, _ROUND_TRIP = 0, 3, 12, 20, 23
"""Places in it: the state of the connection, keep-alive probes without an answer, segments on
their way, the milliseconds since the last acknowledgement, and the microseconds of a round trip."""
_CLOSED = 7
"""The state of a connection that has ended (TCP_CLOSE, net/tcp_states.h)."""
NEAR = 0.01
"""The seconds of a round trip up to which a host is near: between them are quick links only."""
SAME = 0.02
"""Seconds by which two calculations of one time may differ."""
PROBED_AFTER = 3
"""Seconds after which a host that has not greeted is probed (see `probe_soon`)."""


def keep_alive(sock: socket.socket) -> None:
    """Let a connection to a host that has vanished end by itself, if it is one of TCP."""
    if sock.family not in _FAMILIES:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEP_ALIVE.items():
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


def probe_soon(sock: socket.socket) -> None:
    """Probe a host that is to speak first, until `keep_alive` is called. While its queue of new
    connections is full, Linux may forget one that counts as open here (`tcp_syncookies`, tcp(7));
    a probe is answered by a reset then."""
    keep_alive(sock)
    if _IDLE is not None and sock.family in _FAMILIES:
        sock.setsockopt(socket.IPPROTO_TCP, _IDLE, PROBED_AFTER)


def is_near(sock: socket.socket) -> bool:
    """Return whether the other end of a connection is known to be near, as its first round trip
    shows."""
    if sys.platform != "linux" or sock.family not in _FAMILIES:
        return False
    return _info(sock)[_ROUND_TRIP] <= NEAR * 1e6


def _info(sock: socket.socket) -> tuple[int, ...]:
    return _INFO.unpack(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size))


class Link:
    """The TCP connection of a socket that another process uses.

    Args:
        sock: the socket, of which a copy is kept. If it is not of TCP, or the system is not Linux,
            its host always counts as present.
    """

    def __init__(self, sock: socket.socket) -> None:
        is_known = sys.platform == "linux" and sock.family in _FAMILIES
        self._sock = sock.dup() if is_known else None
        self._acknowledged = 0.0
        """The time of the last acknowledgement, on the monotonic clock."""
        self._is_silent = False

    def is_silent(self) -> bool:
        """Return whether the host has acknowledged nothing since the last call, although something
        is on its way to it. Once the connection has ended, the answer stays the last one."""
        if self._sock is None:
            return False
        info = _info(self._sock)
        if info[_STATE] == _CLOSED:
            return self._is_silent
        before = self._acknowledged
        self._acknowledged = time.monotonic() - info[_LAST_ACKNOWLEDGED] / 1000
        waits = bool(info[_PROBES] or info[_UNACKNOWLEDGED])
        self._is_silent = waits and self._acknowledged - before < SAME
        return self._is_silent

    def close(self) -> None:
        """Forget the socket."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None
