"""TLS to remote hosts: trusted authorities and client certificates."""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from typing_extensions import override

from guacr.api import BadRequestError

PEM_MAX = 1 << 20
"""Maximum characters of a certificate or a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsTerms:
    """The TLS options of a connection; texts are PEM."""

    authorities: str = ""
    """The trusted authorities; empty for the system's."""
    ignore: bool = False
    """True if any certificate is accepted."""
    certificate: str = ""
    """The client certificate."""
    key: str = ""
    any_name: bool = False
    """True if a certificate for a different host is accepted."""
    names: tuple[str, str, str] = ("ca-cert", "client-cert", "client-key")
    """The parameter names of the three texts."""


async def context(terms: TlsTerms) -> ssl.SSLContext:
    """Create a client context, in a thread because it reads files.

    Raises:
        BadRequestError: a text is not a certificate or key, or they do not match.
    """
    return await asyncio.to_thread(_made_of, terms)


async def connect(
    sock: socket.socket, tls: ssl.SSLContext, host: str, limit: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Begin TLS on a connected socket, and return its streams. The socket is closed if this fails.

    `asyncio.open_connection` with `ssl` would leave it open, or go on with a closed one, if it is
    cancelled at once. Nothing is read before TLS has begun: it would count as protected.

    Args:
        sock: non-blocking.
        tls: how the server is verified.
        host: the name for which its certificate must be issued.
        limit: bytes that `readuntil` returns at most.

    Raises:
        OSError: TLS failed.
    """
    loop = asyncio.get_running_loop()
    plain, _ = await loop.create_connection(_Silent, sock=sock)
    reader = asyncio.StreamReader(limit, loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport = await loop.start_tls(plain, protocol, tls, server_hostname=host)
    if transport is None:
        raise ConnectionResetError
    protocol.connection_made(transport)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


class _Silent(asyncio.Protocol):
    """Reads nothing."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).pause_reading()


def check(terms: TlsTerms) -> None:
    """Check the certificates and the key of a connection. The system's authorities are not loaded,
    as this takes 20 ms.

    Raises:
        GuacrError: as `context` would.
    """
    if terms.authorities or terms.certificate or terms.key:
        _made_of(terms)


def _made_of(terms: TlsTerms) -> ssl.SSLContext:
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
    if terms.certificate or terms.key:
        _show(made, terms)
    return made


def _trust(made: ssl.SSLContext, name: str, authorities: str) -> None:
    try:
        made.load_verify_locations(cadata=_pem(name, authorities))
    except (ssl.SSLError, ValueError):
        raise BadRequestError(
            f"parameter {name} contains no PEM certificate: give the whole text of its file"
        ) from None


def _show(made: ssl.SSLContext, terms: TlsTerms) -> None:
    """Load certificate and key, which OpenSSL reads only from files."""
    _, certificate, key = terms.names
    text = "\n".join([_pem(certificate, terms.certificate), _pem(key, terms.key)])
    with tempfile.TemporaryDirectory(prefix="guacr-") as directory:
        path = Path(directory) / "pair.pem"
        path.touch(0o600)
        path.write_text(text)
        try:
            made.load_cert_chain(path, password=_refuse_encrypted)
        except (ssl.SSLError, ValueError):
            raise BadRequestError(
                f"parameters {certificate} and {key} must be a PEM certificate and its key, "
                "not encrypted: give the whole texts of their files"
            ) from None


def _refuse_encrypted() -> bytes:
    """Refuse a passphrase: OpenSSL would otherwise try the empty one, for as long as the key
    says."""
    raise ValueError("the key is encrypted")


def _pem(name: str, text: str) -> str:
    """Prepare a text for OpenSSL; the text around the PEM blocks may be in any language."""
    if len(text) > PEM_MAX:
        raise BadRequestError(f"parameter {name} is longer than {PEM_MAX} characters")
    return text.strip("\ufeff \t\r\n").encode("ascii", "replace").decode("ascii")
