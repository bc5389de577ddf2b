"""Fingerprints of certificates, as session descriptions give them (RFC 8122)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

ALGORITHMS = {"sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}
"""Name in descriptions → name in `hashlib`, the strongest last. Weaker ones are not accepted."""

_HEX_PAIRS = re.compile("[0-9A-F]{2}(?::[0-9A-F]{2})*")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The hash of a certificate's DER form.

    Attributes:
        algorithm: one of `ALGORITHMS`.
        value: bytes in upper-case hexadecimal, with colons between them.

    Raises:
        ValueError: the algorithm is not accepted, or the value has another length or form.
    """

    algorithm: str
    value: str

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise ValueError(f"the algorithm is none of {', '.join(ALGORITHMS)}")
        size = hashlib.new(ALGORITHMS[self.algorithm]).digest_size
        if len(self.value) != size * 3 - 1 or not _HEX_PAIRS.fullmatch(self.value):
            raise ValueError(f"the value is not {size} bytes in hexadecimal")

    @classmethod
    def of(cls, certificate: bytes, algorithm: str = "sha-256") -> Fingerprint:
        """Return the fingerprint of a certificate in DER form."""
        digest = hashlib.new(ALGORITHMS[algorithm], certificate).digest()
        return cls(algorithm, digest.hex(":").upper())


def matches(certificate: bytes, fingerprints: Iterable[Fingerprint]) -> bool:
    """Return whether a certificate in DER form is one that the fingerprints name.

    Those of the strongest algorithm decide, of which one has to match (RFC 8122, section 5).
    """
    by_strength = list(ALGORITHMS)
    found = list(fingerprints)
    if not found:
        return False
    strongest = max((one.algorithm for one in found), key=by_strength.index)
    return Fingerprint.of(certificate, strongest) in found
