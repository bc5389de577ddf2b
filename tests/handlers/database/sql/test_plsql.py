from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.database.sql.plsql import first_words, is_complete, split_statements
from handlers.database.sql.statements import Statement

BLOCK = "begin\n  dbms_output.put_line('a;b');\nend;"


def texts(text: str) -> list[str]:
    return [statement.text for statement in split_statements(text)]


def test_sql_ends_in_a_semicolon_and_plsql_in_a_slash() -> None:
    assert texts("select 1 from dual; select 2\nfrom dual\n/\n") == [
        "select 1 from dual",
        "select 2\nfrom dual",
    ]
    assert texts(f"{BLOCK}\n/\nselect 1 from dual;") == [BLOCK, "select 1 from dual"]
    assert texts("select 4\n/ 2 from dual;") == ["select 4\n/ 2 from dual"]


@pytest.mark.parametrize(
    "start",
    [
        "declare", "begin", "<<outer>>", "-- why\nbegin", "/* ; */ Begin",
        "create or replace editionable procedure p is begin", "create function f", "create type t",
        "CREATE OR REPLACE PACKAGE BODY p", "with function f return number is begin",
    ],
)  # fmt: skip
def test_blocks_hold_semicolons(start: str) -> None:
    text = f"{start} null;\nend;"
    assert not is_complete(text)
    assert is_complete(text + "\n/")
    assert texts(text + "\n/") == [text]


@pytest.mark.parametrize(
    "hidden",
    ["';'", '";"', "--;\n", "/*;\n*/", "q'[it's;]'", "q'{;'}'", "nq'(;')'", "Q'<;'>'", "q'!;'!'"],
)
def test_semicolons_are_hidden_in_strings_and_comments(hidden: str) -> None:
    text = f"select 1 {hidden} from dual"
    assert not is_complete(text)
    assert texts(text + ";") == [text]


def test_texts_that_are_not_finished_wait() -> None:
    for text in ("select 1", "select ';", "select 1 /* ;", "select q'[;'", "begin"):
        assert not is_complete(text)
    for text in ("select 1;", "select 1; -- done", "", "/* ; */", "begintab;", "commit\n/"):
        assert is_complete(text), text


def test_the_first_words() -> None:
    assert first_words("/* a */ -- b\n ALTER  Session set x") == ["alter", "session"]


@given(st.lists(st.sampled_from(["a ", ";", "/", "\n", "'", '"', "q'[", "]'", "begin ", "--"])))
def test_any_text_is_split_and_nothing_is_lost(parts: list[str]) -> None:
    text = "".join(parts)
    found = texts(text)
    place = 0
    for statement in found:
        place = text.index(statement, place) + len(statement)
    last = found[-1] if found else ""
    places = [at + len(last) for at in range(len(text) + 1) if text.startswith(last, at)]
    tails = [text[at:].strip("; /\n") for at in places]
    assert any(not tail or tail.startswith("--") for tail in tails)


def test_what_psql_and_mysql_end_statements_with() -> None:
    text = f"select 1 from dual\\G {BLOCK}\\gx select 2 from dual; \\g"
    assert is_complete(text)
    assert split_statements(text) == [
        Statement("select 1 from dual", vertical=True),
        Statement(BLOCK, vertical=True),
        Statement("select 2 from dual"),
        Statement(""),
    ]
