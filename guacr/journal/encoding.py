"""The encoding of blocks of the archive: compressed with Zstandard, then encrypted with age.

Both are optional libraries (`guacr[journal]`). age (https://age-encryption.org/v1) encrypts to
public keys, so that the daemon cannot read what it has archived.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from guacr.errors import SettingsError
from guacr.journal.errors import EncryptedError, FormatError, JournalError

ZSTANDARD, AGE = 1, 2
"""Flags of the encodings of a file."""
LEVEL = 3
"""The level of compression, Zstandard's default."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding of new blocks."""

    compress: bool = False
    recipients: Sequence[Any] = ()
    """age's public keys; empty for no encryption."""

    @property
    def flags(self) -> int:
        """The encodings that are used."""
        return (ZSTANDARD if self.compress else 0) | (AGE if self.recipients else 0)

    def encode(self, block: bytes) -> bytes:
        """Encode a block."""
        if self.compress:
            block = _zstd().compress(block, LEVEL)
        if self.recipients:
            block = _age().encrypt(block, list(self.recipients))
        return block


@dataclass(frozen=True, slots=True)
class Decoding:
    """The keys to decode blocks."""

    identities: Sequence[Any] = field(default=(), repr=False)
    """age's private keys."""

    def decode(self, block: bytes, flags: int, size: int) -> bytes:
        """Decode a block that had `size` bytes before.

        Raises:
            FormatError: it is damaged, or none of the identities can decrypt it.
            JournalError: a library is not installed, or there is no identity.
        """
        if flags & AGE:
            block = self._decrypt(block)
        if flags & ZSTANDARD:
            block = _decompress(block, size)
        if len(block) != size:
            raise FormatError(f"a block has {len(block)} bytes instead of {size}")
        return block

    def _decrypt(self, block: bytes) -> bytes:
        if not self.identities:
            raise EncryptedError(
                "this is encrypted: name a file with age's identities (--identity)"
            )
        age = _age()
        try:
            plain: bytes = age.decrypt(block, list(self.identities))
        except age.DecryptError:
            raise FormatError(
                "a block cannot be decrypted: it is damaged, or encrypted to other recipients"
            ) from None
        return plain


def encoding(*, compress: bool, recipients: Sequence[str]) -> Encoding:
    """Return the encoding for settings; `recipients` are texts such as age1….

    Raises:
        SettingsError: a library is not installed, or a recipient is invalid.
    """
    try:
        if compress:
            _zstd()
        return Encoding(compress, [_recipient(text) for text in recipients])
    except JournalError as error:
        raise SettingsError(str(error)) from None


def decoding(identities: str) -> Decoding:
    """Return the decoding for the content of a file of identities, as age-keygen writes it.

    Raises:
        JournalError: it contains none, or one that is invalid.
    """
    lines = [line.strip() for line in identities.splitlines()]
    texts = [line for line in lines if line and not line.startswith("#")]
    if not texts:
        raise JournalError("the file of identities contains none: name one of age-keygen")
    age = _age()
    try:
        return Decoding([age.x25519.Identity.from_str(text) for text in texts])
    except age.IdentityError:
        raise JournalError(
            "the file of identities contains a line that is not AGE-SECRET-KEY-1…"
        ) from None


def _recipient(text: str) -> Any:
    age = _age()
    try:
        return age.x25519.Recipient.from_str(text)
    except age.RecipientError:
        raise JournalError(
            f"{text[:70]!r} is not a recipient of age: use the public key of age-keygen (age1…)"
        ) from None


def _decompress(block: bytes, size: int) -> bytes:
    """Decompress a block, to at most one byte more than it should have."""
    zstd = _zstd()
    try:
        plain: bytes = zstd.ZstdDecompressor().decompress(block, max_length=size + 1)
    except zstd.ZstdError:
        raise FormatError("a block cannot be decompressed: it is damaged") from None
    return plain


def _zstd() -> Any:
    try:
        from compression import zstd  # since Python 3.14
    except ImportError:
        try:
            from backports import zstd
        except ImportError:
            raise JournalError("compression needs a library: install guacr[journal]") from None
    return zstd


def _age() -> Any:
    try:
        import pyrage
    except ImportError:
        raise JournalError("encryption needs a library: install guacr[journal]") from None
    return pyrage
