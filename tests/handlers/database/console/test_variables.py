"""Variables, and commands that use results and files, as in psql."""

from __future__ import annotations

import pytest

from guacr.errors import BadRequestError
from handlers.database.console.variables import VARIABLES_MAX, Variables, arguments
from tests.handlers.database.people import Person, Room
from tests.handlers.database.test_dumps import send
from tests.support.sql_servers import Server


@pytest.fixture
async def person(room: Room, postgresql_server: Server) -> Person:
    person = room.open("postgres", **{**postgresql_server, "socket": ""})
    await person.sees("postgres=>")
    return person


def test_arguments() -> None:
    variables = {"a": "it's", "b": ""}
    text = "one 'two\\n''3' :a:b :'a' :\"a\" :none \"four 5\" :{?a}"
    assert arguments(text, variables) == [
        "one", "two\n'3", "it's", "'it''s'", '"it\'s"', ":none", '"four 5"', "TRUE",
    ]  # fmt: skip


def test_variables_are_bounded() -> None:
    variables = Variables()
    for number in range(VARIABLES_MAX):
        variables.put(f"v{number}", "x")
    variables.put("v0", "y")
    for name, value in (("one_more", ""), ("v0", "x" * (1 << 20)), ("a b", "")):
        with pytest.raises(BadRequestError):
            variables.put(name, value)


async def test_variables_in_statements(person: Person) -> None:
    person.type("\\set who 'it''s me'\n\\set n 4\nselect :'who' || (:n+1) || ':n' as said;\n")
    person.type("\\echo :who and :'who'\n")
    await person.sees("it's me5:n", "it's me and 'it''s me'")


async def test_results_that_are_used(person: Person) -> None:
    person.type("select 20 as a, 22 as b \\gset p_\nselect :p_a + :p_b as sum;\n")
    await person.sees("42")
    person.type("select 1 where false \\gset\n")
    await person.sees("no rows returned for \\gset")
    person.type("select 'select ' || n || ' * 111' from generate_series(4, 5) n \\gexec\n")
    await person.sees("444", "555")


async def test_what_was_typed_is_edited_or_forgotten(person: Person) -> None:
    person.type("selec\n\\r\nselect 6 * 7;\n")
    await person.sees("Query buffer reset", "42")
    person.type("select 100 + 11 \\e\n")
    await person.sees("=> select 100 + 11")
    person.type("1;\n")
    await person.sees("211")


async def test_copy_takes_and_gives_files(person: Person) -> None:
    person.type("create temp table t (a int, b text);\n\\copy t from 'd.csv' with (format csv)\n")
    await person.sees("Send the data, d.csv")
    await send(person, "d.csv", b'1,"x;\ny"\n2,\\.\n', "Send the data")
    await person.sees("COPY 2")
    person.type("\\copy (select a, b from t order by a) to out.txt\n")
    name, data = await person.receives()
    assert (name, data) == ("out.txt", b"1\tx;\\ny\n2\t\\\\.\n")
    person.type("\\copy t from program 'id'\n")
    await person.sees("\\copy takes TABLE FROM FILE")
