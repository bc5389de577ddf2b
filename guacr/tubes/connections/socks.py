"""The server's side of SOCKS5 (RFC 1928), without I/O: greeting and request."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.socks_target import SocksTarget

VERSION = 5
ACCEPTED_METHOD = b"\x05\x00"
"""The answer to a greeting: no authentication."""
NO_METHOD = b"\x05\xff"


class Command(IntEnum):
    """The command of a request."""

    CONNECT = 1
    BIND = 2
    UDP_ASSOCIATE = 3


class Reply(IntEnum):
    """The answer to a request."""

    SUCCEEDED = 0
    FAILURE = 1
    NOT_ALLOWED = 2
    NETWORK_UNREACHABLE = 3
    HOST_UNREACHABLE = 4
    CONNECTION_REFUSED = 5
    TTL_EXPIRED = 6
    COMMAND_NOT_SUPPORTED = 7
    ADDRESS_NOT_SUPPORTED = 8


@dataclass(frozen=True, slots=True)
class Request:
    """A request. IPv6 addresses are uncompressed, as keeper-pam-webrtc-rs sends them."""

    command: Command
    target: SocksTarget


class SocksHandshake:
    """Reads what a client sends before its data.

    Attributes:
        request: once it has been read.
        has_failed: the client is to be closed after the answer.
    """

    __slots__ = ("_has_greeted", "_held", "has_failed", "request")

    def __init__(self) -> None:
        self.request: Request | None = None
        self.has_failed = False
        self._has_greeted = False
        self._held = b""

    @property
    def rest(self) -> bytes:
        """The bytes that the client has sent after its request."""
        return self._held

    def feed(self, data: bytes) -> bytes:
        """Process bytes of the client until there is a request; return what to answer. Raises
        nothing."""
        if self.has_failed:
            return b""
        self._held += data
        answer = b""
        if not self._has_greeted:
            answer = self._greet()
        if self._has_greeted and self.request is None and not self.has_failed:
            answer += self._read_request()
        return answer

    def _greet(self) -> bytes:
        held = self._held
        if held and held[0] != VERSION:
            return self._fail(NO_METHOD)
        if len(held) < 2 or len(held) < 2 + held[1]:
            return b""
        methods, self._held = held[2 : 2 + held[1]], held[2 + held[1] :]
        if 0 not in methods:
            return self._fail(NO_METHOD)
        self._has_greeted = True
        return ACCEPTED_METHOD

    def _read_request(self) -> bytes:
        held = self._held
        if held and held[0] != VERSION:
            return self._fail(reply(Reply.FAILURE))
        if len(held) < 5:
            return b""
        if held[1] not in (Command.CONNECT, Command.UDP_ASSOCIATE):
            return self._fail(reply(Reply.COMMAND_NOT_SUPPORTED))
        if held[3] not in (1, 3, 4):
            return self._fail(reply(Reply.ADDRESS_NOT_SUPPORTED))
        found = read_address(held, 3)
        if found is None:
            return b""
        host, port, end = found
        if not host:
            return self._fail(reply(Reply.FAILURE))
        self._held = held[end:]
        self.request = Request(Command(held[1]), SocksTarget(host, port))
        return b""

    def _fail(self, answer: bytes) -> bytes:
        self.has_failed = True
        self._held = b""
        return answer


def read_address(data: bytes, at: int) -> tuple[str, int, int] | None:
    """Read an address (RFC 1928, section 5) whose type stands at `at`.

    Returns:
        The host, the port and where the next byte is; None if the type is unknown or bytes are
        missing. The host is empty if it is no valid name.
    """
    if len(data) < at + 2:
        return None
    kind, start = data[at], at + 1
    if kind == 3:
        start += 1
    size = {1: 4, 3: data[at + 1], 4: 16}.get(kind)
    if size is None or len(data) < start + size + 2:
        return None
    end = start + size
    return _host(kind, data[start:end]), int.from_bytes(data[end : end + 2]), end + 2


def _host(kind: int, data: bytes) -> str:
    if kind == 1:
        return str(IPv4Address(data))
    if kind == 4:
        return ":".join(f"{int.from_bytes(data[at : at + 2]):x}" for at in range(0, 16, 2))
    try:
        name = data.decode()
    except UnicodeDecodeError:
        return ""
    return name if name.isprintable() else ""


def write_address(host: str, port: int) -> bytes:
    """Return an address with its type; `host` is an address."""
    address: IPv4Address | IPv6Address = ip_address(host)
    kind = b"\x01" if address.version == 4 else b"\x04"
    return kind + address.packed + port.to_bytes(2)


def reply(code: Reply, host: str = "0.0.0.0", port: int = 0) -> bytes:  # noqa: S104
    """Return the answer to a request."""
    return bytes((VERSION, code, 0)) + write_address(host, port)


_BY_TEXT = (
    ("connection refused", Reply.CONNECTION_REFUSED),
    ("not allowed", Reply.NOT_ALLOWED),
    ("not supported", Reply.NOT_ALLOWED),
    ("network is unreachable", Reply.NETWORK_UNREACHABLE),
    ("no route to host", Reply.HOST_UNREACHABLE),
    ("dns lookup failed", Reply.HOST_UNREACHABLE),
    ("no answer", Reply.TTL_EXPIRED),
    ("timed out", Reply.TTL_EXPIRED),
)
"""Parts of texts of keeper-pam-webrtc-rs and of guacr."""


def failure(reason: CloseReason, text: str) -> Reply:
    """Return the answer for a connection that the peer has refused with this reason and text."""
    text = text.lower()
    for part, code in _BY_TEXT:
        if part in text:
            return code
    return Reply.TTL_EXPIRED if reason is CloseReason.TIMEOUT else Reply.FAILURE
