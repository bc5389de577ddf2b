"""Results as tables, of values in many scripts."""

from __future__ import annotations

import pytest

from guacr.settings.models import Settings
from handlers.database.adapter import Column
from handlers.database.console.table import BROKEN_MAX, Table, broken, cells, cut, shown, wrapped
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


def test_lines_of_a_value_stand_below_each_other_as_in_psql() -> None:
    columns = [Column("x"), Column("n", right=True), Column("y"), Column("z")]
    table = Table(columns)
    parts = broken(("a\nbb\n", "10", "q\nw", None))
    table.measure(parts)
    assert [*table.head(), *map(table.line, parts)] == [
        " x  │ n  │ y │  z   ",
        "────┼────┼───┼──────",
        " a ↵│ 10 │ q↵│ NULL ",
        " bb↵│    │ w │      ",
        "    │    │   │      ",
    ]


def test_a_row_is_broken_into_few_lines() -> None:
    parts = broken(("\n" * 9000, *["x"] * 1599))
    assert sum(map(len, parts)) <= BROKEN_MAX
    assert parts[-1][0] == "…"
    assert broken(("\n" * 100,))[-1] == ("",)
    assert broken(("x\n" * 4000,))[-1] == ("x…",)


@pytest.mark.parametrize("engine", ["ghostty", "pyte"])
@pytest.mark.parametrize("value", VALUES, ids=ascii)
async def test_cells_are_counted_as_the_terminal_does(engine: str, value: str) -> None:
    desk = Desk(Settings.model_validate({"terminal": {"engine": engine}}))
    _, _, handler = desk.join()
    handler.start_input()
    handler.feed(f"{value}\x1b[6n".encode())
    await until(lambda: bytes(handler.sent) == f"\x1b[1;{cells(value) + 1}R".encode())
    await desk.close()
