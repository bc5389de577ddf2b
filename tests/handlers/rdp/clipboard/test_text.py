"""Texts of Windows' clipboard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rdp.clipboard import text as windows_text
from handlers.rdp.clipboard.text import CF_TEXT, CF_UNICODETEXT, TooLongError

LIMIT = 100


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_text_survives(text: str) -> None:
    data = text.encode()
    there = windows_text.encode(data, CF_UNICODETEXT, "")
    assert len(there) <= windows_text.largest(len(data))
    assert windows_text.decode(there, CF_UNICODETEXT, "", len(data)) == data


def test_old_servers_have_one_encoding() -> None:
    assert (
        windows_text.encode("Gr\u00fc\u00dfe \u20ac \u0434".encode(), CF_TEXT, "")
        == b"Gr\xfc\xdfe \x80 ?\0"
    )
    found = windows_text.decode(b"Gr\xfc\xdfe \x80\0junk", CF_TEXT, "", LIMIT)
    assert found.decode() == "Gr\u00fc\u00dfe \u20ac"


@pytest.mark.parametrize(
    ("line_ends", "to_host", "to_users"),
    [
        ("", "a\nb\r\nc", "a\nb\r\nc"),
        ("preserve", "a\nb\r\nc", "a\nb\r\nc"),
        ("unix", "a\nb\nc", "a\nb\nc"),
        ("windows", "a\r\nb\r\nc", "a\nb\nc"),
    ],
)
def test_line_ends(line_ends: str, to_host: str, to_users: str) -> None:
    text = b"a\nb\r\nc"
    assert windows_text.encode(text, CF_TEXT, line_ends) == to_host.encode() + b"\0"
    assert windows_text.decode(text, CF_TEXT, line_ends, LIMIT) == to_users.encode()


def test_a_text_ends_at_a_nul() -> None:
    assert windows_text.encode(b"a\0b", CF_TEXT, "") == b"a\0"
    assert windows_text.decode(b"a\0\0\0b\0", CF_UNICODETEXT, "", LIMIT) == b"a"


@pytest.mark.parametrize("data", [b"\x00\xd8", b"a", b"\x00\xdca\0", b"\xff\xff\0"])
def test_broken_texts_are_valid_afterwards(data: bytes) -> None:
    windows_text.decode(data, CF_UNICODETEXT, "", LIMIT).decode()
    assert windows_text.encode(b"\xff\xc3", CF_UNICODETEXT, "") == b"\xfd\xff\xfd\xff\0\0"


@pytest.mark.parametrize("kind", [CF_TEXT, CF_UNICODETEXT])
def test_the_limit_is_in_utf_8(kind: int) -> None:
    data = windows_text.encode("\u00e4".encode() * (LIMIT // 2), kind, "")
    assert len(windows_text.decode(data, kind, "", LIMIT)) == LIMIT
    with pytest.raises(TooLongError):
        windows_text.decode(data, kind, "", LIMIT - 1)
    with pytest.raises(TooLongError):
        windows_text.decode(bytes([97]) * 1000 * LIMIT, kind, "", LIMIT)


def test_crlf_counts_once_if_it_becomes_lf() -> None:
    data = windows_text.encode(b"\n" * LIMIT, CF_UNICODETEXT, "windows")
    assert len(data) == windows_text.largest(LIMIT)
    assert windows_text.decode(data, CF_UNICODETEXT, "windows", LIMIT) == b"\n" * LIMIT
