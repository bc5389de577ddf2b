"""Texts as Windows' clipboard has them (MS-RDPECLIP 2.2.5.2, and its formats in winuser.h)."""

from __future__ import annotations

CF_TEXT, CF_UNICODETEXT = 1, 13
FORMATS = (CF_UNICODETEXT, CF_TEXT)
"""The formats of texts, the best one first."""
CODECS = {CF_UNICODETEXT: "utf-16-le", CF_TEXT: "cp1252"}
ENDS = {CF_UNICODETEXT: b"\0\0", CF_TEXT: b"\0"}
UNITS_MAX = 4
"""Bytes in a Windows format for one byte of UTF-8, at most: a line feed may be two UTF-16 units."""


class TooLongError(Exception):
    """A text exceeds the limit."""


def largest(limit: int) -> int:
    """Return the bytes of the largest text that may have at most `limit` bytes in UTF-8."""
    return UNITS_MAX * limit + len(ENDS[CF_UNICODETEXT])


def decode(data: bytes, kind: int, line_ends: str, limit: int) -> bytes:
    """Return the text of a Windows format in UTF-8. As in guacd, users get LF if line ends are to
    be normalized at all.

    Raises:
        TooLongError: it has more than `limit` bytes.
    """
    text = data[: largest(limit) + 1].decode(CODECS[kind], "replace").partition("\0")[0]
    if line_ends in ("unix", "windows"):
        text = text.replace("\r\n", "\n")
    found = text.encode()
    if len(found) > limit:
        raise TooLongError
    return found


def encode(data: bytes, kind: int, line_ends: str) -> bytes:
    """Return a text in UTF-8 in a Windows format."""
    text = data.decode(errors="replace").partition("\0")[0]
    if line_ends in ("unix", "windows"):
        text = text.replace("\r\n", "\n")
    if line_ends == "windows":
        text = text.replace("\n", "\r\n")
    return text.encode(CODECS[kind], "replace") + ENDS[kind]
