"""MySQL's console against a real server."""

from __future__ import annotations

import os
import socket

import pytest

from guacr.protocol.status import Status
from tests.handlers.database.people import Person, Room
from tests.support.require import missing

SERVER = {
    "hostname": os.environ.get("MYSQL_HOST", "127.0.0.1"),
    "username": os.environ.get("MYSQL_USER", "root"),
    "password": os.environ.get("MYSQL_PWD", ""),
    "database": "mysql",
}


@pytest.fixture
async def person(room: Room) -> Person:
    try:
        socket.create_connection((SERVER["hostname"], 3306), 2).close()
    except OSError:
        missing("no MySQL server takes connections on this machine")
    person = room.open("mysql", **SERVER)
    await person.sees("mysql mysql>")
    return person


async def test_values_look_as_in_the_servers_own_client(person: Person) -> None:
    person.type(
        "select 1.10 as d, date('2020-02-03') as t, timediff('12:00', '10:30') as i, x'dead' as b,"
        " null as n, 'añb' as s;\n"
    )
    await person.sees("1.10 │ 2020-02-03 │ 01:30:00 │ 0xDEAD │ NULL │ añb", "(1 row)")


async def test_transactions_and_errors(person: Person) -> None:
    person.type("create temporary table test.g (a int); insert into test.g values (1), (2);\n")
    await person.sees("Query OK, 2 rows affected")
    person.type("begin;\n")
    await person.sees("mysql mysql*>")
    person.type("selct 1;\n")
    await person.sees("ERROR 1064: You have an error in your SQL syntax")
    person.type("rollback;\n")
    await person.sees("mysql mysql>")


async def test_many_rows_are_looked_at_and_left(person: Person) -> None:
    person.type("select a.help_topic_id, b.name from help_topic a, help_topic b, help_topic c;\n")
    await person.sees("so far")
    person.type("q")
    await person.sees("looked at; there are more")
    person.type("select 6 * 7 as answer;\n")
    await person.sees("42\n(1 row)")


async def test_ctrl_c_cancels_on_the_server(person: Person) -> None:
    person.type(
        "select count(*) from help_topic a, help_topic b, help_topic c where a.name > c.url;\n"
    )
    await person.runs()
    person.control("c")
    await person.sees("ERROR 1317: Query execution was interrupted")
    person.type("select 6 * 7 as answer;\n")
    await person.sees("42\n(1 row)")


async def test_commands(person: Person) -> None:
    person.type("\\d help_topic\n")
    await person.sees("help_topic_id", "PRIMARY")
    person.type("q")
    await person.sees("(2 rows)")
    person.type("\\c information_schema\n")
    await person.sees("mysql information_schema>")


async def test_refusals_are_told(room: Room, person: Person) -> None:
    message, status = await room.open("mysql", **SERVER | {"database": "nowhere"}).fails()
    assert "Unknown database 'nowhere'" in message
    assert int(status) == Status.RESOURCE_NOT_FOUND
    wrong = SERVER | {"username": "nobody", "password": "secret"}
    message, status = await room.open("mysql", **wrong).fails()
    assert "refuses the login" in message
    assert "secret" not in message
    assert int(status) == Status.CLIENT_UNAUTHORIZED
    message, status = await room.open("mysql", **SERVER, port="1").fails()
    assert int(status) == Status.UPSTREAM_UNAVAILABLE
