"""Names for completion, and how many of them are kept."""

from __future__ import annotations

import pytest

from handlers.database.console import completion
from handlers.database.console.completion import COLUMNS_MAX, TABLES_MAX, Names


def test_tables_are_counted_and_not_names() -> None:
    names = Names()
    for number in range(TABLES_MAX):
        assert names.add([(f"t{number}", "a"), (f"t{number}", "b")])
    assert not names.add([("one too many", "a")])
    schema = names.schema(["abs"])
    assert len(schema.tables) == TABLES_MAX
    assert schema.tables["t9999"] == ("a", "b")
    assert schema.functions == ("abs",)
    assert schema.remark == f"completion knows the first {TABLES_MAX} tables of this database"


def test_columns_beyond_the_limit_are_passed_over() -> None:
    names = Names()
    assert names.add(("wide", f"c{number}") for number in range(COLUMNS_MAX + 1))
    assert len(names.schema().tables["wide"]) == COLUMNS_MAX
    assert not names.add([])


def test_a_server_that_sends_names_for_ever_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "WEIGHT_MAX", 100_000)
    names = Names()
    assert sum(iter(lambda: names.add([("t", "c" * 100)]), False)) < 1000
