"""The user's private key, and its passphrase, which is asked for if it is missing or wrong."""

from __future__ import annotations

from typing import Protocol

from guacr.api import UnauthorizedError, compute
from handlers.ssh.armour import KEY_MAX, ordered
from handlers.ssh.failures import KeyFormatError, PassphraseError
from handlers.ssh.key_texts import PrivateKey, is_certificate, is_public_key, read_private_key

PASSPHRASE_TRIES = 3
"""Maximum passphrases that a person may try for a key."""


class Person(Protocol):
    """The person at the terminal."""

    async def ask(self, prompt: str, *, echo: bool = True) -> str:
        """Ask for a line."""

    def print_line(self, text: str) -> None:
        """Show a line of guacr."""


def read_key(text: str, passphrase: str, public_key: str) -> PrivateKey:
    """Return the private key in `text`, with its certificate if there is one; may take a second.

    Raises:
        KeyFormatError: the key cannot be read; the message says why.
        PassphraseError: it is encrypted, and the passphrase is missing or wrong.
    """
    return read_private_key(ordered(text), passphrase or None, _certificate_in(public_key))


def check_private_key(text: str, passphrase: str, public_key: str) -> None:
    """Check that there is either no key or a readable one; raises and takes as long as
    `read_key`."""
    if text:
        read_key(text, passphrase, public_key)
    else:
        _certificate_in(public_key)


def is_public(public_key: str) -> bool:
    """Return whether the parameter public-key contains a certificate, which is used, or a plain
    public key, which is ignored."""
    line = _line(public_key)
    return is_certificate(line) or is_public_key(line)


def _certificate_in(public_key: str) -> str:
    if len(public_key) > KEY_MAX:
        raise KeyFormatError("public-key", f"is longer than {KEY_MAX} characters")
    line = _line(public_key)
    return line if is_certificate(line) else ""


def _line(public_key: str) -> str:
    return " ".join(public_key.strip("\ufeff\"'").split())


async def load_private_key(
    text: str, passphrase: str, public_key: str, person: Person
) -> PrivateKey:
    """Return the decrypted key in `text`. `public_key` is used if it is a certificate.

    Raises:
        KeyFormatError: the key cannot be read; the message says why.
        UnauthorizedError: no passphrase was correct.
    """
    text, certificate = ordered(text), _certificate_in(public_key)
    known: str | None = passphrase or None
    for tries_left in range(PASSPHRASE_TRIES, -1, -1):
        try:
            return await compute(read_private_key, text, known, certificate)
        except PassphraseError as error:
            if not tries_left:
                break
            if known is not None:
                person.print_line(str(error))
        known = await person.ask("Key passphrase: ", echo=False)
    raise UnauthorizedError(
        f"{PASSPHRASE_TRIES} passphrases for the private key were wrong: check both"
    )
