"""PostgreSQL's values are the texts that psql prints."""

from __future__ import annotations

import pytest

from handlers.database.console.table import NULL
from handlers.database.params import PostgresqlParams
from handlers.database.postgresql.adapter import PostgresqlAdapter
from tests.handlers.database.values import SEPARATOR, printed, shown
from tests.support.require import require
from tests.support.sql_servers import Server

VALUES = (
    "null::int",
    "true",
    "false",
    "''",
    "'  a  '",
    "E'tab\\tand\\nline'",
    "'añb 漢字 😀'",
    "'ab'::char(5)",
    "'\\x00ff'::bytea",
    "''::bytea",
    "9223372036854775807",
    "1.10::numeric",
    "-0.00::numeric",
    "1e40::numeric",
    "12345678901234567890.123456789012345678901234567890::numeric",
    "'NaN'::numeric",
    "'-Infinity'::numeric",
    "2.5::numeric(10, 4)",
    "0.1::float4",
    "16777217::float4",
    "0.1::float8 + 0.2::float8",
    "1e15::float8",
    "1e-5::float8",
    "'-0'::float8",
    "'Infinity'::float8",
    "'NaN'::float8",
    "1234567.891::numeric::money",
    "'2020-02-03'::date",
    "'infinity'::date",
    "'0044-03-15 BC'::date",
    "'12:34:56.789'::time",
    "'12:34:56+05:30'::timetz",
    "'24:00'::time",
    "'2020-02-03 04:05:06.7'::timestamp",
    "'0044-03-15 12:00 BC'::timestamp",
    "'2020-02-03 04:05:06.789+05:45'::timestamptz",
    "'2020-07-03 04:05:06'::timestamptz at time zone 'America/St_Johns'",
    "'-infinity'::timestamptz",
    "'1 year 2 mons -3 days 04:05:06.7'::interval",
    "'-1 day +02:03'::interval",
    "'0'::interval",
    "array[1, null, 3]",
    "array['a', null, 'NULL', '', 'b c', 'd\"e', E'f\\\\g', 'h,i', '{j}']",
    "array[[1, 2], [3, null]]",
    "'[0:1]={7,8}'::int[]",
    "'{}'::text[]",
    "array['2020-01-01 00:00:00+00'::timestamptz]",
    "array['\\xdead'::bytea]",
    '\'{"b":  1, "a": [1.10, null]}\'::json',
    '\'{"b":  1, "a": [1.10, null], "a": "ü"}\'::jsonb',
    "'[1,5)'::int4range",
    "'(,2020-01-01]'::daterange",
    "'empty'::numrange",
    "'{[1,3),[5,9)}'::int4multirange",
    "row(1, null, '', 'a b', 'c\"d', row(true, 'e,f'))",
    "'10.0.0.1/8'::inet",
    "'::ffff:1.2.3.4'::inet",
    "'10.0.0.0/8'::cidr",
    "'08:00:2b:01:02:03'::macaddr",
    "'123E4567-e89b-12d3-a456-426655440000'::uuid",
    "'<a b=\"1\">x</a>'::xml",
    "B'0101'::bit(4)",
    "B''::varbit",
    "'(1.5,-2)'::point",
    "'((0,0),(1,1))'::box",
    "'((0,0),(1,0),(1,1))'::polygon",
    "'<(0,0),0.1>'::circle",
    "to_tsvector('english', 'The fat cats')",
    "to_tsquery('english', 'fat & !cat:*')",
    "'pg_class'::regclass",
    "'\"char\"'::regtype",
    "'a'::\"char\"",
    "'16/B374D848'::pg_lsn",
    "pg_typeof(1)",
    "(select c from (select relkind as c from pg_class where relname = 'pg_class') x)",
    "'1 2'::int2vector",
)
SETTINGS = (
    ("timezone = 'Asia/Kathmandu'", "'2020-02-03 04:05:06+00'::timestamptz"),
    ("timezone = 'America/St_Johns'", "'1800-01-01 00:00:00+00'::timestamptz"),
    ("datestyle = 'SQL, DMY'", "'2020-02-03 04:05:06.7+00'::timestamptz"),
    ("datestyle = 'Postgres'", "'0044-03-15 BC'::date"),
    ("intervalstyle = 'iso_8601'", "'1 year -3 days 04:05:06.7'::interval"),
    ("bytea_output = 'escape'", "'\\x00ff41'::bytea"),
    ("extra_float_digits = -3", "0.1::float8 + 0.2::float8"),
)
TYPES = """create type pg_temp.mood as enum ('sad', 'so so');
create type pg_temp.place as (name text, at point);
create domain pg_temp.percent as numeric(5, 2);"""
OWN = (
    "'so so'::pg_temp.mood",
    "array['so so', 'sad']::pg_temp.mood[]",
    "('a \"b\"', '(1,2)')::pg_temp.place",
    "array[('a', null)::pg_temp.place]",
    "12.3::pg_temp.percent",
)


def _psql(server: Server, statements: str) -> list[str]:
    form = ["--no-psqlrc", "-qAt", "-F", SEPARATOR, "-P", f"null={NULL}"]
    where = "host={socket} port={port} user={username} password={password} dbname={database}"
    return printed([require("psql"), *form, "-d", where.format_map(server), "-c", statements])


async def _console(server: Server, statements: str) -> list[str]:
    params = PostgresqlParams(
        hostname=server["hostname"],
        port=int(server["port"]),
        username=server["username"],
        database=server["database"],
    )
    return await shown(PostgresqlAdapter(params), server["password"], [statements])


async def test_values(postgresql_server: Server) -> None:
    statement = f"select {', '.join(VALUES)}"
    in_console = await _console(postgresql_server, statement)
    in_psql = _psql(postgresql_server, statement)
    assert list(zip(VALUES, in_console, strict=True)) == list(zip(VALUES, in_psql, strict=True))


@pytest.mark.parametrize(("setting", "value"), SETTINGS)
async def test_values_follow_the_sessions_settings(
    postgresql_server: Server, setting: str, value: str
) -> None:
    statements = f"set {setting}; select {value}"
    as_set = await _console(postgresql_server, statements)
    assert as_set == _psql(postgresql_server, statements)
    assert as_set != await _console(postgresql_server, f"select {value}")


async def test_values_of_types_that_were_created(postgresql_server: Server) -> None:
    statements = f"{TYPES} select {', '.join(OWN)}"
    assert await _console(postgresql_server, statements) == _psql(postgresql_server, statements)
