"""The target of a SOCKS connection, as in OpenConnection and UdpPacket.

u32 length | host, in UTF-8 | u16 port        big-endian
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from guacr.errors import shorten
from guacr.tubes.errors import TargetError

HOST_MAX = 255
"""Maximum bytes of a host, as in SOCKS."""

_LENGTH = Struct(">I")
_PORT = Struct(">H")


@dataclass(frozen=True, slots=True)
class SocksTarget:
    """A host, which is a name or an address as text, and a port."""

    host: str
    port: int

    def encode(self) -> bytes:
        """Return the bytes of the target."""
        host = self.host.encode()
        return _LENGTH.pack(len(host)) + host + _PORT.pack(self.port)


def read_target(data: bytes) -> tuple[SocksTarget, bytes]:
    """Return the target at the beginning of `data`, and the bytes behind it.

    Raises:
        TargetError: bytes are missing, the host is empty, too long or not printable, or the port
            is 0.
    """
    if len(data) < _LENGTH.size:
        raise TargetError("SOCKS target is missing or cut")
    (length,) = _LENGTH.unpack_from(data)
    if not 0 < length <= HOST_MAX:
        raise TargetError(f"SOCKS host of {length} bytes, 1 to {HOST_MAX} are allowed")
    end = _LENGTH.size + length
    if len(data) < end + _PORT.size:
        raise TargetError("SOCKS target is cut")
    host = _host(data[_LENGTH.size : end])
    (port,) = _PORT.unpack_from(data, end)
    if not port:
        raise TargetError("SOCKS target has port 0")
    return SocksTarget(host, port), data[end + _PORT.size :]


def _host(data: bytes) -> str:
    try:
        host = data.decode()
    except UnicodeDecodeError as error:
        raise TargetError("SOCKS host is not valid UTF-8") from error
    if not host.isprintable():
        raise TargetError(f"SOCKS host {shorten(host)} has characters that names do not have")
    return host
