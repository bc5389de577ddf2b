"""The server's side of RSA-AES, as the specification has it, for scripted VNC servers."""

from __future__ import annotations

import hashlib
import secrets

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from handlers.vnc.rfb.security.eax import Eax
from tests.support.rfb_server import RfbPeer

TAG_SIZE = 16


class RsaAesServer:
    """Logs clients in with one key; `username` says whether a user name is wanted."""

    def __init__(self, *, username: bool = False) -> None:
        self._key = rsa.generate_private_key(65537, 1024)
        self._subtype = 1 if username else 2
        der = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.fingerprint = hashlib.sha256(der).hexdigest()

    async def log_in(self, peer: RfbPeer, *, wide: bool) -> RsaAesSession:
        """Go through the exchange up to the credentials, which the session then has."""
        digest, size = (hashlib.sha256, 32) if wide else (hashlib.sha1, 16)
        numbers = self._key.public_key().public_numbers()
        own = b"\0\0\4\0" + numbers.n.to_bytes(128, "big") + numbers.e.to_bytes(128, "big")
        peer.send(own)
        other = await peer.read(4 + 512)
        client = rsa.RSAPublicNumbers(
            int.from_bytes(other[260:], "big"), int.from_bytes(other[4:260], "big")
        ).public_key()
        random = secrets.token_bytes(size)
        peer.send(b"\1\0", client.encrypt(random, padding.PKCS1v15()))
        assert await peer.read(2) == b"\0\x80"
        received = self._key.decrypt(await peer.read(128), padding.PKCS1v15())
        session = RsaAesSession(
            peer,
            Eax(digest(received + random).digest()[:size]),
            Eax(digest(random + received).digest()[:size]),
        )
        session.send(digest(own + other).digest())
        assert await session.read() == digest(other + own).digest()
        session.send(bytes([self._subtype]))
        fields = await session.read()
        end = 1 + fields[0]
        session.username, session.password = fields[1:end], fields[end + 1 :]
        assert fields[end] == len(session.password)
        return session


class RsaAesSession:
    """The encrypted messages of one client."""

    def __init__(self, peer: RfbPeer, sending: Eax, receiving: Eax) -> None:
        self.username = self.password = b""
        self._peer = peer
        self._sending = sending
        self._receiving = receiving
        self._sent = self._received = 0

    def send(self, data: bytes) -> None:
        """Send a message."""
        header = len(data).to_bytes(2, "big")
        nonce = self._sent.to_bytes(16, "little")
        self._peer.send(header, self._sending.seal(nonce, header, data))
        self._sent += 1

    async def read(self) -> bytes:
        """Read a message."""
        header = await self._peer.read(2)
        sealed = await self._peer.read(int.from_bytes(header, "big") + TAG_SIZE)
        data = self._receiving.open(self._received.to_bytes(16, "little"), header, sealed)
        assert data is not None
        self._received += 1
        return data
