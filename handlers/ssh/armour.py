"""The texts of private keys, as they come out of forms, JSON and chat: put in order before they
are read."""

from __future__ import annotations

import re
import textwrap

from guacr.errors import BadRequestError

KEY_MAX = 65536
"""Characters of a private key, or of its certificate."""
LINE = 64
"""Characters of base64 in a line."""

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----(.*?)-----END \1-----", re.DOTALL)
_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_HEADER = re.compile(r"\s*([A-Za-z-]+): *(\S+)")
"""A header of an encrypted PEM file (RFC 1421), such as `DEK-Info: AES-128-CBC,0123…`."""
_PUBLIC = re.compile(r"(ssh-|ecdsa-sha2-|sk-)\S+ +AAAA|---- BEGIN SSH2 PUBLIC|-----BEGIN .*PUBLIC")


def ordered(text: str) -> str:
    """The private key in `text`, with its lines as they should be: whether they were indented,
    joined by blanks, or end as in other systems, and whatever stands around it.

    Raises:
        BadRequestError: there is no private key in it, or one that cannot be read here.
    """
    if len(text) > KEY_MAX:
        raise BadRequestError(f"private-key is longer than {KEY_MAX} characters")
    if "\n" not in text:
        text = text.replace("\\r", "").replace("\\n", "\n")  # from JSON that was escaped twice
    text = text.strip(" \t\r\n\ufeff\u200b\"'")
    if block := _BLOCK.search(text):
        return _block(*block.groups())
    raise BadRequestError(_reason(text))


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
    """Why there is no private key in a text that starts as it does."""
    if text.startswith("PuTTY-User-Key-File"):
        return "private-key is in PuTTY's own format: export it with PuTTYgen as an OpenSSH key"
    if _BEGIN.search(text):
        return (
            "private-key cannot be read, for its end is missing: give the whole file, from "
            "-----BEGIN to KEY-----"
        )
    if _PUBLIC.match(text):
        return (
            "private-key holds a public key or a certificate: give the private one, the file "
            "without .pub in its name; certificates belong into public-key"
        )
    return (
        "private-key holds no private key: give the whole file, from -----BEGIN to KEY-----, in "
        "OpenSSH or PEM format"
    )
