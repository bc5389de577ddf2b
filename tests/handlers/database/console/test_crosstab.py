r"""`\crosstabview`, compared with psql."""

from __future__ import annotations

import subprocess

import pytest

from guacr.errors import GuacrError
from handlers.database.adapter import Column
from handlers.database.console.crosstab import COLUMNS_MAX, Crosstab
from handlers.database.sql.batches import split_batches
from tests.handlers.database.people import Person, Room
from tests.support.sql_servers import Server

TABLE = """create temp table q (v text, h int, d text, s int);
insert into q values ('a', 1, 'x', 3), ('a', 2, 'y', 1), ('b', 3, null, 2), (null, 1, 'n', 3);
"""
QUERIES = [
    "select v, h, d from q \\crosstabview",
    "select v, h, d, s from q \\crosstabview v h d s",
    "select v, h, d, s from q \\crosstabview 3 V 4",
    "select h, v, s from q \\crosstabview 2 1",
    "select v, h as \"H\", d as w, 1 as \"X y\" from q \\crosstabview v \"H\" w \"X y\"",
    "select v, h, d from q where false \\crosstabview",
    "select 1 a, n b, 5 c, case n when 1 then '1.5' when 2 then '-3' when 4 then null end d"
    " from generate_series(1, 4) n \\crosstabview 1 2 3 4",
    "select 'r' v, h, 1 d, 0 s from (values ('z'), (null), ('B'), ('é'), ('a')) t (h)"
    " \\crosstabview v h d s",
    "select v, h, d from q\\; select h, v, d from q \\crosstabview",
    "select v, h, d from q \\crosstabview v h d h more",
]  # fmt: skip
REFUSED = [
    "select v, h, s from q \\crosstabview h",
    "select v, h from q \\crosstabview",
    "select v, h, d, s from q \\crosstabview v h",
    "select v, h, d, s from q \\crosstabview v v d",
    "select v, h, d, s from q \\crosstabview v h nope",
    "select v, h, d, s from q \\crosstabview v h 9",
    "select v, h, d, s from q \\crosstabview 0 h d",
    "select v, h, d from q \\crosstabview 1 -2",
    "select v, h as \"H\", d from q \\crosstabview v \"h\" d",
    "select v, h, d, s as v from q \\crosstabview v h d",
    "select v, h, d from q union all select 'a', 1, 'w' \\crosstabview",
    "select v, null::text as h, d from q where v = 'a' \\crosstabview",
    f"select 1 a, n b, 'x' c from generate_series(1, {COLUMNS_MAX + 1}) n \\crosstabview",
]  # fmt: skip


@pytest.fixture
async def person(room: Room, postgresql_server: Server) -> Person:
    person = room.open("postgres", **{**postgresql_server, "socket": ""})
    await person.sees("postgres=>")
    person.type(TABLE)
    await person.sees("INSERT 0 4")
    return person


def psql(server: Server, text: str) -> str:
    """Return psql's output for a text, with errors after the results."""
    done = subprocess.run(
        ["psql", "-XqAt", "-P", "null=NULL", "-P", "format=aligned", "-P", "tuples_only=off",
         "-P", "linestyle=unicode", f"host={server['hostname']} port={server['port']} "
         f"user={server['username']} password={server['password']} dbname={server['database']}"],
        input=TABLE + text + "\n", capture_output=True, text=True, check=False, timeout=30,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize("query", QUERIES)
async def test_grids_are_those_of_psql(
    person: Person, postgresql_server: Server, query: str
) -> None:
    expected = psql(postgresql_server, query)
    person.control("l")
    person.type(f"{query}\n")
    lines = [line.rstrip() for line in expected.splitlines() if line and "extra" not in line]
    assert any("rows)" in line or "row)" in line for line in lines)
    await person.sees("\n".join(lines))


@pytest.mark.parametrize("query", REFUSED)
async def test_what_makes_no_grid(person: Person, postgresql_server: Server, query: str) -> None:
    message = psql(postgresql_server, query).strip()
    assert message.startswith("\\crosstabview: ")
    person.control("l")
    person.type(f"{query}\n")
    await person.sees(message)


async def test_grids_are_exported(person: Person) -> None:
    person.type("\\export grid.csv select v, h, s from q \\crosstabview\n")
    name, data = await person.receives()
    assert (name, data) == ("grid.csv", b'v,1,2,3\r\na,3,1,""\r\nb,"","",2\r\n,3,"",""\r\n')


async def test_other_databases(room: Room) -> None:
    person = room.open("sqlite", database=":sample:")
    await person.sees("sample>")
    person.type("select 'r' as v, 'c' as h, 42 as d \\crosstabview\n")
    await person.sees(" v │ c\n───┼────\n r │ 42\n(1 row)")
    person.type("\\crosstabview 2 1\n")
    await person.sees(" h │ r\n───┼────\n c │ 42\n(1 row)")


def test_where_batches_end() -> None:
    found = split_batches("select 1\\crosstabview 1 2 3\nselect 2\ngo\n")
    assert [(statement.text, statement.how, statement.argument) for statement in found] == [
        ("select 1", "crosstabview", "1 2 3"),
        ("select 2", "", ""),
    ]


def test_a_grid_has_bounds() -> None:
    rows = [(str(number), str(number % COLUMNS_MAX), "x") for number in range(10_000)]
    with pytest.raises(GuacrError, match="cells"):
        Crosstab([Column("a"), Column("b"), Column("c")], rows, [], "NULL")
