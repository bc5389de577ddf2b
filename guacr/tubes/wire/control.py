"""Control messages: the payloads of frames with conn_no 0.

A payload is a code (u16, big-endian) and a body. The codes and bodies are those of
keeper-pam-webrtc-rs 2.2.9; 201 to 204, for UDP, are those of its release 1.1.5, which later ones
ignore. 901 is guacr's own; it is ignored as well.

`parse` is as lenient as keeper-pam-webrtc-rs: a body that is too short is ignored, and so is what
follows one that is complete. A Ping without a conn_no has 0, and a text may be shorter than
announced.
"""

from __future__ import annotations

import codecs
from abc import ABC, abstractmethod
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import ClassVar, Self

from typing_extensions import override

from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.frames import MESSAGE_MAX, OVERHEAD

CONTROL_MAX = MESSAGE_MAX - OVERHEAD
"""Maximum bytes of a control message; longer ones are ignored."""
TEXT_MAX = 1024
"""Maximum bytes of UTF-8 in the text of a CloseConnection."""

_CODE = Struct(">H")
_CONN = Struct(">I")
_CONN_PORT = Struct(">IH")
_CONN_BYTE = Struct(">IB")
_CONN_LIMIT = Struct(">IQ")
_LENGTH = Struct(">H")
_PORT = Struct(">H")


class ControlMessage(ABC):
    """The base class."""

    __slots__ = ()
    code: ClassVar[int]

    def encode(self) -> bytes:
        """Return the payload of a frame with conn_no 0."""
        return _CODE.pack(self.code) + self._body()

    @abstractmethod
    def _body(self) -> bytes:
        """Return the bytes behind the code."""

    @classmethod
    @abstractmethod
    def read(cls, body: bytes) -> Self | None:
        """Return the message with this body; None if it is too short."""


@dataclass(frozen=True, slots=True)
class _Numbered(ControlMessage):
    conn_no: int

    @override
    def _body(self) -> bytes:
        return _CONN.pack(self.conn_no)

    @classmethod
    @override
    def read(cls, body: bytes) -> Self | None:
        return cls(*_CONN.unpack_from(body)) if len(body) >= _CONN.size else None


@dataclass(frozen=True, slots=True)
class _Echo(ControlMessage):
    conn_no: int = 0
    data: bytes = b""

    @override
    def _body(self) -> bytes:
        return _CONN.pack(self.conn_no) + self.data

    @classmethod
    @override
    def read(cls, body: bytes) -> Self | None:
        if len(body) < _CONN.size:
            return cls()
        return cls(_CONN.unpack_from(body)[0], body[_CONN.size :])


@dataclass(frozen=True, slots=True)
class _Relay(ControlMessage):
    conn_no: int
    port: int

    @override
    def _body(self) -> bytes:
        return _CONN_PORT.pack(self.conn_no, self.port)

    @classmethod
    @override
    def read(cls, body: bytes) -> Self | None:
        return cls(*_CONN_PORT.unpack_from(body)) if len(body) >= _CONN_PORT.size else None


@dataclass(frozen=True, slots=True)
class _Metrics(ControlMessage):
    data: bytes = b""

    @override
    def _body(self) -> bytes:
        return self.data

    @classmethod
    @override
    def read(cls, body: bytes) -> Self | None:
        return cls(body)


class Ping(_Echo):
    """A question whether a connection (0: the channel) is alive. `data` is opaque; some peers send
    1,400 zeros to warm up a new channel."""

    __slots__ = ()
    code = 1

    def pong(self) -> Pong:
        """Return the answer."""
        return Pong(self.conn_no, self.data)


class Pong(_Echo):
    """The answer to a Ping, with its conn_no and data."""

    __slots__ = ()
    code = 2


@dataclass(frozen=True, slots=True)
class OpenConnection(ControlMessage):
    """A request to open a connection, whose data may follow at once. A conn_no of 0 is invalid, and
    to be refused.

    `target` is empty, a SOCKS target (`guacr.tubes.wire.socks_target`), or a block of encrypted
    credentials (ConnectAs): what the conversation is for decides.
    """

    code: ClassVar[int] = 101
    conn_no: int
    target: bytes = b""

    @override
    def _body(self) -> bytes:
        return _CONN.pack(self.conn_no) + self.target

    @classmethod
    @override
    def read(cls, body: bytes) -> Self | None:
        if len(body) < _CONN.size:
            return None
        return cls(_CONN.unpack_from(body)[0], body[_CONN.size :])


@dataclass(frozen=True, slots=True)
class CloseConnection(ControlMessage):
    """The end of a connection (0: of the channel). It is not answered.

    `text` is for people. It is cut to `TEXT_MAX` bytes in both directions, and may contain any
    characters.
    """

    code: ClassVar[int] = 102
    conn_no: int
    reason: CloseReason = CloseReason.UNKNOWN
    text: str = ""

    @override
    def _body(self) -> bytes:
        head = _CONN_BYTE.pack(self.conn_no, self.reason)
        if not self.text:
            return head
        text = cut(self.text).encode()
        return head + _LENGTH.pack(len(text)) + text

    @classmethod
    @override
    def read(cls, body: bytes) -> Self | None:
        if len(body) < _CONN.size:
            return None
        if len(body) < _CONN_BYTE.size:
            return cls(*_CONN.unpack_from(body))
        conn_no, code = _CONN_BYTE.unpack_from(body)
        return cls(conn_no, CloseReason.from_code(code), _text(body[_CONN_BYTE.size :]))


