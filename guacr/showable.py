"""Which characters of a peer's may be shown: in a terminal, a log line, a title, an error.

`str.isprintable` is not that: it refuses blanks other than U+0020, what joins emoji and letters of
Persian or Hindi, and whatever is younger than Python's tables. What is refused here steers a
terminal (controls), breaks lines (U+2028), turns the order of others around (embeddings and
overrides of direction, the "Trojan source"), or cannot be seen at all.
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
    # flags of regions are tags behind a black flag
    f"(\U0001f3f4[\U000e0030-\U000e007a]{{2,6}}\U000e007f)|{_UNSAFE.pattern}"
)
_LINE_END = re.compile("\r*\n\r*|\r")


def is_showable(text: str) -> bool:
    """Whether a text may be shown as it is."""
    return text.isprintable() or showable(text, lambda _: "") == text


def showable(text: str, instead: Callable[[str], str], keep: str = "") -> str:
    """A text with `instead` of each character that may not be shown, but for those of `keep`."""
    if text.isprintable():
        return text
    return _UNSAFE_OR_FLAG.sub(
        lambda match: match[0] if match[1] or match[0] in keep else instead(match[0]), text
    )


def escaped(character: str) -> str:
    r"""A character as Python writes it: \n, \x1b, \u202e."""
    return character.encode("unicode_escape").decode()


def may_be_typed(character: str) -> bool:
    """Whether a character can be a part of what a person answers, shown or not."""
    return not re.match(f"[{_CONTROLS}{_HALVES}]", character)


def with_line_feeds(text: str) -> str:
    """A text whose lines end with a line feed, however they did: devices send CR LF, LF CR, CR CR
    LF and CR."""
    return _LINE_END.sub("\n", text)
