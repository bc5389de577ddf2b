"""Parse private keys, certificates and known hosts with asyncssh."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from guacr.sshlib import RSAPrivateKey, UnsupportedAlgorithm, asyncssh
from handlers.ssh.derivation import bound_derivation
from handlers.ssh.failures import KeyFormatError, PassphraseError, reason

RSA_BITS_MAX = 8192
"""Maximum bits of an RSA key. Signing with 16,384 bits blocks the event loop for half a second."""
SIGNATURES = {2: b"rsa-sha2-256", 4: b"rsa-sha2-512"}
"""The signature algorithms that an agent's client requests by flag (draft-miller-ssh-agent,
3.6.1)."""

_PEM = "-----BEGIN"

_STRANGE = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError,
    asyncssh.Error, UnsupportedAlgorithm,
)  # fmt: skip
"""The exceptions of asyncssh and cryptography for malformed keys."""

bound_derivation()


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key, with its certificate if there is one."""

    pairs: Sequence[asyncssh.SSHKeyPair] = field(repr=False)
    """The key pairs that are offered to a host, the one with the certificate first."""

    @property
    def identities(self) -> list[tuple[bytes, bytes]]:
        """The public part and comment of each key pair."""
        return [(pair.public_data, pair.get_comment_bytes() or b"") for pair in self.pairs]

    def sign(self, public: bytes, data: bytes, flags: int) -> bytes | None:
        """Sign `data` as an agent does; None if `public` is a different key."""
        for pair in self.pairs:
            if public in (pair.public_data, pair.key_public_data):
                signer = copy.copy(pair)
                if signer.key_algorithm == b"ssh-rsa":
                    signer.set_sig_algorithm(SIGNATURES.get(flags, b"ssh-rsa"))
                return signer.sign(data)
        return None


def read_private_key(text: str, passphrase: str | None, certificate: str) -> PrivateKey:
    """Parse the key in `text` (OpenSSH, or PEM as PKCS#1, SEC 1 or PKCS#8). `certificate` is its
    OpenSSH certificate, or empty. This may take a second, because key encryption is slow on
    purpose.

    Raises:
        PassphraseError: the key is encrypted, and `passphrase` is None or wrong.
        KeyFormatError: one of the texts is invalid.
    """
    try:
        key = _imported(text, passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise _explained(error) from None
    except _STRANGE:
        raise KeyFormatError("private-key", "cannot be read: the key itself is damaged") from None
    if not certificate:
        return PrivateKey(asyncssh.load_keypairs([key]))
    try:
        return PrivateKey(asyncssh.load_keypairs([(key, certificate.encode())]))
    except ValueError:
        raise KeyFormatError("public-key", "contains no certificate of this private key") from None


def _imported(text: str, passphrase: str | None) -> asyncssh.SSHKey:
    """Import a key whose parts are consistent. The factors of an RSA modulus are not checked for
    primality: this can take minutes, during which nothing else runs."""
    key = asyncssh.import_private_key(text, passphrase, unsafe_skip_rsa_key_validation=True)
    inner = key.pyca_key
    if isinstance(inner, RSAPrivateKey):
        if inner.key_size > RSA_BITS_MAX:
            raise KeyFormatError(
                "private-key",
                f"is an RSA key of {inner.key_size} bits, and at most {RSA_BITS_MAX} are accepted",
            )
        numbers = inner.private_numbers()
        product = numbers.public_numbers.e * numbers.d
        factors = (numbers.p, numbers.q)
        if numbers.p * numbers.q != numbers.public_numbers.n or any(
            factor < 3 or product % (factor - 1) != 1 for factor in factors
        ):
            raise ValueError("the parts of the key are inconsistent")
    return key


def _explained(error: Exception) -> Exception:
    """The error for an exception of asyncssh, which only its text identifies."""
    text = str(error)
    if "assphrase must be specified" in text:
        return PassphraseError("the private key is encrypted: give its passphrase")
    if "Unable to decrypt" in text or "Incorrect passphrase" in text:
        return PassphraseError("the passphrase of the private key is wrong")
    return KeyFormatError("private-key", f"cannot be read: {reason(error)}")


def is_certificate(text: str) -> bool:
    """Return whether a line is an OpenSSH certificate, not just a public key."""
    return _can_be_imported(text, asyncssh.import_certificate)


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys that a host may show."""

    keys: Sequence[asyncssh.SSHKey] = ()
    authorities: Sequence[asyncssh.SSHKey] = ()
    """The keys of authorities that may have signed the host's certificate."""
    revoked: Sequence[asyncssh.SSHKey] = ()

    def __bool__(self) -> bool:
        return bool(self.keys or self.authorities)

    @property
    def types(self) -> list[str]:
        """The types of the expected keys, by signature name."""
        return [name.decode() for key in self.keys for name in key.sig_algorithms]

    @property
    def fingerprints(self) -> list[str]:
        """The SHA-256 fingerprints of the expected keys."""
        return [key.get_fingerprint() for key in (*self.keys, *self.authorities)]


def trust_in(known_hosts: str, host: str, address: str, port: int) -> Trust:
    """The trust in a host according to lines in the format of OpenSSH's known_hosts.

    Raises:
        ValueError: a line has a different format.
    """
    lines = asyncssh.import_known_hosts(known_hosts)
    found = lines.match(host, address, None if port == 22 else port)
    return Trust(*found[:3])


def is_public_key(text: str) -> bool:
    """Return whether a line is a public key as in known_hosts: type, base64, comment."""
    return _can_be_imported(text, asyncssh.import_public_key)


def _can_be_imported(line: str, load: Callable[[str], object]) -> bool:
    """Return whether a line in OpenSSH's format can be imported. asyncssh also imports PEM, whose
    first line it uses as a regular expression."""
    if _PEM in line:
        return False
    try:
        load(line)
    except (asyncssh.KeyImportError, UnicodeEncodeError):
        return False
    return True
