"""Where a server redirects its client to (MS-RDPBCGR 2.2.13.1)."""

from __future__ import annotations

from handlers.rdp.aardwolf.errors import invalid
from handlers.rdp.aardwolf.reading import Reader
from handlers.rdp.channel.codec import PART_MAX
from handlers.rdp.channel.redirection import Redirected

PACKET = 0x0400
"""The flag of a redirection."""
ADDRESS, TOKEN, USERNAME, DOMAIN, PASSWORD, FQDN = 0x1, 0x2, 0x4, 0x8, 0x10, 0x100
NETBIOS, URL, GUID, CERTIFICATE, ADDRESSES = 0x200, 0x1000, 0x8000, 0x10000, 0x800
"""Flags of its fields, in their order."""
_ORDER = (
    *(ADDRESS, TOKEN, USERNAME, DOMAIN, PASSWORD, FQDN, NETBIOS, URL, GUID, CERTIFICATE),
    ADDRESSES,
)
ADDRESSES_MAX, TEXT_MAX = 32, 512
"""Addresses that are passed on, and characters of a text; names of hosts are shorter."""


def redirected(reader: Reader) -> Redirected:
    """Return the redirection in a PDU of a server with enhanced security (2.2.13.3.1), without its
    share control header.

    Raises:
        EndError: it is invalid.
    """
    reader.u16()
    if reader.u16() != PACKET:
        raise invalid("a redirection has another flag")
    reader.u16()
    reader.u32()
    flags = reader.u32()
    fields: dict[int, bytes] = {}
    for flag in _ORDER:
        if flags & flag:
            fields[flag] = reader.take(reader.u32())
            if len(fields[flag]) > PART_MAX:
                raise invalid(f"a redirection has a field of {len(fields[flag])} bytes")

    def text(flag: int) -> str:
        return _text(fields.get(flag, b""))

    return Redirected(
        flags,
        text(FQDN),
        text(ADDRESS),
        text(NETBIOS),
        " ".join(_addresses(fields[ADDRESSES])) if ADDRESSES in fields else "",
        fields.get(TOKEN, b""),
        text(USERNAME),
        text(DOMAIN),
        fields.get(PASSWORD, b""),
        fields.get(GUID, b""),
        b"",  # what is encrypted for it cannot be used here
        has_rdstls=False,
    )


def _addresses(data: bytes) -> list[str]:
    reader = Reader(data)
    count = min(reader.u32(), ADDRESSES_MAX)
    return [_text(reader.take(reader.u32())) for _ in range(count)]


def _text(data: bytes) -> str:
    return data.decode("utf-16-le", "replace").partition("\0")[0][:TEXT_MAX]
