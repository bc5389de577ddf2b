"""An RDP host that takes part in network level authentication as far as NTLM goes, and then refuses
the login with a reason, as Windows does (MS-CSSP 2.2.1, MS-NLMP)."""

from __future__ import annotations

import asyncio
import ssl
import struct

from tests.support.ntlm_acceptor import SIGNATURE, NtlmAcceptor, target
from tests.support.rdp_host import CONFIRM

NLA = 2
"""The security protocol."""
SEQUENCE, INTEGER, OCTETS = 0x30, 0x02, 0x04
VERSION, TOKENS, ERROR = 0xA0, 0xA1, 0xA4
"""Fields of a message (TSRequest)."""
LATEST = b"\6"


class NlaHost:
    """Its `script` is for `scripted_host`.

    Args:
        tls: its certificate and key.
        status: the NTSTATUS with which it refuses each login.
    """

    def __init__(self, tls: ssl.SSLContext, status: int) -> None:
        self._tls = tls
        self._status = status
        self.targets: list[str] = []
        """The service names that clients believe to log in to."""

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Refuse a client's login."""
        head = await reader.readexactly(4)
        await reader.readexactly(struct.unpack(">xxH", head)[0] - 4)
        writer.write(CONFIRM + struct.pack("<I", NLA))
        await writer.start_tls(self._tls)
        await message(reader)
        challenge = NtlmAcceptor("", "CORP", b"", b"").challenge()
        token = _der(SEQUENCE, _der(SEQUENCE, _der(0xA0, _der(OCTETS, challenge))))
        writer.write(_request(_der(TOKENS, token)))
        answer = await message(reader)
        self.targets.append(target(answer[answer.index(SIGNATURE) :]))
        status = _der(INTEGER, struct.pack(">I", self._status))
        writer.write(_request(_der(ERROR, status)))
        await reader.read()


def _request(fields: bytes) -> bytes:
    return _der(SEQUENCE, _der(VERSION, _der(INTEGER, LATEST)) + fields)


def _der(tag: int, body: bytes) -> bytes:
    size = bytes((len(body),)) if len(body) < 0x80 else struct.pack(">BH", 0x82, len(body))
    return bytes((tag,)) + size + body


async def message(reader: asyncio.StreamReader, first: bytes = b"") -> bytes:
    """A message with its header, in DER, of which the `first` bytes have been read."""
    head = first + await reader.readexactly(2 - len(first))
    size = head[1]
    if size & 0x80:
        head += await reader.readexactly(size & 0x7F)
        size = int.from_bytes(head[2:], "big")
    return head + await reader.readexactly(size)
