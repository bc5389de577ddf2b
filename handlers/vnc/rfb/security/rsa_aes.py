"""RSA-AES (types 5, 6, 129 and 130): keys of both sides, from which the keys of AES are derived."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from handlers.vnc.rfb.context import broken
from handlers.vnc.rfb.security.eax import TAG_SIZE, Eax

BITS_MIN, BITS_MAX = 1024, 8192
"""Of the server's key."""
OWN_BITS = 2048
MESSAGE_MAX = 8192
"""Bytes of a message that is sent; servers may send up to 65,535."""
LENGTH_SIZE, NONCE_SIZE = 2, 16
WITH_USERNAME, PASSWORD_ALONE = 1, 2
"""Subtypes: what the server wants to know."""
CREDENTIAL_MAX = 255
"""Bytes of the user name and of the password."""


@dataclass(frozen=True, slots=True)
class ServerKey:
    """The server's public key; `sent` is how it was sent."""

    sent: bytes
    key: rsa.RSAPublicKey

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key in DER, as 64 hexadecimal digits."""
        data = self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(data).hexdigest()


def key_size(bits: int) -> int:
    """Return the bytes of the modulus, and of the exponent, of a key that a server announces.

    Raises:
        UpstreamError: such keys are not accepted.
    """
    if not BITS_MIN <= bits <= BITS_MAX:
        raise broken(f"an RSA key of {bits} bits")
    return (bits + 7) // 8


def server_key(bits: int, data: bytes) -> ServerKey:
    """Return the key with this modulus and exponent.

    Raises:
        UpstreamError: there is no such key.
    """
    half = len(data) // 2
    modulus, exponent = (int.from_bytes(part, "big") for part in (data[:half], data[half:]))
    try:
        key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        raise broken("an RSA key that cannot be used") from None
    return ServerKey(bits.to_bytes(4, "big") + data, key)


class Exchange:
    """The client's side of the exchange; creating one takes about 0.1 s."""

    def __init__(self, server: ServerKey, *, wide: bool) -> None:
        self._server = server
        self._hash = hashlib.sha256 if wide else hashlib.sha1
        # The specification says 16 for both; servers send as many as the keys have.
        self._key_size = 32 if wide else 16
        self._key = rsa.generate_private_key(65537, OWN_BITS)
        numbers = self._key.public_key().public_numbers()
        size = OWN_BITS // 8
        self._public = OWN_BITS.to_bytes(4, "big") + b"".join(
            number.to_bytes(size, "big") for number in (numbers.n, numbers.e)
        )
        self._random = secrets.token_bytes(self._key_size)

    def opening(self) -> bytes:
        """Return the client's key and its encrypted random number.

        Raises:
            UpstreamError: the server's key cannot be used.
        """
        try:
            encrypted = self._server.key.encrypt(self._random, padding.PKCS1v15())
        except ValueError:
            raise broken("an RSA key that cannot be used") from None
        return self._public + len(encrypted).to_bytes(2, "big") + encrypted

    def channel(self, encrypted: bytes) -> Channel:
        """Return the channel for the server's encrypted random number.

        Raises:
            UpstreamError: the number is not one.
        """
        try:
            other = self._key.decrypt(encrypted, padding.PKCS1v15())
        except ValueError:
            other = b""
        if len(other) != self._key_size:
            raise broken("a random number that cannot be decrypted")
        size = self._key_size
        sending = self._hash(other + self._random).digest()[:size]
        receiving = self._hash(self._random + other).digest()[:size]
        return Channel(Eax(sending), Eax(receiving))

    def own_proof(self) -> bytes:
        """Return the client's hash of both keys."""
        return self._hash(self._public + self._server.sent).digest()

    def check(self, proof: bytes) -> None:
        """Compare the server's hash of both keys.

        Raises:
            UpstreamError: the server has seen other keys.
        """
        if not hmac.compare_digest(proof, self._hash(self._server.sent + self._public).digest()):
            raise broken("a hash of other keys: somebody may be intercepting the connection")


class Channel:
    """Messages in both directions, which are numbered."""

    def __init__(self, sending: Eax, receiving: Eax) -> None:
        self._sending = sending
        self._receiving = receiving
        self._sent = self._received = 0
        self._partial = b""

    def seal(self, data: bytes) -> bytes:
        """Return what to send for `data`."""
        sealed = bytearray()
        for at in range(0, len(data), MESSAGE_MAX):
            part = data[at : at + MESSAGE_MAX]
            header = len(part).to_bytes(LENGTH_SIZE, "big")
            sealed += header + self._sending.seal(_nonce(self._sent), header, part)
            self._sent += 1
        return bytes(sealed)

    def open(self, header: bytes, sealed: bytes) -> bytes:
        """Return the data of one message.

        Raises:
            UpstreamError: somebody has changed it.
        """
        data = self._receiving.open(_nonce(self._received), header, sealed)
        if data is None:
            raise broken("an encrypted message that was changed on its way")
        self._received += 1
        return data

    def receive(self, data: bytes) -> bytes:
        """Return what is in all messages that are complete now.

        Raises:
            UpstreamError: somebody has changed one.
        """
        data, opened, at = self._partial + data, bytearray(), 0
        while len(data) - at >= LENGTH_SIZE:
            start = at + LENGTH_SIZE
            end = start + int.from_bytes(data[at:start], "big") + TAG_SIZE
            if end > len(data):
                break
            opened += self.open(data[at:start], data[start:end])
            at = end
        self._partial = data[at:]
        return bytes(opened)


def credentials(username: str, password: str) -> bytes:
    """Return the message with the credentials."""
    fields = (text.encode()[:CREDENTIAL_MAX] for text in (username, password))
    return b"".join(bytes([len(field)]) + field for field in fields)


def _nonce(number: int) -> bytes:
    return number.to_bytes(NONCE_SIZE, "little")
