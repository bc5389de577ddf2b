"""HTML of Windows' clipboard."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.clipboard import html

LIMIT = 10_000
HTML = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300)


def part(data: bytes, begin: str, end: str) -> bytes:
    """The bytes between two places of the header."""
    places = dict(re.findall(rb"(\w+):([0-9]{10})\r\n", data))
    return data[int(places[begin.encode()]) : int(places[end.encode()])]


@given(HTML)
def test_what_is_made_is_exact(text: str) -> None:
    made = html.encode(text.encode())
    assert made.startswith(b"Version:0.9\r\n")
    assert part(made, "StartFragment", "EndFragment").decode() == text
    whole = part(made, "StartHTML", "EndHTML")
    assert whole.startswith(b"<html><body>")
    assert whole.endswith(b"</body></html>")
    assert made[-1:] == b"\0"
    assert html.decode(made, LIMIT) == whole


def test_the_marks_of_a_browser_on_windows_are_used() -> None:
    copied = "<html>\r\n<body>\r\n<!--StartFragment--><b>ü</b><!--EndFragment-->\r\n</body></html>"
    made = html.encode(copied.encode())
    assert part(made, "StartHTML", "EndHTML").decode() == copied
    assert part(made, "StartFragment", "EndFragment").decode() == "<b>ü</b>"


@pytest.mark.parametrize(
    "text", ["<!--StartFragment-->a", "<!--EndFragment-->a<!--StartFragment-->", "a"]
)
def test_marks_that_are_no_use_are_replaced(text: str) -> None:
    assert part(html.encode(text.encode()), "StartFragment", "EndFragment") == b"a"


def test_the_part_is_used_if_the_whole_is_too_long() -> None:
    page = "<html><head>{}</head><body><!--StartFragment--><b>ä</b><!--EndFragment--></body></html>"
    made = html.encode(page.format("x" * 100).encode())
    assert html.decode(made, 50) == "<b>ä</b>".encode()
    assert html.decode(made, 8) == b""
    assert len(html.decode(made, 1000)) > 100


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", b""),
        (b"<b>bold</b>\0", b"<b>bold</b>"),
        (b"Version:1.0\r\nStartHTML:-1\r\nEndHTML:-1\r\n<b>a</b>", b"<b>a</b>"),
        (b"StartHTML:9999\r\nEndHTML:99999999\r\n<b>a</b>", b"<b>a</b>"),
        (b"StartHTML:00000036\nEndHTML:00000044\n<b>a</b>junk", b"<b>a</b>"),
        (b"\xff\xfe\0", "\ufffd\ufffd".encode()),
    ],
)
def test_headers_of_all_kinds(data: bytes, found: bytes) -> None:
    assert html.decode(data, LIMIT) == found


@given(st.binary(max_size=400), st.integers(0, 100))
def test_any_bytes(data: bytes, limit: int) -> None:
    found = html.decode(data, limit)
    assert len(found) <= limit
    found.decode()
    html.encode(data)
