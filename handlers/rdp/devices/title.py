"""The titles of documents in PostScript (Adobe's Document Structuring Conventions, 5.1)."""

from __future__ import annotations

import re

from guacr.api import showable

HEAD_MAX = 4096
"""Bytes at the beginning of a document in which its title is looked for."""
NAME_MAX = 100
"""Characters of a title."""
DEFAULT = "guacamole-print"
"""As in guacd."""
SUFFIX = ".pdf"
_TITLE = re.compile(rb"^%%Title:[ \t]*([^\r\n]*)", re.MULTILINE)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"/\\|?*\x7f]')
_BYTE_ORDER = b"\xfe\xff"


def file_name(head: bytes) -> str:
    """Return the name of a file for a document, by its beginning."""
    found = _TITLE.search(head[:HEAD_MAX].replace(b"\r", b"\n"))
    title = _text(_plain(found[1].strip())) if found else ""
    name = _FORBIDDEN.sub("_", showable(title, lambda _: ""))[:NAME_MAX].strip(" .")
    if name.lower().endswith(SUFFIX):
        name = name[: -len(SUFFIX)].rstrip(" .")
    return (name or DEFAULT) + SUFFIX


def _plain(value: bytes) -> bytes:
    """Return a title without the signs of a string of PostScript around it."""
    if value.startswith(b"(") and value.endswith(b")"):
        return _ESCAPE.sub(_unescaped, value[1:-1])
    if value.startswith(b"<") and value.endswith(b">"):
        try:
            return bytes.fromhex(value[1:-1].decode("ascii", "replace"))
        except ValueError:
            return value
    return value


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([int(code, 8) & 0xFF]) if code.isdigit() else code


def _text(raw: bytes) -> str:
    if raw.startswith(_BYTE_ORDER):
        return raw[2:].decode("utf-16-be", "replace")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
