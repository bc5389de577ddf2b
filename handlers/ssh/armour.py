"""Normalize the texts of private keys, as pasted from forms, JSON and chat, before parsing."""

from __future__ import annotations

import re
import textwrap

from handlers.ssh.failures import KeyFormatError

KEY_MAX = 65536
"""Maximum characters of a private key, or of its certificate."""
LINE = 64
"""Base64 characters per line."""

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----(.*?)-----END \1-----", re.DOTALL)
_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_HEADER = re.compile(r"\s*([A-Za-z-]+): *(\S+)")
"""A header of an encrypted PEM file (RFC 1421), such as `DEK-Info: AES-128-CBC,0123…`."""
_PUBLIC = re.compile(r"(ssh-|ecdsa-sha2-|sk-)\S+ +AAAA|---- BEGIN SSH2 PUBLIC|-----BEGIN .*PUBLIC")


def ordered(text: str) -> str:
    """Extract the private key from `text` and restore its lines, even if they were indented, joined
    by blanks, or have other line ends, and whatever surrounds the key.

    Raises:
        KeyFormatError: there is no private key, or its format is not supported.
    """
    if len(text) > KEY_MAX:
        raise KeyFormatError("private-key", f"is longer than {KEY_MAX} characters")
    if "\n" not in text:
        text = text.replace("\\r", "").replace("\\n", "\n")  # from JSON that was escaped twice
    text = text.strip(" \t\r\n\ufeff\u200b\"'")
    if block := _BLOCK.search(text):
        return _block(*block.groups())
    raise KeyFormatError("private-key", _reason(text))


def _block(label: str, body: str) -> str:
    headers = []
    position = 0
    while header := _HEADER.match(body, position):
        headers.append(f"{header[1]}: {header[2]}")
        position = header.end()
    base64 = "".join(body[position:].replace("\ufeff", "").split())
    lines = [*headers, *([""] if headers else []), *textwrap.wrap(base64, LINE)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def _reason(text: str) -> str:
    """The reason why a text contains no private key."""
    if text.startswith("PuTTY-User-Key-File"):
        return "is in PuTTY's own format: export it with PuTTYgen as an OpenSSH key"
    if _BEGIN.search(text):
        return (
            "cannot be read because its end is missing: give the whole file, from "
            "-----BEGIN to KEY-----"
        )
    if _PUBLIC.match(text):
        return (
            "contains a public key or a certificate: give the private one, the file "
            "without .pub in its name; certificates belong in public-key"
        )
    return (
        "contains no private key: give the whole file, from -----BEGIN to KEY-----, in OpenSSH or "
        "PEM format"
    )
