"""Records as text."""

from __future__ import annotations

from handlers.database.adapter import Column
from handlers.database.console.table import cells, records


def test_records_wrap_and_show_line_ends() -> None:
    row = ("x" * 50, "one\ntwo", None)
    columns = (Column("a"), Column("b"), Column("c"))
    lines = records(columns, [row], 1, width=34)
    assert lines[0].startswith("─[ RECORD 1 ]")
    assert lines[1:] == [
        "a │ " + "x" * 30,
        "  ┊ " + "x" * 20,
        "b │ one",
        "  │ two",
        "c │ NULL",
    ]


def test_records_are_never_wider_than_the_window() -> None:
    columns = (Column("a long name " * 5), Column("é漢" * 30))
    for width in (2, 5, 24, 80):
        lines = records(columns, [("漢字" * 40, "\t\x00" * 30)], 1, width=width)
        assert all(cells(line) <= max(width, 6) for line in lines)


def test_what_is_cut_has_a_mark() -> None:
    lines = records((Column("n" * 60),), [("v" * 9000,)], 1, width=80)
    assert "…" in lines[1]
    assert lines[-1].endswith("…")
