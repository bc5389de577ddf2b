"""Where statements end."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.database.statements import Dialect, Statement, split, unfinished

POSTGRESQL = Dialect(dollars=True)
MYSQL = Dialect(backslashes=True, backticks=True, hashes=True, delimiters=True)
SQLITE = Dialect(backticks=True, whole=sqlite3.complete_statement)
TRIGGER = "create trigger t after insert on a begin select 1; end;"


@pytest.mark.parametrize("dialect", [POSTGRESQL, MYSQL, SQLITE])
def test_each_end_says_how_a_statement_is_run(dialect: Dialect) -> None:
    text = "select 1; select 2\\g select 3 \\gx\nselect 4\\G;\\gx select 5"
    assert split(text, dialect) == (
        [
            Statement("select 1;"),
            Statement("select 2"),
            Statement("select 3", vertical=True),
            Statement("select 4", vertical=True),
            Statement("", vertical=True),
        ],
        " select 5",
    )


@pytest.mark.parametrize(
    ("text", "interval"),
    [("\\watch", "2"), ("\\watch 0.5", "0.5"), ("\\watch  10;", "10"), ("\\watch soon", "soon")],
)
def test_what_is_watched(text: str, interval: str) -> None:
    assert split(f"select 1 {text}", POSTGRESQL)[0] == [Statement("select 1", interval=interval)]
    assert split(text, POSTGRESQL)[0] == [Statement("", interval=interval)]


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("select '\\g", POSTGRESQL),
        ('select "\\gx"', POSTGRESQL),
        ("select $$ \\g $$", POSTGRESQL),
        ("select 1 -- \\g", POSTGRESQL),
        ("select /* \\g ; */", MYSQL),
        ("select `\\G`", MYSQL),
        ("select 1 \\gset", POSTGRESQL),
        ("select 1 \\N", MYSQL),
        ("select 1\n\\x\n", POSTGRESQL),
        (TRIGGER[:-5], SQLITE),
    ],
)
def test_what_ends_nothing(text: str, dialect: Dialect) -> None:
    assert split(text, dialect) == ([], text)
    assert unfinished(text, dialect)


def test_commands_may_stand_between_statements() -> None:
    text = "\\x on\nselect 1;\n  \\dt a*\n-- nothing\nselect 2\\gx\n\\timing"
    assert split(text, POSTGRESQL) == (
        [
            Statement("\\x on", is_command=True),
            Statement("select 1;"),
            Statement("\\dt a*", is_command=True),
            Statement("-- nothing\nselect 2", vertical=True),
            Statement("\\timing", is_command=True),
        ],
        "",
    )


def test_delimiters_of_mysql() -> None:
    text = "select 1;\nDELIMITER ;;\ncreate procedure p() begin select 1; end;;\ndelimiter ;\nx;"
    assert split(text, MYSQL) == (
        [
            Statement("select 1;"),
            Statement("\\delimiter ;;", is_command=True),
            Statement("create procedure p() begin select 1; end"),
            Statement("\\delimiter ;", is_command=True),
            Statement("x;"),
        ],
        "",
    )
    for other in ("select\ndelimiter //\n", "select 'a\ndelimiter //\n", "delimiters //"):
        assert split(other, MYSQL) == ([], other)
    assert split("delimiter //", POSTGRESQL) == ([], "delimiter //")


def test_a_statement_may_hold_others() -> None:
    assert split(f"{TRIGGER} select 1;", SQLITE)[0] == [Statement(TRIGGER), Statement("select 1;")]


parts = st.sampled_from(["a", " ", ";", "\n", "'", '"', "\\", "g", "x", "watch", "--", "/*", "$$"])


@given(st.lists(parts), st.sampled_from([POSTGRESQL, MYSQL, SQLITE]))
def test_any_text_is_split_and_nothing_is_lost(pieces: list[str], dialect: Dialect) -> None:
    text = "".join(pieces)
    found, rest = split(text, dialect)
    place = 0
    for statement in found:
        place = text.index(statement.text.removesuffix(";"), place)
        place += len(statement.text.removesuffix(";"))
    assert text.endswith(rest)
