"""Batches as sqlcmd sees them."""

from __future__ import annotations

import pytest

from handlers.database.sql.batches import REPEATS_MAX, is_complete, split_batches
from handlers.database.sql.statements import Statement


def texts(text: str) -> list[str]:
    return [batch.text for batch in split_batches(text)]


def test_go_ends_batches_outside_of_strings_and_comments() -> None:
    text = "select 1\nGO\nselect '\ngo\n'; /*\ngo\n*/ select [a\ngo\n]\n  go ;\nselect 2"
    assert texts(text) == [
        "select 1", "select '\ngo\n'; /*\ngo\n*/ select [a\ngo\n]", "select 2"
    ]  # fmt: skip
    assert texts("go\n\ngo") == []


def test_go_repeats_within_its_bound() -> None:
    assert texts("print 1\ngo 3") == ["print 1"] * 3
    assert len(texts(f"a\ngo {REPEATS_MAX}")) == REPEATS_MAX
    assert len(texts(f"a\ngo {REPEATS_MAX + 1}")) == REPEATS_MAX
    assert texts("a\ngo 0") == []
    assert texts("going\ngo on") == ["going\ngo on"]


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("select 1", False),
        ("select 1;", True),
        ("select 1 -- over;", False),
        ("select 1; -- over", True),
        ("select ';", False),
        ("select 1\ngo", True),
        ("begin\nprint 1;", False),
        ("begin\nprint 1;\nend;", True),
        ("begin tran;", True),
        ("begin try select 1; end try begin catch", False),
        ("select case when 1 = 1 then 2 end;", True),
        ("create or alter procedure p as select 1;", False),
        ("create procedure p as select 1;\ngo", True),
        ("create table t (a int);", True),
        ("", True),
    ],
)
def test_what_can_be_run(text: str, complete: bool) -> None:
    assert is_complete(text) is complete


def test_what_psql_and_mysql_end_statements_with() -> None:
    text = "select 1\\gx select '\\g', [\\g]\\g select 2\\G;"
    assert is_complete(text)
    assert split_batches(text) == [
        Statement("select 1", vertical=True),
        Statement("select '\\g', [\\g]"),
        Statement("select 2", vertical=True),
    ]
