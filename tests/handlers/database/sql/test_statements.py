"""The ends of statements."""

from __future__ import annotations

import re
import sqlite3
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.database.console.script_runner import COPY_IN
from handlers.database.postgresql.guard import _QUERY
from handlers.database.sql.plsql import _BLOCK
from handlers.database.sql.splitter import split, unfinished
from handlers.database.sql.statements import Dialect, Statement
from handlers.database.sqlite.bounds import _VACUUM

POSTGRESQL = Dialect(dollars=True)
MYSQL = Dialect(backticks=True, hashes=True, delimiters=True)
SQLITE = Dialect(backticks=True, triggers=True)
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
        "select 5",
    )


@pytest.mark.parametrize("blank", ["/**/", "--\n", "  ", "\n\n", " /* */ ("])
@pytest.mark.parametrize("pattern", [COPY_IN, _QUERY, _BLOCK, _VACUUM])
def test_no_beginning_of_a_statement_takes_long(pattern: re.Pattern[str], blank: str) -> None:
    """With backtracking, each of these would take twice as long as one with a blank less."""
    started = time.process_time()
    assert pattern.match(blank * 10_000 + "unheard of") is None
    assert time.process_time() - started < 5


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
        ("select 1 \\N", MYSQL),
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


@pytest.mark.parametrize(
    ("text", "dialect", "statements"),
    [
        ("select /* /* ; */ ; */ 1; x;", POSTGRESQL, ["select /* /* ; */ ; */ 1;", "x;"]),
        ("create function f() returns int begin atomic select case when true then 1 end; end; x;",
         POSTGRESQL,
         ["create function f() returns int begin atomic select case when true then 1 end; end;",
          "x;"]),
        ("begin; end; x;", POSTGRESQL, ["begin;", "end;", "x;"]),
        ("create rule r as on insert to t do (select 1; select 2); x;", POSTGRESQL,
         ["create rule r as on insert to t do (select 1; select 2);", "x;"]),
        ("select a$b$c; select $b$;$b$;", POSTGRESQL, ["select a$b$c;", "select $b$;$b$;"]),
        ("select 'a\\'; x';", POSTGRESQL, ["select 'a\\';"]),
        ("select 'a\\'; x';", Dialect(dollars=True, standard=False), ["select 'a\\'; x';"]),
        ("select 1\\; select 2; x;", POSTGRESQL, ["select 1; select 2;", "x;"]),
        ("select 1,\n\\x\n2;", POSTGRESQL, ["\\x", "select 1,\n\n2;"]),
        ("selec\n\\r\nselect 1;", POSTGRESQL, ["\\r", "select 1;"]),
        ("select 10--5;\nx;", MYSQL, ["select 10--5;", "x;"]),
        ("select 10-- 5;\n;x;", MYSQL, ["select 10-- 5;\n;", "x;"]),
        ('select "a\\";b";x;', MYSQL, ['select "a\\";b";', "x;"]),
        ("select 'a\\';x;", Dialect(hashes=True, delimiters=True, escapes=False),
         ["select 'a\\';", "x;"]),
        ("/* one */;\n-- two\n;# three\n", MYSQL, []),
        ("use test\nselect 1;", MYSQL, ["use test", "select 1;"]),
        ("/*!40101 SET NAMES utf8 */;", MYSQL, ["/*!40101 SET NAMES utf8 */;"]),
        ("/*! a /* b; */ c; */; x;", MYSQL, ["/*! a /* b; */ c; */;", "x;"]),
        ("/*! a; b */ /* c; */ d; x;", MYSQL, ["/*! a;", "b */ /* c; */ d;", "x;"]),
        ("/* a /*! b */ c; */ d; x;", MYSQL, ["/* a /*! b */ c; */ d;", "x;"]),
        ("/*! a *//*! b;//x//", replace(MYSQL, delimiter="//"), ["/*! a *", "*! b;", "x"]),
        ("/*M! a /* b */ c; */ d;", MYSQL, ["/*M! a /* b */ c;", "*/ d;"]),
        ("/*!\n/* a */ b; x;", MYSQL, ["/*!\n/* a */ b;", "x;"]),
        ("select [a;b], `c;d`; x;", SQLITE, ["select [a;b], `c;d`;", "x;"]),
    ],
)  # fmt: skip
def test_statements_end_where_the_clients_see_it(
    text: str, dialect: Dialect, statements: list[str]
) -> None:
    assert [each.text for each in split(text, dialect)[0]] == statements


tokens = st.sampled_from(
    ["create", "temp", "trigger", "explain", "end", ";", " ", "\n", "'", "--", "/*", "*/", "x", "["]
)


@given(st.lists(tokens))
def test_statements_of_sqlite_end_where_its_shell_sees_it(pieces: list[str]) -> None:
    text = "".join(pieces)
    found, rest = split(text, SQLITE)
    assert all(sqlite3.complete_statement(each.text) for each in found)
    assert not unfinished(text, SQLITE) or not sqlite3.complete_statement(rest)
