"""Limits in the parameters of a connection: changes, time and rows, in each database."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.handlers.database.people import Person, Room
from tests.support.sql_servers import Server


@dataclass(frozen=True, slots=True)
class Case:
    """A database, and what is typed there; each is followed by what is then seen."""

    name: str
    server: str
    """The fixture that gives its parameters, if it has any."""
    changes: tuple[str, ...]
    refusal: str
    switches: tuple[tuple[str, str], ...]
    """What might let the session write."""
    slow: str
    ended: str
    many: str
    ask: str = "select 6 * 7 as answer;"
    answer: str = "42\n(1 row)"


CASES = [
    Case(
        "postgresql",
        "postgresql_server",
        ("create table w (a int);", "select nextval('kept');"),
        "in a read-only transaction",
        (
            ("set default_transaction_read_only = off;", "\nSET\n"),
            ("set session characteristics as transaction read write;", "\nSET\n"),
            ("select set_config('default_transaction_read_only', 'off', false) as on;", " off\n"),
            (
                "do $$ begin set default_transaction_read_only = off; commit; "
                "perform nextval('kept'); end $$;",
                "invalid transaction termination",
            ),
            ("do $$ begin raise notice 'it reads'; end $$;", "NOTICE:  it reads\nDO\n"),
            ("begin read write;", "\nBEGIN\n"),
            ("rollback; begin; set transaction read write;", "\nBEGIN\nSET\n"),
        ),
        "select pg_sleep(100);",
        "canceling statement due to statement timeout",
        "select generate_series(1, 100000000) as i, repeat('x', 70) as x;",
    ),
    Case(
        "mysql",
        "mariadb_server",
        ("create table w (a int);", "insert into kept values (1);"),
        "Cannot execute statement in a READ ONLY transaction",
        (
            ("set session transaction read write;", "Query OK"),
            ("set tx_read_only = 0;", "Query OK"),
            ("set transaction read write;", "Query OK"),
            ("start transaction read write;", "the transaction that might write was rolled back"),
            ("set autocommit = 0; set transaction read write;", "Query OK"),
            (
                "delimiter //\nset session transaction read write; insert into kept values (1)//\n"
                "delimiter ;",
                "ERROR 1064",
            ),
            ("select * from kept;", "(0 rows)"),
        ),
        "select sleep(100);",
        "ERROR 1969: Query execution was interrupted (max_statement_time exceeded)",
        "select seq from seq_1_to_1000000000;",
    ),
    Case(
        "sqlite",
        "",
        ("create table w (a int);", "delete from customers;"),
        "readonly database",
        (("pragma query_only = off;", "not authorized"), ("begin;", "BEGIN")),
        "with recursive n(i) as (select 1 union all select i + 1 from n) select sum(i) from n;",
        "error: interrupted",
        "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n;",
    ),
    Case(
        "redis",
        "redis_server_alone",
        ("set a 1", "eval 'return 1' 0"),
        "may write, and this session may only read",
        (("readwrite", "(error)"), ("hello 3", "proto"), ("multi", "OK")),
        "blpop nothing 0",
        "ended after 1 s; the connection was reopened",
        "command list",
        "echo answer",
        '"answer"',
    ),
]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
async def values(case: Case, request: pytest.FixtureRequest, room: Room) -> Server:
    """Parameters of a connection; there is something to write to."""
    if not case.server:
        return {"database": ":sample:"}
    server: Server = request.getfixturevalue(case.server)
    values = {name: text for name, text in server.items() if name != "socket"}
    if case.name == "mysql":
        values["database"] = "test"
        await prepared(room, "mysql", values, "create or replace table kept (a int);", "Query OK")
    elif case.name == "postgresql":
        await prepared(
            room, "postgresql", values, "create sequence if not exists kept;", "CREATE SEQUENCE"
        )
    return values


async def prepared(room: Room, name: str, values: Server, statement: str, answer: str) -> None:
    person = room.open(name, **values)
    await person.sees(">")
    person.type(f"{statement}\n")
    await person.sees(answer)


async def says(person: Person, typed: str, answer: str) -> None:
    """Something is typed on an empty screen, and answered."""
    person.control("l")
    await person.waits(lambda: person.text.count("\n\n") > 0 and person.lines[1] == "")
    person.type(f"{typed}\n")
    await person.sees(answer)


async def test_a_session_that_only_reads_stays_one(case: Case, room: Room, values: Server) -> None:
    person = room.open(case.name, **values, read_only_session="true")
    await person.sees(">")
    await says(person, case.ask, case.answer)
    for change in case.changes:
        await says(person, change, case.refusal)
    for switch, answer in case.switches:
        await says(person, switch, answer)
        await says(person, case.changes[0], case.refusal)


async def test_a_statement_that_takes_too_long(case: Case, room: Room, values: Server) -> None:
    person = room.open(case.name, **values, statement_timeout="1")
    await person.sees(">")
    await says(person, case.slow, case.ended)
    await says(person, case.ask, case.answer)


async def test_a_result_with_too_many_rows_is_ended(case: Case, room: Room, values: Server) -> None:
    person = room.open(case.name, **values, max_rows="3")
    await person.sees(">")
    await says(person, case.many, "(3 rows, which are as many as max-rows allows)")
    await says(person, case.ask, case.answer)
