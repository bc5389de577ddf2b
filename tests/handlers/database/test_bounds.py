"""Anything that a server sends at once is bounded; the total is not."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator

import pytest

from guacr.settings.models import DatabaseSettings, Settings
from tests.handlers.database.people import ENTER, Person, Room
from tests.support.sql_servers import Server

LIMIT = 200_000
TOO_MUCH = ("the connection is lost: the server sent ", f"than {LIMIT} bytes", "max_value")


@pytest.fixture
async def narrow() -> AsyncIterator[Room]:
    """Consoles in which a value may have `LIMIT` bytes."""
    room = Room(Settings(databases=DatabaseSettings(max_value=LIMIT)))
    yield room
    await room.close()


async def connected(room: Room, name: str, server: Server, tls: str) -> Person:
    values = {key: text for key, text in server.items() if key != "socket"}
    person = room.open(name, **values | {"tls": tls})
    await person.waits(lambda: person.text.rstrip().endswith(">"))
    return person


@pytest.mark.parametrize("tls", ["disable", "require"])
@pytest.mark.parametrize(
    "statement",
    [
        "select repeat('x', 10000000);",
        "copy (select repeat('x', 10000000)) to stdout;",
        "do $$ begin raise notice '%', repeat('x', 10000000); end $$;",
        "do $$ begin raise exception '%', repeat('x', 10000000); end $$;",
    ],
)
async def test_postgresql_sends_too_much_at_once(
    narrow: Room, postgresql_server: Server, statement: str, tls: str
) -> None:
    person = await connected(narrow, "postgresql", postgresql_server, tls)
    person.type(f"{statement}\n")
    await person.sees(*TOO_MUCH)
    person.press(ENTER)
    person.type("\x15select 6 * 7 as answer;\n")
    await person.waits(lambda: "not connected" not in person.lines[-1])


@pytest.mark.parametrize(
    ("statement", "last"),
    [
        ("select repeat('x', 1000) from generate_series(1, 3000) \\watch\n", "x"),
        (
            "do $$ begin for i in 1..3000 loop raise notice '%', repeat('x', 1000); end loop; "
            "end $$;\n",
            "DO\n",
        ),
        (
            "copy (select repeat('x', 1000) from generate_series(1, 3000)) to stdout;\n",
            "x\npostgres=>",
        ),
        ("set application_name = 'some';\n", "SET\n"),
    ],
)
async def test_postgresql_sends_much_in_pieces(
    narrow: Room, postgresql_server: Server, statement: str, last: str
) -> None:
    person = await connected(narrow, "postgresql", postgresql_server, "prefer")
    person.type(statement)
    await person.sees(last)
    person.control("c")
    person.type("select 6 * 7 as answer;\n")
    await person.sees(" answer", "42\n(1 row)")


@pytest.mark.parametrize("tls", ["disable", "require"])
async def test_mysql_sends_too_much_at_once(narrow: Room, mariadb_server: Server, tls: str) -> None:
    person = await connected(narrow, "mysql", mariadb_server, tls)
    person.type("select repeat('x', 10000000);\n")
    await person.sees(*TOO_MUCH)
    person.press(ENTER)
    person.type("\x15select 6 * 7 as answer;\n")
    await person.waits(lambda: "not connected" not in person.lines[-1])


async def test_mysql_sends_much_in_pieces(narrow: Room, mariadb_server: Server) -> None:
    person = await connected(narrow, "mysql", mariadb_server, "prefer")
    person.type("select seq, repeat('x', 1000) from seq_1_to_3000 \\G\n")
    await person.sees("RECORD 1", "q quit")
    person.type("G")
    await person.sees("RECORD 3000")
    person.type("q")
    await person.sees("(3000 rows)")
    person.type("select 6 * 7 as answer;\n")
    await person.sees(" answer", "42\n(1 row)")


@pytest.mark.holds_loop(reason="memory is traced")
async def test_a_screen_of_large_values_takes_little_memory(room: Room) -> None:
    person = room.open("sqlite")
    await person.sees("memory>")
    person.type("with recursive n(i) as (select 1 union all select i + 1 from n limit 21) ")
    person.type("select replace(printf('%.*c', 2000000, 'x'), 'x', char(128512)) from n;")
    await person.sees("from n;")
    tracemalloc.start()
    try:
        person.press(ENTER)
        await person.sees("q quit")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    person.type("q")
    assert peak < 80 << 20
