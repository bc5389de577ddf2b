"""TLS of the listeners: contexts from the files in the settings, and the first byte of a client."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from guacr.errors import SettingsError
from guacr.settings.control import ControlSettings
from guacr.settings.models import ACME, ServerSettings, Settings, WebSocketSettings

HANDSHAKE = b"\x16"
"""The type of the first record of a TLS client (RFC 8446, 5.1)."""

SHUTDOWN_TIMEOUT = 1.0
"""Seconds that a client has to end TLS in order, after this side has."""


class PlainClientError(ConnectionError):
    """A client of a port with TLS does not use it."""

    def __init__(self) -> None:
        super().__init__("the client does not use TLS")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The PEM files of a listener; without `key`, the certificate's file contains it; with
    `client_ca`, clients must present a certificate that one of its authorities has signed."""

    section: str
    """The section of the settings that names them."""
    certificate: Path
    key: Path | None = None
    client_ca: Path | None = None
    is_acme: bool = False
    """True if the certificate is that of ACME, which need not be there yet."""

    @classmethod
    def of(cls, settings: Settings, section: str) -> TlsFiles | None:
        """Return the files of a section, such as "server"; None if it does not use TLS."""
        names: ServerSettings | WebSocketSettings | ControlSettings = getattr(settings, section)
        if names.tls_certificate is None:
            return None
        if names.tls_certificate == ACME:
            path = settings.acme.certificate
            return cls(section, path, client_ca=names.tls_client_ca, is_acme=True)
        return cls(section, names.tls_certificate, names.tls_key, names.tls_client_ca)

    @property
    def is_pending(self) -> bool:
        """True if there is no certificate of ACME yet, or if it is damaged: it is replaced soon."""
        return self.is_acme and (not self.certificate.exists() or _is_damaged(self.certificate))


Contexts = Mapping[str, ssl.SSLContext | None]
"""By section; None for those without TLS, or without a certificate as yet."""


class Tls:
    """The TLS of a listener's connections.

    Args:
        context: for handshakes; `replace` changes it for later ones; None as long as there is no
            certificate.
        answer: is sent to clients that do not use TLS.
        handshake_timeout: seconds for a client's first byte, and again for its handshake.
    """

    def __init__(
        self, context: ssl.SSLContext | None, answer: bytes, handshake_timeout: float
    ) -> None:
        self._context = context
        self.answer = answer
        self.handshake_timeout = handshake_timeout

    def replace(self, context: ssl.SSLContext | None) -> None:
        """Use another context for the connections that are accepted from now on; None changes
        nothing, since a listener does not stop using TLS."""
        self._context = context or self._context

    async def context_for(self, client: socket.socket) -> ssl.SSLContext:
        """Return the context for the handshake of a client, once the client has begun with it.

        Raises:
            PlainClientError: it has sent something else.
            OSError: it has left, or sent nothing in time.
        """
        seconds = self.handshake_timeout
        try:
            async with asyncio.timeout(seconds):
                first = await _first_byte(client)
        except TimeoutError:
            raise ConnectionAbortedError(
                errno.ECONNABORTED, f"the client was silent for longer than {seconds:g} seconds"
            ) from None
        if not first:
            raise ConnectionResetError(errno.ECONNRESET, "the client closed the connection")
        if first != HANDSHAKE:
            raise PlainClientError
        if self._context is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "there is no certificate yet")
        return self._context


async def _first_byte(client: socket.socket) -> bytes:
    """Wait for the first byte of a non-blocking socket, and leave it there; empty at its end."""
    loop = asyncio.get_running_loop()
    readable = loop.create_future()

    def mark() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(client, mark)
    try:
        await readable
    finally:
        loop.remove_reader(client)
    return client.recv(1, socket.MSG_PEEK)


def tls_of(
    settings: Settings, section: str, answer: bytes, first: Contexts | None = None
) -> Tls | None:
    """Create the TLS of a section's listeners; None if it does not use TLS. The contexts in `first`
    are used instead of the files, unless ACME has a newer certificate.

    Raises:
        SettingsError: a file cannot be read or is invalid.
    """
    files = TlsFiles.of(settings, section)
    if files is None:
        return None
    context = None if first is None else first.get(section)
    if context is None or files.is_acme:
        context = context_of(settings, section) or context
    return Tls(context, answer, settings.server.handshake_timeout)


def client_contexts(settings: Settings) -> Contexts:
    """Create the contexts for the clients of sessions, for processes that are forked afterwards:
    these must not depend on the files, which may be about to be replaced.

    Raises:
        SettingsError: a file cannot be read or is invalid.
    """
    sections = ["server", "websocket"] if settings.websocket.enabled else ["server"]
    return {section: context_of(settings, section) for section in sections}


def context_of(settings: Settings, section: str) -> ssl.SSLContext | None:
    """Create the context of a section; None if it does not use TLS, or has no certificate yet.

    Raises:
        SettingsError: a file cannot be read or is invalid.
    """
    files = TlsFiles.of(settings, section)
    return None if files is None or files.is_pending else server_context(files)


def client_ca_of(settings: Settings, section: str) -> bytes | None:
    """Return the CA certificates of a section's clients; None if these need no certificate.

    Raises:
        SettingsError: the file cannot be read.
    """
    files = TlsFiles.of(settings, section)
    if files is None or files.client_ca is None:
        return None
    try:
        _check_file(files.client_ca)
        return files.client_ca.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"cannot use {files.client_ca} for TLS: {error.strerror or error}"
        ) from error


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """Create the context of a server.

    Raises:
        SettingsError: a file cannot be read or is invalid.
    """
    paths = [path for path in (files.certificate, files.key, files.client_ca) if path]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # which OpenSSL before 3 lets clients do

    def refuse_encrypted() -> bytes:
        # otherwise OpenSSL would ask for the passphrase at the terminal, and block the daemon
        raise SettingsError(
            f"{files.section}.tls_key is encrypted: give the key without a passphrase, in a file "
            "that only the daemon's account may read"
        )

    try:
        for path in paths:
            _check_file(path)
        context.load_cert_chain(files.certificate, files.key, refuse_encrypted)
        if files.client_ca is not None:
            context.load_verify_locations(files.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        named = ", ".join(str(path) for path in paths)
        raise SettingsError(f"cannot use {named} for TLS: {error.strerror or error}") from error
    return context


def _is_damaged(certificate: Path) -> bool:
    """Return whether a file has no certificate with its key; one that cannot be read may have."""
    try:
        server_context(TlsFiles("acme", certificate))
    except SettingsError as error:
        return isinstance(error.__cause__, ssl.SSLError)
    return False


def _check_file(path: Path) -> None:
    """Refuse a pipe or a device: OpenSSL would wait for its content, and block the daemon."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, f"{path} is not a file")
