"""The user's private key, and its passphrase, which is asked for when it is missing or wrong."""

from __future__ import annotations

import asyncio
from typing import Protocol

from guacr.errors import BadRequestError, UnauthorizedError
from handlers.ssh.failures import PassphraseError
from handlers.ssh.key_texts import PrivateKey, is_certificate, read_private_key

PASSPHRASE_TRIES = 3
"""Passphrases that a person may type for one key."""
KEY_MAX = 65536
"""Characters of a private key, or of its certificate."""


class Person(Protocol):
    """Who sits at the terminal."""

    async def ask(self, prompt: str, *, echo: bool = True) -> str:
        """A typed line."""

    def print_line(self, text: str) -> None:
        """Show a line of guacr's own."""


async def load_private_key(
    text: str, passphrase: str, public_key: str, person: Person
) -> PrivateKey:
    """The key in `text`, decrypted. `public_key` counts if it is a certificate.

    Raises:
        BadRequestError: the text is no key that can be read; the message says why.
        UnauthorizedError: no passphrase fitted.
    """
    text = _checked(text)
    certificate = public_key if is_certificate(public_key) else ""
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


def _checked(text: str) -> str:
    """The text with line ends as they should be, if it can be a private key at all."""
    if len(text) > KEY_MAX:
        raise BadRequestError(f"private-key is longer than {KEY_MAX} characters")
    if "\n" not in text:
        text = text.replace("\\n", "\n")  # as it comes out of JSON that was escaped twice
    text = text.replace("\r\n", "\n").strip() + "\n"
    if text.startswith("PuTTY-User-Key-File"):
        raise BadRequestError(
            "private-key is in PuTTY's own format: export it with PuTTYgen as an OpenSSH key"
        )
    if "PRIVATE KEY" not in text:
        raise BadRequestError(
            "private-key holds no private key: give the whole file, from -----BEGIN to "
            "KEY-----, in OpenSSH or PEM format"
        )
    return text