class ConnectionOpened(_Numbered):
    """The answer to an OpenConnection that has succeeded."""

    __slots__ = ()
    code = 103


class SendEof(_Numbered):
    """The sender has no more data for this connection, and still reads (a half-close)."""

    __slots__ = ()
    code = 104


class UdpAssociate(_Relay):
    """From the offerer: a SOCKS client wants to send datagrams; `port` is that of its relay."""

    __slots__ = ()
    code = 201


class UdpAssociateOpened(_Relay):
    """The answer to a UdpAssociate; `port` is the answerer's UDP port."""

    __slots__ = ()
    code = 202


@dataclass(frozen=True, slots=True)
class UdpPacket(ControlMessage):
    """A datagram of the SOCKS client at `client`.

    From the offerer, `data` is a SOCKS target and the payload; from the answerer, it is a datagram
    of SOCKS (RFC 1928, section 7).
    """

    code: ClassVar[int] = 203
    conn_no: int
    client: IPv4Address | IPv6Address
    client_port: int
    data: bytes

    @override
    def _body(self) -> bytes:
        kind = 1 if self.client.version == 4 else 4
        head = _CONN_BYTE.pack(self.conn_no, kind) + self.client.packed
        return head + _PORT.pack(self.client_port) + self.data

    @classmethod
    @override
    def read(cls, body: bytes) -> Self | None:
        if len(body) < _CONN_BYTE.size:
            return None
        conn_no, kind = _CONN_BYTE.unpack_from(body)
        size = {1: 4, 4: 16}.get(kind)
        start = _CONN_BYTE.size
        if size is None or len(body) < start + size + _PORT.size:
            return None
        address = body[start : start + size]
        client = IPv4Address(address) if kind == 1 else IPv6Address(address)
        (port,) = _PORT.unpack_from(body, start + size)
        return cls(conn_no, client, port, body[start + size + _PORT.size :])


class UdpAssociateClosed(_Numbered):
    """The SOCKS connection of a UdpAssociate has ended."""

    __slots__ = ()
    code = 204


class MetricsRequest(_Metrics):
    """A request for a MetricsResponse; `data` is a selector that nobody reads."""

    __slots__ = ()
    code = 301


class MetricsResponse(_Metrics):
    """Figures of the sender; `data` is JSON."""

    __slots__ = ()
    code = 302


class MetricsConfig(_Metrics):
    """How the peer would like metrics to be collected; `data` is JSON. Not answered."""

    __slots__ = ()
    code = 303


@dataclass(frozen=True, slots=True)
class Window(ControlMessage):
    """A permission to send data on a connection: `limit` bytes in total since it was opened, which
    only grows. The last frame may exceed it.

    With a conn_no of 0 it is the limit of every connection before its own, and says that its sender
    grants more as data is taken. This comes before everything else, and once.
    """

    code: ClassVar[int] = 901
    conn_no: int
    limit: int

    @override
    def _body(self) -> bytes:
        return _CONN_LIMIT.pack(self.conn_no, self.limit)

    @classmethod
    @override
    def read(cls, body: bytes) -> Self | None:
        return cls(*_CONN_LIMIT.unpack_from(body)) if len(body) >= _CONN_LIMIT.size else None


@dataclass(frozen=True, slots=True)
class Unknown(ControlMessage):
    """A message whose code is not known: to be ignored."""

    code: int  # type: ignore[misc]  # not of the class here
    data: bytes

    @override
    def _body(self) -> bytes:
        return self.data

    @classmethod
    @override
    def read(cls, body: bytes) -> Self | None:
        return None


_KINDS: dict[int, type[ControlMessage]] = {
    kind.code: kind
    for kind in (
        Ping,
        Pong,
        OpenConnection,
        CloseConnection,
        ConnectionOpened,
        SendEof,
        UdpAssociate,
        UdpAssociateOpened,
        UdpPacket,
        UdpAssociateClosed,
        MetricsRequest,
        MetricsResponse,
        MetricsConfig,
        Window,
    )
}


def parse(payload: bytes) -> ControlMessage | None:
    """Return the message of a frame with conn_no 0; None if it is to be ignored, because its body
    is too short or it has more than `CONTROL_MAX` bytes. Raises nothing."""
    if not _CODE.size <= len(payload) <= CONTROL_MAX:
        return None
    (code,) = _CODE.unpack_from(payload)
    kind = _KINDS.get(code)
    return Unknown(code, payload[2:]) if kind is None else kind.read(payload[2:])


def cut(text: str) -> str:
    """Cut a text to `TEXT_MAX` bytes of UTF-8, at a character."""
    return text[:TEXT_MAX].encode(errors="replace")[:TEXT_MAX].decode(errors="ignore")


def _text(data: bytes) -> str:
    """Read a text with its length; if bytes are missing, return what there is."""
    if len(data) < _LENGTH.size:
        return ""
    (length,) = _LENGTH.unpack_from(data)
    found = data[_LENGTH.size : _LENGTH.size + min(length, TEXT_MAX)]
    return cut(codecs.utf_8_decode(found, "replace", length <= TEXT_MAX)[0])
