"""Logins with NTLM (MS-NLMP), by pyspnego.

Only NTLM itself is used, never the system's Kerberos, and nothing of the daemon's environment: what
pyspnego reads there is set while it is called.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from guacr.api import UnsupportedError

try:
    import spnego
    import spnego.channel_bindings
except ImportError:  # it belongs to an extra
    spnego = None

logging.getLogger("spnego").setLevel(logging.INFO)  # below, it logs messages of logins
NTLM_V2 = "3"
"""The level below which weak answers would be given."""
NAME_MAX = 15
"""Characters of a computer's name."""


class NtlmError(Exception):
    """The server's message is invalid."""


class Ntlm:
    """A login to a server.

    Args:
        account: the user name, with a domain before a backslash or after an at sign.
        password: that of the user.
        host: the server's name.
        client_name: the name of this client.

    Raises:
        UnsupportedError: pyspnego is not installed.
    """

    def __init__(self, account: str, password: str, host: str, client_name: str) -> None:
        if spnego is None:
            raise UnsupportedError(
                "logins with NTLM need the extra rdp: install guacr[rdp] on the daemon's machine"
            )
        self._name = client_name[:NAME_MAX].upper()
        with self._environment():
            self._context = spnego.client(
                spnego.Password(account, password),
                hostname=host,
                service="HTTP",
                protocol="ntlm",
                options=spnego.NegotiateOptions.use_ntlm,
            )

    def step(self, received: bytes | None = None, certificate: bytes = b"") -> bytes:
        """Return the next message for the server, after its last one. The login is bound to the
        server's certificate, in DER.

        Raises:
            NtlmError: the server's message is invalid.
        """
        try:
            with self._environment():
                bindings = _bindings(certificate) if certificate else None
                return bytes(self._context.step(received, channel_bindings=bindings) or b"")
        except Exception as error:  # noqa: BLE001 -- pyspnego raises all kinds for bad messages
            raise NtlmError(str(error)) from None

    @contextmanager
    def _environment(self) -> Iterator[None]:
        wanted = {"NETBIOS_COMPUTER_NAME": self._name, "LM_COMPAT_LEVEL": NTLM_V2}
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _bindings(certificate: bytes) -> spnego.channel_bindings.GssChannelBindings | None:
    """Return what binds a login to a connection (RFC 5929 4.1)."""
    shown = x509.load_der_x509_certificate(certificate)
    algorithm = shown.signature_hash_algorithm
    if algorithm is None:
        return None
    if isinstance(algorithm, hashes.MD5 | hashes.SHA1):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(certificate)
    return spnego.channel_bindings.GssChannelBindings(
        application_data=b"tls-server-end-point:" + digest.finalize()
    )
