"""The number of rows that are fetched at a time."""

from __future__ import annotations

from handlers.database.console.portions import CHARACTERS, PER_VALUE, ROWS_FIRST, ROWS_MAX, Portions


def test_portions_grow_up_to_a_bound() -> None:
    portions = Portions()
    sizes = []
    for _ in range(5):
        sizes.append(portions.rows)
        portions.took([("a", None, 1)] * portions.rows)
    assert sizes == [ROWS_FIRST, 64, 256, ROWS_MAX, ROWS_MAX]


def test_long_rows_come_in_small_portions() -> None:
    portions = Portions()
    portions.took([("x" * (CHARACTERS // 4 - 2 * PER_VALUE), b"")] * ROWS_FIRST)
    assert portions.rows == 4
    portions.took([("x" * CHARACTERS * 2,)] * 4)
    assert portions.rows == 1
    portions.took([("x",)])
    assert portions.rows == 4


def test_rows_of_many_columns_come_in_small_portions() -> None:
    portions = Portions()
    portions.took([(None,) * (CHARACTERS // PER_VALUE // 8)] * ROWS_FIRST)
    assert portions.rows == 8


def test_rows_that_come_one_by_one_are_a_portion_by_number_or_length() -> None:
    portions = Portions()
    rows: list[tuple[str]] = []
    while not portions.is_full(rows := [*rows, ("x",)]):
        pass
    assert len(rows) == ROWS_FIRST
    portions.took(rows)
    assert portions.is_full([("x" * CHARACTERS,)])
    portions.took([("x",)])
    assert not portions.is_full([("x",)])
