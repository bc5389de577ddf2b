"""Results as tables, of values in many scripts."""

from __future__ import annotations

import pytest

from handlers.database.adapter import Column
from handlers.database.table import Table, cells, cut, shown, wrapped

VALUES = [
    "東京都\u3000千代田区",
    "10\xa0000",
    "👨\u200d👩\u200d👧",
    "می\u200cخواهم",
    "\U0001fae8",
    "plain",
]


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_values_are_shown_as_they_are(value: str) -> None:
    assert shown(value) == value
    assert wrapped(value, 80) == [value]
    assert cut(value, 0, 80) == value


@pytest.mark.parametrize(
    ("value", "as_text"),
    [
        ("a\x1b[2J", "a\\x1b[2J"),
        ("a\x9b", "a\\x9b"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u2028b", "a\\u2028b"),
        ("a\nb\tc", "a↵b    c"),
    ],
)
def test_what_steers_a_terminal_is_escaped(value: str, as_text: str) -> None:
    assert shown(value) == as_text


def test_columns_are_as_wide_as_their_values() -> None:
    table = Table([Column("name"), Column("next")])
    rows = [(value, "x") for value in VALUES]
    table.measure(rows)
    assert {cells(table.line(row).rpartition("│")[0]) for row in rows} == {1 + 16 + 1}
