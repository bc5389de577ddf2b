"""The server's side of a login with NTLM (MS-NLMP), for one user."""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass

SIGNATURE = b"NTLMSSP\0"
FLAGS = 0xE28A8235
"""Of a server with NTLMv2, target information and 128 bits (2.2.2.5)."""
CHALLENGE = bytes.fromhex("0123456789abcdef")
TIMESTAMP = struct.pack("<Q", 133_000_000_000_000_000)
DOMAIN_NAME, COMPUTER_NAME, TIME, TARGET, BINDINGS, END = 2, 1, 7, 9, 10, 0
"""Pairs of target information (2.2.2.1)."""


@dataclass(frozen=True, slots=True)
class NtlmAcceptor:
    """Judges the messages of clients."""

    user: str
    domain: str
    nt_hash: bytes
    """Of the user's password."""
    bindings: bytes
    """What clients must be bound to: `tls-server-end-point:` and a digest (RFC 5929)."""

    def challenge(self) -> bytes:
        """The answer to a client's first message (2.2.1.2)."""
        name = self.domain.encode("utf-16-le")
        info = b"".join(
            struct.pack("<HH", kind, len(value)) + value
            for kind, value in (
                (DOMAIN_NAME, name), (COMPUTER_NAME, name), (TIME, TIMESTAMP), (END, b""),
            )
        )  # fmt: skip
        return (
            SIGNATURE
            + struct.pack("<IHHI", 2, len(name), len(name), 56)
            + struct.pack("<I8s8x", FLAGS, CHALLENGE)
            + struct.pack("<HHI", len(info), len(info), 56 + len(name))
            + struct.pack("<BBHxxxB", 10, 0, 17763, 15)
            + name
            + info
        )

    def accepts(self, message: bytes) -> bool:
        """Judge a client's second message (2.2.1.3)."""
        assert message.startswith(SIGNATURE + b"\3\0\0\0")
        answer, domain, user = (_field(message, at) for at in (20, 28, 36))
        if user.decode("utf-16-le") != self.user or domain.decode("utf-16-le") != self.domain:
            return False
        owner = (self.user.upper() + self.domain).encode("utf-16-le")
        key = hmac.digest(self.nt_hash, owner, "md5")
        proof, blob = answer[:16], answer[16:]
        if hmac.digest(key, CHALLENGE + blob, "md5") != proof:
            return False
        wanted = bytes(16) + struct.pack("<I", len(self.bindings)) + self.bindings
        return _pairs(blob[28:]).get(BINDINGS) == hashlib.md5(wanted).digest()


def workstation(message: bytes) -> str:
    """The name of the machine that a client's second message contains."""
    return _field(message, 44).decode("utf-16-le")


def target(message: bytes) -> str:
    """The name of the service that a client's second message is meant for."""
    return _pairs(_field(message, 20)[16 + 28 :]).get(TARGET, b"").decode("utf-16-le")


def _field(message: bytes, at: int) -> bytes:
    size, _, start = struct.unpack_from("<HHI", message, at)
    return message[start : start + size]


def _pairs(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at < len(data):
        kind, size = struct.unpack_from("<HH", data, at)
        if kind == END:
            break
        found[kind] = data[at + 4 : at + 4 + size]
        at += 4 + size
    return found
