"""Private keys, certificates and known hosts as texts: what asyncssh reads of them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

from guacr.sshlib import asyncssh
from handlers.ssh.failures import KeyFormatError, PassphraseError, reason

SIGNATURES = {2: b"rsa-sha2-256", 4: b"rsa-sha2-512"}
"""The signature that an agent's client asks for by flag (draft-miller-ssh-agent, 3.6.1)."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key, with its certificate if there is one."""

    pairs: Sequence[asyncssh.SSHKeyPair] = field(repr=False)
    """The forms in which it is offered to a host, the one with the certificate first."""

    @property
    def identities(self) -> list[tuple[bytes, bytes]]:
        """Public part and comment of each form."""
        return [(pair.public_data, pair.get_comment_bytes() or b"") for pair in self.pairs]

    def sign(self, public: bytes, data: bytes, flags: int) -> bytes | None:
        """The signature of `data` as an agent gives it; None if `public` is another key."""
        for pair in self.pairs:
            if public in (pair.public_data, pair.key_public_data):
                signer = copy.copy(pair)
                if signer.key_algorithm == b"ssh-rsa":
                    signer.set_sig_algorithm(SIGNATURES.get(flags, b"ssh-rsa"))
                return signer.sign(data)
        return None


def read_private_key(text: str, passphrase: str | None, certificate: str) -> PrivateKey:
    """The key in `text` (OpenSSH, or PEM as PKCS#1, SEC 1 or PKCS#8). `certificate` is an
    OpenSSH certificate of it, or empty. May take a second: keys are encrypted slowly on purpose.

    Raises:
        PassphraseError: the key is encrypted, and `passphrase` is None or wrong.
        KeyFormatError: one of the texts is not what it should be.
    """
    try:
        key = asyncssh.import_private_key(text, passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise _explained(error) from None
    if not certificate:
        return PrivateKey(asyncssh.load_keypairs([key]))
    try:
        return PrivateKey(asyncssh.load_keypairs([(key, certificate.encode())]))
    except ValueError:
        raise KeyFormatError("public-key holds no certificate of this private key") from None


def _explained(error: Exception) -> Exception:
    """What asyncssh's error means, which only its text tells."""
    text = str(error)
    if "assphrase must be specified" in text:
        return PassphraseError("the private key is encrypted: give its passphrase")
    if "Unable to decrypt" in text or "Incorrect passphrase" in text:
        return PassphraseError("the passphrase does not fit the private key")
    return KeyFormatError(f"private-key cannot be read: {reason(error)}")


def is_certificate(text: str) -> bool:
    """Whether a text is an OpenSSH certificate, and not a mere public key."""
    try:
        asyncssh.import_certificate(text)
    except (asyncssh.KeyImportError, UnicodeEncodeError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys that a host may show."""

    keys: Sequence[asyncssh.SSHKey] = ()
    authorities: Sequence[asyncssh.SSHKey] = ()
    """Keys that may have signed the certificate of the host's key."""
    revoked: Sequence[asyncssh.SSHKey] = ()

    def __bool__(self) -> bool:
        return bool(self.keys or self.authorities)

    @property
    def types(self) -> list[str]:
        """The types of the expected keys, by the names of their signatures."""
        return [name.decode() for key in self.keys for name in key.sig_algorithms]

    @property
    def fingerprints(self) -> list[str]:
        """SHA-256 fingerprints of what may be shown."""
        return [key.get_fingerprint() for key in (*self.keys, *self.authorities)]


def trust_in(known_hosts: str, host: str, address: str, port: int) -> Trust:
    """What lines in the format of OpenSSH's known_hosts say of a host.

    Raises:
        KeyFormatError: a line has another format.
    """
    try:
        lines = asyncssh.import_known_hosts(known_hosts)
        found = lines.match(host, address, None if port == 22 else port)
    except ValueError:
        raise KeyFormatError("a line is not in the format of known_hosts") from None
    return Trust(*found[:3])


def is_public_key(text: str) -> bool:
    """Whether a text is a public key as known_hosts has it: type, base64, comment."""
    try:
        asyncssh.import_public_key(text)
    except (asyncssh.KeyImportError, UnicodeEncodeError):
        return False
    return True
