"""Results as files: read back by other programs."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.errors import BadRequestError
from handlers.database.adapter import Column, Row
from handlers.database.console.formats import Csv, Format, Json, Tsv, format_of

COLUMNS = (Column("id", right=True), Column("name"), Column("name"))
ROWS: list[Row] = [
    ("1", 'say "hi", you', None),
    ("NaN", "", "two\r\nlines"),
    ("-1.5e3", "\t\\", "é"),
]

values = st.none() | st.text(st.characters(exclude_categories=["Cs"]))


def written(form: Format, *results: tuple[tuple[Column, ...], list[Row]]) -> str:
    text = ""
    for columns, rows in results:
        text += form.head(columns)
        for row in rows:
            text += form.rows([row])
    return text + form.tail()


def test_csv() -> None:
    assert written(Csv(), (COLUMNS, ROWS)) == (
        'id,name,name\r\n1,"say ""hi"", you",\r\nNaN,"","two\r\nlines"\r\n-1.5e3,\t\\,é\r\n'
    )


@given(st.lists(st.tuples(values, values, values)))
def test_csv_is_read_back(rows: list[Row]) -> None:
    text = written(Csv(), (COLUMNS, rows))
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read[0] == ["id", "name", "name"]
    assert read[1:] == [[value or "" for value in row] for row in rows]


def test_tsv() -> None:
    assert written(Tsv(), (COLUMNS, ROWS)).splitlines()[1:] == [
        '1\tsay "hi", you\t\\N',
        "NaN\t\ttwo\\r\\nlines",
        "-1.5e3\t\\t\\\\\té",
    ]


def test_json() -> None:
    assert json.loads(written(Json(), (COLUMNS, ROWS))) == [
        {"id": 1, "name": 'say "hi", you', "name_2": None},
        {"id": "NaN", "name": "", "name_2": "two\r\nlines"},
        {"id": -1500.0, "name": "\t\\", "name_2": "é"},
    ]


@given(st.lists(st.tuples(values, values, values)), st.lists(st.tuples(values)))
def test_json_of_several_results_is_one_array(rows: list[Row], more: list[Row]) -> None:
    text = written(Json(), (COLUMNS, rows), ((Column("x"),), more))
    read = json.loads(text, parse_int=str, parse_float=str)
    assert [tuple(row.values()) for row in read] == [*rows, *more]


def test_numbers_keep_their_digits() -> None:
    digits = "123456789012345678901234567890.1234567890"
    assert digits in written(Json(), ((Column("n", right=True),), [(digits,)]))


@pytest.mark.parametrize("name", ["", "a", "a.xlsx", ".csv"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(BadRequestError, match=r"\.csv, \.json, \.tsv"):
        format_of(name)


@pytest.mark.parametrize(("name", "form"), [("a.CSV", Csv), ("b.c.json", Json), ("x.tsv", Tsv)])
def test_the_ending_tells_the_format(name: str, form: type[Format]) -> None:
    assert isinstance(format_of(name), form)
