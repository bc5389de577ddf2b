"""JSON of peers, and what is wrong with it."""

from __future__ import annotations

import pytest

from guacr.json_text import NESTING_MAX, JsonError, parse_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": ["\xc3\xa9", 1, 2.5, null, true]}', {"a": ["é", 1, 2.5, None, True]}),
        ('"\\ud83d\\ude00"', "😀"),
        ("[" * NESTING_MAX + "]" * NESTING_MAX, None),
    ],
)
def test_what_is_json(text: bytes | str, value: object) -> None:
    parsed = parse_json(text)
    assert value is None or parsed == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff",
        '{"a": 1}'.encode("utf-16"),
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"[1e999]",
        b"9" * 5000,
        b'{"exp": ' + b"9" * 5000 + b"}",
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        "[" * (NESTING_MAX + 1) + "]" * (NESTING_MAX + 1),
    ],
    ids=range(15),
)
def test_what_is_not(text: bytes | str) -> None:
    with pytest.raises(JsonError):
        parse_json(text)
