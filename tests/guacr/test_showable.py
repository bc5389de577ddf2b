"""The characters that may be shown."""

from __future__ import annotations

import unicodedata

import pytest

from guacr.errors import shorten
from guacr.showable import cut, escaped, is_showable, may_be_typed, showable, with_line_feeds

SHOWN = [
    "東京都\u3000千代田区",
    "10\xa0000 €, 10\u202f000",
    "a\u2009b\u2003c",
    "👨\u200d👩\u200d👧",
    "❤\ufe0f\u200d🔥",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "می\u200cخواهم",
    "क्\u200dष",
    "שלום\u200f! \u200e",
    "葛\U000e0100",
    "\U0001fae8\U0001fadc",
    "\ue0b0",
    "e\u0301",
]
REFUSED = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))] + list(
    "\xad\u180e\u200b\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2069\ufeff\ufff9"
    "\ufffe\uffff\ufdd0\ud800\udfff\U000e0001\U000e0041"
)


@pytest.mark.parametrize("text", SHOWN, ids=ascii)
def test_what_is_shown(text: str) -> None:
    assert is_showable(text)
    assert showable(text, escaped) == text
    assert shorten(text) == f"'{text}'"


@pytest.mark.parametrize("character", REFUSED, ids=ascii)
def test_what_is_not(character: str) -> None:
    assert not is_showable(f"a{character}b")
    assert showable(f"a\xa0{character}b", lambda _: "?") == "a\xa0?b"
    assert ascii(showable(character, escaped)).replace("\\\\", "\\") == ascii(character)
    assert showable(character, lambda _: "?", keep=character) == character
    assert character not in shorten(f"é\xa0{character}")


def test_nothing_printable_is_refused() -> None:
    every = "".join(map(chr, range(0x110000)))
    printable = "".join(c for c in every if c.isprintable())
    assert showable(f"{printable}\xa0", lambda _: "") == f"{printable}\xa0"


def test_tags_alone_are_refused() -> None:
    """They would be a text that nobody sees."""
    assert not is_showable("a\U000e0067\U000e007f")
    assert not is_showable("\U0001f3f4" + "\U000e0067" * 100 + "\U000e007f")


def test_all_but_controls_may_be_typed() -> None:
    for code in range(0x110000):
        control = unicodedata.category(chr(code)) in ("Cc", "Cs")
        assert may_be_typed(chr(code)) is not control


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\r", "\r\r\n", "\r"])
def test_ends_of_lines(end: str) -> None:
    assert with_line_feeds(f"a{end}b{end}") == "a\nb\n"


def test_quotes_in_errors() -> None:
    assert shorten("it's\xa0so") == '"it\'s\xa0so"'
    assert shorten("\\ ' \"\xa0") == "'\\\\ \\' \"\xa0'"
    assert shorten("a\nb") == repr("a\nb")


def test_long_texts_end_with_an_ellipsis() -> None:
    assert [cut(text, 3) for text in ("", "abc", "abcd")] == ["", "abc", "ab…"]
