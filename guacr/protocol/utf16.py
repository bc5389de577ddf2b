"""Support browsers that count UTF-16 code units instead of code points.

guacamole-common-js does so up to 1.5.0. The two counts differ for characters beyond U+FFFF, such as
emoji: sent text must not contain any, and received text may be counted either way.
"""

import re

from guacr.protocol.instruction import encode

_ASTRAL = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")
_REPLACEMENT = "\ufffd".encode()
_LENGTH_DIGITS_MAX = 5


def same_in_utf16(data: bytes) -> bytes:
    """Make both counts agree: replace each character beyond U+FFFF by U+FFFD."""
    return data if data.isascii() else _ASTRAL.sub(_REPLACEMENT, data)


def in_code_points(data: bytes) -> bytes:
    """Convert a message of complete instructions, counted either way, to code points.

    A message that is invalid either way is returned unchanged, for the parser to reject.
    """
    if data.isascii() or not _ASTRAL.search(data):
        return data
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data
    if _instructions(text.encode("utf-32-le"), "utf-32-le", 4) is not None:
        return data
    counted = _instructions(text.encode("utf-16-le"), "utf-16-le", 2)
    return data if counted is None else b"".join(encode(*elements) for elements in counted)


def _instructions(text: bytes, encoding: str, unit: int) -> list[list[str]] | None:
    """Return the elements of each instruction, with lengths in units of `unit` bytes."""
    instructions: list[list[str]] = []
    elements: list[str] = []
    position = 0
    while position < len(text):
        head = text[position : position + (_LENGTH_DIGITS_MAX + 1) * unit]
        digits, dot, _ = head.decode(encoding, "replace").partition(".")
        if not (dot and digits.isascii() and digits.isdigit()):
            return None
        start = position + (len(digits) + 1) * unit
        end = start + int(digits) * unit
        terminator = text[end : end + unit].decode(encoding, "replace")
        if terminator not in (",", ";"):
            return None
        elements.append(text[start:end].decode(encoding, "replace"))
        if terminator == ";":
            instructions.append(elements)
            elements = []
        position = end + unit
    return None if elements else instructions
