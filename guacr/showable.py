"""The characters of a peer that may be shown: in a terminal, a log line, a title, an error.

`str.isprintable` is not sufficient: it refuses blanks other than U+0020, joiners of emoji and of
letters in Persian or Hindi, and characters that are newer than Python's tables. The characters that
are refused here control a terminal (controls), break lines (U+2028), reverse the order of others
(embeddings and overrides of direction, the "Trojan source"), or are invisible.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_CONTROLS = "\x00-\x1f\x7f-\x9f"
_HALVES = "\ud800-\udfff"
_FORMATS = (
    "\xad\u180e\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_NONE = "\ufdd0-\ufdef\ufffe\uffff"
_UNSAFE = re.compile(f"[{_CONTROLS}{_HALVES}{_FORMATS}{_NONE}]")
_UNSAFE_OR_FLAG = re.compile(
    # flags of regions are tags that follow a black flag
    f"(\U0001f3f4[\U000e0030-\U000e007a]{{2,6}}\U000e007f)|{_UNSAFE.pattern}"
)
_HALF = re.compile(f"[{_HALVES}]")
_LINE_END = re.compile("\r*\n\r*|\r")


def is_showable(text: str) -> bool:
    """Return whether a text may be shown unchanged."""
    return text.isprintable() or showable(text, lambda _: "") == text


def is_unicode(text: str) -> bool:
    """Return whether a text can be encoded: bytes of an argument that are not UTF-8 are halves of
    surrogate pairs."""
    return not _HALF.search(text)


def showable(text: str, instead: Callable[[str], str], keep: str = "") -> str:
    """Replace each character that may not be shown, except those in `keep`, by the result of
    `instead`."""
    if text.isprintable():
        return text
    return _UNSAFE_OR_FLAG.sub(
        lambda match: match[0] if match[1] or match[0] in keep else instead(match[0]), text
    )


def escaped(character: str) -> str:
    r"""Return a character as Python writes it: \n, \x1b, \u202e."""
    return character.encode("unicode_escape").decode()


def cut(text: str, most: int) -> str:
    """Return a text of at most `most` characters; one that is longer ends with an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def may_be_typed(character: str) -> bool:
    """Return whether a character can be part of a person's answer, shown or not."""
    return not re.match(f"[{_CONTROLS}{_HALVES}]", character)


def with_line_feeds(text: str) -> str:
    """Return a text whose lines end with a line feed, whatever their original ends: devices send CR
    LF, LF CR, CR CR LF and CR."""
    return _LINE_END.sub("\n", text)
