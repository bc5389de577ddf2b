"""The connection to the server: packets (TPKT, and the fast path's), over TCP or TLS."""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import suppress
from typing import Any

from handlers.rdp.aardwolf.errors import LOST, TLS_FAILED, EndError, invalid

READ_MAX = 1 << 18
"""Bytes that are received at a time."""
TPKT = 3
"""The first byte of a TPKT (RFC 1006)."""
_TPKT_HEADER, _FAST_MIN, _FAST_LONG = 4, 2, 3
_X224_DATA = bytes.fromhex("02f080")
_ACTION = 3
"""The bits of the first byte that tell a fast-path packet, which has zeros there."""


class Link:
    """A connected TCP socket, which it takes over.

    Args:
        sock: its descriptor.
    """

    def __init__(self, sock: int) -> None:
        self._socket = socket.socket(fileno=sock)
        self._spare = socket.socket(fileno=os.dup(sock))
        """For `abort`, which another thread may call at any time."""
        self._received = bytearray()
        self._at = 0
        """Where the next packet begins in it."""
        self._encrypted, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._end: EndError | None = None
        """Why nothing follows what has been received, if TLS has ended."""

    def fileno(self) -> int:
        """Return the descriptor, for `select`."""
        return self._socket.fileno()

    def abort(self) -> None:
        """End the connection, so that the other methods raise an error; from any thread."""
        with suppress(OSError):  # it has ended
            self._spare.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
        self._spare.close()

    # ---- TLS

    def secure(self) -> list[bytes]:
        """Begin TLS, and return the server's certificates in DER, its own first. They have not been
        verified."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # the daemon verifies it before anything is sent
        tls = context.wrap_bio(self._encrypted, self._outgoing)
        self._encrypted.write(bytes(self._received))
        self._received.clear()
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._encrypted.write(self._receive_raw())
            except ssl.SSLError as error:
                self._flush()
                raise EndError(TLS_FAILED, str(error)) from None
        self._flush()
        self._tls = tls
        return _chain(tls)

    # ---- bytes

    def send(self, data: bytes) -> None:
        """Send bytes, waiting for a server that does not read."""
        if self._tls is None:
            self._send_raw(data)
            return
        self._tls.write(data)
        self._flush()

    def receive(self) -> None:
        """Receive what there is, waiting if there is nothing."""
        self.check()
        data = self._receive_raw()
        if self._tls is None:
            self._received += data
            return
        self._encrypted.write(data)
        size = len(self._received)
        try:
            while found := self._tls.read(READ_MAX):
                self._received += found
            self._end = EndError(LOST)  # TLS has been closed, if not the connection
        except ssl.SSLWantReadError:
            self._flush()  # of an answer to another key, for example
        except ssl.SSLError as error:
            self._end = EndError(LOST, str(error))
        if len(self._received) == size:
            self.check()  # otherwise, the server may have said why it has ended the connection

    def check(self) -> None:
        """Check that more can be received.

        Raises:
            EndError: it cannot.
        """
        if self._end is not None:
            raise self._end

    def take(self, size: int) -> bytes | None:
        """Return so many received bytes, or None if there are not so many."""
        if len(self._received) < size:
            return None
        found = bytes(self._received[:size])
        del self._received[:size]
        return found

    def peek(self) -> bytearray:
        """Return what has been received and not been taken."""
        return self._received

    # ---- packets

    def packet(self) -> tuple[bool, bytes] | None:
        """Return the next packet that has been received, without its header: whether it is one of
        the fast path, whose first byte remains, and its data, or that of X.224."""
        data, at = self._received, self._at
        if len(data) - at < _FAST_MIN:
            self._forget()
            return None
        is_fast = data[at] != TPKT
        header, size = _fast_header(data, at) if is_fast else _tpkt_header(data, at)
        if not size or at + size > len(data):
            self._forget()
            return None
        self._at = at + size
        if is_fast:
            return True, bytes(data[at : at + 1] + data[at + header : at + size])
        start = at + header + len(_X224_DATA)
        if data[at + header : start] != _X224_DATA:
            raise invalid("a packet is not one of X.224 data")
        return False, bytes(data[start : at + size])

    def _forget(self) -> None:
        """Forget the packets that have been returned: once for all of them."""
        del self._received[: self._at]
        self._at = 0

    def send_packet(self, data: bytes) -> None:
        """Send data of X.224."""
        self.send(tpkt(_X224_DATA + data))

    # ---- the socket

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._send_raw(self._outgoing.read())

    def _send_raw(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise EndError(LOST, str(error)) from None

    def _receive_raw(self) -> bytes:
        try:
            data = self._socket.recv(READ_MAX)
        except OSError as error:
            raise EndError(LOST, str(error)) from None
        if not data:
            raise EndError(LOST)
        return data


def tpkt(data: bytes) -> bytes:
    """Return a TPKT."""
    return bytes((TPKT, 0)) + (_TPKT_HEADER + len(data)).to_bytes(2, "big") + data


def _tpkt_header(data: bytearray, at: int) -> tuple[int, int]:
    """Return the size of a header and of the packet; the latter is 0 if it is not known yet."""
    if len(data) - at < _TPKT_HEADER:
        return _TPKT_HEADER, 0
    size = data[at + 2] << 8 | data[at + 3]
    if size < _TPKT_HEADER + len(_X224_DATA):
        raise invalid(f"a packet has {size} bytes")
    return _TPKT_HEADER, size


def _fast_header(data: bytearray, at: int) -> tuple[int, int]:
    if data[at] & _ACTION:
        raise invalid(f"a packet begins with {data[at]:#x}")
    size = data[at + 1]
    if not size & 0x80:
        header = _FAST_MIN
    elif len(data) - at < _FAST_LONG:
        return _FAST_LONG, 0
    else:
        header, size = _FAST_LONG, (size & 0x7F) << 8 | data[at + 2]
    if size < header:
        raise invalid(f"a packet has {size} bytes")
    return header, size


def _chain(tls: ssl.SSLObject) -> list[bytes]:
    """Return all certificates that the server has sent. Python has a public method for it since
    3.13; what it calls exists before."""
    found: Any = getattr(tls, "get_unverified_chain", None)
    if found is not None:
        return list(found())
    inner: Any = tls._sslobj  # type: ignore[attr-defined]
    return [certificate.public_bytes(_DER) for certificate in inner.get_unverified_chain()]


_DER = 2
"""The encoding's number in `_ssl` (ENCODING_DER)."""
