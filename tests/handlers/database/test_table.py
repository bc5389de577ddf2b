"""Results as tables, of values in many scripts."""

from __future__ import annotations

import pytest

from guacr.settings import Settings
from handlers.database.adapter import Column
from handlers.database.table import Table, cells, cut, shown, wrapped
from tests.handlers.terminal.echo import Desk
from tests.support.loopback import until

VALUES = [
    "東京都\u3000千代田区",
    "10\xa0000",
    "👨\u200d👩\u200d👧",
    "می\u200cخواهم",
    "\U0001fae8",
    "हिन्दी",
    "🇫🇷",
    "👍🏽 ⚠\ufe0f",
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


@pytest.mark.parametrize("engine", ["ghostty", "pyte"])
@pytest.mark.parametrize("value", VALUES, ids=ascii)
async def test_cells_are_counted_as_the_terminal_does(engine: str, value: str) -> None:
    desk = Desk(Settings.model_validate({"terminal": {"engine": engine}}))
    _, _, handler = desk.join()
    handler.start_input()
    handler.feed(f"{value}\x1b[6n".encode())
    await until(lambda: bytes(handler.sent) == f"\x1b[1;{cells(value) + 1}R".encode())
    await desk.close()
