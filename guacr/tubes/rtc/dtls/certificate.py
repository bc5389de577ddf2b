"""The self-signed certificate of a peer connection."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from guacr.tubes.rtc.dtls.fingerprint import Fingerprint

VALID_FOR = timedelta(days=30)
"""As browsers have it. Nobody checks it: a certificate is trusted by its fingerprint alone."""
VALID_BEFORE = timedelta(days=1)
"""For peers whose clocks are slow."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its private key.

    Each peer connection has one of its own, made by `create` in 0.2 ms: a shared certificate would
    tell everyone who sees two descriptions that they are of the same daemon (RFC 8827, section
    6.5), and saves nothing next to a handshake.
    """

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def create(cls) -> Certificate:
        """Make a key for ECDSA on P-256 and its certificate, with a random name."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, secrets.token_hex(16))])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - VALID_BEFORE)
            .not_valid_after(now + VALID_FOR)
        )
        return cls(key, builder.sign(key, hashes.SHA256()))

    @property
    def fingerprint(self) -> Fingerprint:
        """Its SHA-256, for the session description."""
        return Fingerprint.of(self.certificate.public_bytes(Encoding.DER))
