"""TLS to remote hosts: whom to trust, and the certificate to show."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from guacr.errors import BadRequestError

PEM_MAX = 1 << 20
"""Characters of a certificate or a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsTerms:
    """How a connection is to be made safe; texts are PEM."""

    authorities: str = ""
    """Who may vouch for the host; empty: whom the system trusts."""
    ignore: bool = False
    """Whether any certificate will do."""
    certificate: str = ""
    """What to show the host."""
    key: str = ""
    any_name: bool = False
    """Whether a certificate for another host will do."""
    names: tuple[str, str, str] = ("ca-cert", "client-cert", "client-key")
    """What the parameters of the three texts are called."""


async def context(terms: TlsTerms) -> ssl.SSLContext:
    """A context for a client, made on a thread since it reads files.

    Raises:
        BadRequestError: a text is no certificate or key, or they do not belong together.
    """
    return await asyncio.to_thread(_context, terms)


def _context(terms: TlsTerms) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if terms.ignore:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif terms.authorities:
        _trust(made, terms.names[0], terms.authorities)
    else:
        made.load_default_certs()
    if terms.any_name:
        made.check_hostname = False
    if terms.certificate:
        _show(made, terms)
    return made


def _trust(made: ssl.SSLContext, name: str, authorities: str) -> None:
    try:
        made.load_verify_locations(cadata=_bounded(name, authorities))
    except (ssl.SSLError, ValueError):
        raise BadRequestError(
            f"parameter {name} holds no PEM certificate: give the whole text of its file"
        ) from None


def _show(made: ssl.SSLContext, terms: TlsTerms) -> None:
    """Load certificate and key, which OpenSSL reads from a file alone."""
    _, certificate, key = terms.names
    text = "\n".join([_bounded(certificate, terms.certificate), _bounded(key, terms.key)])
    with tempfile.TemporaryDirectory(prefix="guacr-") as directory:
        path = Path(directory) / "pair.pem"
        path.touch(0o600)
        path.write_text(text)
        try:
            made.load_cert_chain(path, password=lambda: b"")
        except (ssl.SSLError, ValueError):
            raise BadRequestError(
                f"parameters {certificate} and {key} must be a PEM certificate and its own key, "
                "not encrypted: give the whole texts of their files"
            ) from None


def _bounded(name: str, text: str) -> str:
    if len(text) > PEM_MAX:
        raise BadRequestError(f"parameter {name} is longer than {PEM_MAX} characters")
    return text
