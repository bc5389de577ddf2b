"""Encryption for python-tds: OpenSSL contexts that verify according to `tls` and `tls-ca`.

python-tds itself only accepts a file of authorities. It always verifies against that, and fails to
check the host name with current versions of pyOpenSSL. It creates its context with
`pytds.tls.create_context`, which is replaced here: the object passed as `cafile` creates the
context.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import cast

import pytds
from cryptography.x509 import load_pem_x509_certificates
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)

from guacr.api import BadRequestError, UpstreamError, shorten
from handlers.database.encryption import verifies
from handlers.database.params import DatabaseParams

TlsError = SSL.Error
"""The exceptions of OpenSSL during a handshake."""


class Trust:
    """The trust of a connection.

    Raises:
        BadRequestError: the parameters contradict each other, or tls-ca has no certificates.
    """

    def __init__(self, params: DatabaseParams) -> None:
        self._host = params.hostname
        self._signed = verifies(params)
        self._named = params.tls == "verify-full"
        try:
            pem = params.tls_ca.encode()
            self._authorities = load_pem_x509_certificates(pem) if pem else []
        except ValueError:
            raise BadRequestError("parameter tls-ca must hold PEM certificates") from None

    def context(self) -> SSL.Context:
        """Create a context for a connection. TDS supports TLS up to 1.2 ([MS-TDS], section
        2.2.6.5)."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        if not self._signed:
            context.set_verify(SSL.VERIFY_NONE)
            return context
        store = cast(crypto.X509Store, context.get_cert_store())
        for authority in self._authorities:
            store.add_cert(crypto.X509.from_cryptography(authority))
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)  # one may be the server's own
        if not self._authorities:
            context.set_default_verify_paths()
        context.set_verify(SSL.VERIFY_PEER, self._verify)
        return context

    def _verify(
        self, _: SSL.Connection, shown: crypto.X509, error: int, depth: int, good: int
    ) -> bool:
        """Check a certificate of the chain; an exception ends the handshake."""
        if not good:
            raise UpstreamError(
                f"the certificate of {shorten(self._host)} is not trusted ({_reason(error)}): set "
                "tls-ca to its issuer, or to the certificate itself, or use tls=require"
            )
        if depth == 0 and self._named:
            self._compare(shown)
        return True

    def _compare(self, shown: crypto.X509) -> None:
        try:
            _comparison(self._host)(shown.to_cryptography(), self._host)
        except (CertificateError, VerificationError):
            raise UpstreamError(
                f"the certificate is not that of {shorten(self._host)}: check hostname, or use "
                "tls=verify-ca"
            ) from None


def _reason(error: int) -> str:
    """OpenSSL's name of a verification error."""
    codes = vars(SSL.X509VerificationCodes).items()
    name = next((name for name, code in codes if code == error), f"error {error}")
    return name.removeprefix("ERR_").replace("_", " ").lower()


def _comparison(host: str) -> Callable[..., None]:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return verify_certificate_hostname
    return verify_certificate_ip_address


pytds.tls.create_context = Trust.context
