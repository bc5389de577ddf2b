"""An authority, and the certificates that it signs."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

ADDRESS = ipaddress.ip_address("127.0.0.1")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as PEM texts."""

    certificate: str
    key: str


class Authority:
    """Signs certificates for localhost and 127.0.0.1; `certificate` is its own, as PEM."""

    def __init__(self) -> None:
        self._key = _elliptic_key()
        self._name = _name("authority")
        self.certificate = self.renewed()

    def renewed(self) -> str:
        """Another certificate of its name and its key, as PEM."""
        built = _builder(self._name, self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        return _pem(built.sign(self._key, hashes.SHA256()))

    def issue(
        self,
        name: str,
        *,
        host: str = "",
        alternatives: Sequence[x509.GeneralName] = (),
        rsa_key: bool = False,
        expired: bool = False,
    ) -> Pair:
        """A certificate for `name`; with `host` it is valid for that host alone, and with
        alternative names for these."""
        key = rsa.generate_private_key(65537, 2048) if rsa_key else _elliptic_key()
        local = [x509.DNSName("localhost"), x509.IPAddress(ADDRESS)]
        names = x509.SubjectAlternativeName([x509.DNSName(host)] if host else alternatives or local)
        built = _builder(_name(name), self._name, key, expired=expired)
        built = built.add_extension(names, critical=False)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return Pair(_pem(built.sign(self._key, hashes.SHA256())), private.decode())

    def server_context(self, directory: Path) -> ssl.SSLContext:
        """For a server with a certificate of its own; files go to the directory."""
        pair = self.issue("server")
        path = directory / "server.pem"
        path.write_text(pair.certificate + pair.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _elliptic_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    *,
    expired: bool = False,
) -> x509.CertificateBuilder:
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    return x509.CertificateBuilder(
        issuer,
        subject,
        key.public_key(),
        x509.random_serial_number(),
        now - 2 * day,
        now + (-day if expired else day),
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
