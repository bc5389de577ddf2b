"""The user's private key, and its passphrase, which is asked for when it is missing or wrong."""

from __future__ import annotations

import asyncio
from typing import Protocol

from guacr.errors import BadRequestError, UnauthorizedError
from handlers.ssh.armour import KEY_MAX, ordered
from handlers.ssh.failures import PassphraseError
from handlers.ssh.key_texts import PrivateKey, is_certificate, read_private_key

PASSPHRASE_TRIES = 3
"""Passphrases that a person may type for one key."""


class Person(Protocol):
    """Who sits at the terminal."""

    async def ask(self, prompt: str, *, echo: bool = True) -> str:
        """A typed line."""

    def print_line(self, text: str) -> None:
        """Show a line of guacr's own."""


def check_private_key(text: str, passphrase: str, public_key: str) -> None:
    """Whether there is no key, or one that can be read; may take a second.

    Raises:
        BadRequestError: the text is no key that can be read; the message says why.
        PassphraseError: it is encrypted, and the passphrase is missing or wrong.
    """
    certificate = _certificate_in(public_key)
    if text:
        read_private_key(ordered(text), passphrase or None, certificate)


def _certificate_in(public_key: str) -> str:
    if len(public_key) > KEY_MAX:
        raise BadRequestError(f"public-key is longer than {KEY_MAX} characters")
    public_key = " ".join(public_key.strip("\ufeff\"'").split())
    return public_key if is_certificate(public_key) else ""


async def load_private_key(
    text: str, passphrase: str, public_key: str, person: Person
) -> PrivateKey:
    """The key in `text`, decrypted. `public_key` counts if it is a certificate.

    Raises:
        BadRequestError: the text is no key that can be read; the message says why.
        UnauthorizedError: no passphrase fitted.
    """
    text, certificate = ordered(text), _certificate_in(public_key)
    known: str | None = passphrase or None
    for tries_left in range(PASSPHRASE_TRIES, -1, -1):
        try:
            return await asyncio.to_thread(read_private_key, text, known, certificate)
        except PassphraseError as error:
            if not tries_left:
                break
            if known is not None:
                person.print_line(str(error))
        known = await person.ask("Key passphrase: ", echo=False)
    raise UnauthorizedError(
        f"{PASSPHRASE_TRIES} passphrases did not fit the private key: check private-key and "
        "passphrase"
    )
