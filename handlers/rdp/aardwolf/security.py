"""The protection of a connection's data: TLS, or RDP's own encryption (MS-RDPBCGR 5.3)."""

from __future__ import annotations

import hmac
import struct

from aardwolf.commons.cryptolayer import RDPCryptoLayer
from aardwolf.protocol.T124.userdata.serversecuritydata import TS_UD_SC_SEC1

from handlers.rdp.aardwolf.errors import ENCRYPTION, EndError, invalid
from handlers.rdp.aardwolf.reading import Reader

EXCHANGE, ENCRYPTED, INFO, LICENCE = 0x0001, 0x0008, 0x0040, 0x0080
"""Flags of a security header (2.2.8.1.1.2.1)."""
BITS_128 = 2
"""The only method that is offered with RDP's own encryption (2.2.1.3.3): RC4 with 128 bits. Each
server since Windows 2000 has it, and aardwolf's keys of 40 and 56 bits fail when they change."""
_MAC = 8
_HEADER = struct.Struct("<HH")
FAST_ENCRYPTED = 0x80
"""The flag of a fast-path packet (2.2.9.1.2)."""
MODULUS_BITS_MAX = 8192


class Security:
    """Adds and removes what TLS leaves to RDP: nearly nothing."""

    def encode(self, data: bytes, flags: int = 0) -> bytes:
        """Return data for the server with the header that it needs."""
        return _HEADER.pack(flags, 0) + data if flags else data

    def decode(self, data: bytes) -> bytes:
        """Return a server's data without a header."""
        return data

    def decode_fast(self, packet: bytes) -> bytes:
        """Return a fast-path packet of a server without its first byte."""
        return packet[1:]


def encryption(server: bytes) -> Security:
    """Return RDP's own encryption, or none if the server has none.

    Args:
        server: the block of the server's data with its certificate and its random number.

    Raises:
        EndError: it is invalid, or of a kind that aardwolf does not have.
    """
    try:
        block = TS_UD_SC_SEC1.from_bytes(server)
    except Exception as error:  # noqa: BLE001 -- it raises all kinds of errors
        raise invalid(f"the server's key cannot be read: {error}") from None
    if not block.encryptionMethod and not block.encryptionLevel:
        return Security()
    return Encryption(block)


class Encryption(Security):
    """RDP's own encryption.

    Args:
        block: the server's certificate and its random number.

    Attributes:
        exchange: the client's random number, encrypted for the server (2.2.1.10.1).
    """

    def __init__(self, block: TS_UD_SC_SEC1) -> None:
        if block.encryptionMethod != BITS_128 or block.serverCertificate is None:
            raise EndError(ENCRYPTION, f"method {block.encryptionMethod}")
        certificate = block.serverCertificate
        if not 0 < certificate.bitlen <= MODULUS_BITS_MAX:
            raise invalid(f"the server's key has {certificate.bitlen} bits")
        self._is_low = block.encryptionLevel == 1  # the server's own data is not encrypted
        self._layer = RDPCryptoLayer(block.serverRandom)
        try:
            secret = certificate.encrypt(self._layer.ClientRandom)
        except (ValueError, OverflowError) as error:
            raise invalid(f"the server's key cannot be used: {error}") from None
        self.exchange = struct.pack("<I", len(secret)) + secret

    def encode(self, data: bytes, flags: int = 0) -> bytes:
        """Return data for the server with its header, encrypted except for what precedes it."""
        if flags & (EXCHANGE | LICENCE):
            return _HEADER.pack(flags, 0) + data
        mac: bytes = self._layer.calc_mac(data)
        encrypted: bytes = self._layer.client_enc(data)
        return _HEADER.pack(flags | ENCRYPTED, 0) + mac + encrypted

    def decode(self, data: bytes) -> bytes:
        """Return a server's data, decrypted, without its header unless it is a licence's."""
        reader = Reader(data)
        flags, _ = reader.u16(), reader.u16()
        if not flags & ENCRYPTED:
            if not self._is_low and not flags & LICENCE:
                raise invalid("a message is not encrypted")
            return data if flags & LICENCE else reader.rest()
        found = self._decrypt(reader)
        return _HEADER.pack(LICENCE, 0) + found if flags & LICENCE else found

    def decode_fast(self, packet: bytes) -> bytes:
        """Return a fast-path packet of a server, decrypted, without its header."""
        reader = Reader(packet)
        if reader.u8() & FAST_ENCRYPTED:
            return self._decrypt(reader)
        if not self._is_low:
            raise invalid("a message is not encrypted")
        return reader.rest()

    def _decrypt(self, reader: Reader) -> bytes:
        mac, data = reader.take(_MAC), reader.rest()
        found: bytes = self._layer.client_dec(data)
        if not hmac.compare_digest(mac, self._layer.calc_mac(found)):
            raise invalid("a message has another signature than its content")
        return found
