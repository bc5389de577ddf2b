"""Fingerprints of certificates and RSA keys that a connection accepts."""

from __future__ import annotations

import hashlib
import re

from guacr.api import BadRequestError, UpstreamError, shorten

PINS_MAX = 16
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def parse_pins(text: str) -> frozenset[str]:
    """Return the fingerprints in a list with commas: SHA-256 as hexadecimal digits, with or without
    colons and a prefix `sha256:`.

    Raises:
        BadRequestError: one is not a fingerprint, or there is none in a text that is not empty.
    """
    words = text.lower().replace(",", " ").split()
    pins = frozenset(word.removeprefix("sha256:").replace(":", "") for word in words)
    wrong = next((pin for pin in pins if not _FINGERPRINT.fullmatch(pin)), None)
    if wrong is not None:
        raise BadRequestError(
            f"parameter cert-fingerprints contains {shorten(wrong)}, which is not a SHA-256 "
            "fingerprint: give 64 hexadecimal digits"
        )
    if text and not pins:
        raise BadRequestError(
            "parameter cert-fingerprints contains no fingerprint: give one, or leave it empty"
        )
    if len(pins) > PINS_MAX:
        raise BadRequestError(f"parameter cert-fingerprints has more than {PINS_MAX} fingerprints")
    return pins


def fingerprint(certificate: bytes) -> str:
    """Return the fingerprint of a certificate in DER."""
    return hashlib.sha256(certificate).hexdigest()


def check(pins: frozenset[str], shown: str, host: str) -> None:
    """Compare the fingerprint that a host shows.

    Raises:
        UpstreamError: it is not among those that are expected.
    """
    if shown not in pins:
        raise UpstreamError(
            f"host {shorten(host)} is not the one expected by cert-fingerprints: it shows {shown}; "
            "update the parameter if the host has a new key, otherwise do not trust it"
        )
