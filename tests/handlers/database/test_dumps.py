# ruff: noqa: E501 - statements and scripts are easier read in their own lines
"""Dumps of the real programs, run through a console's `\\i`."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest

from tests.fuzz.splitter import environment
from tests.handlers.database.people import WITHIN, Person, Room
from tests.support.require import require
from tests.support.sql_servers import Server

POSTGRESQL = r"""
create table parent (id int generated always as identity primary key, name text not null);
create table child (id serial primary key, parent int references parent, made date default now(),
  j jsonb, b bytea, a text[]) ;
insert into parent (name) values ('a\b'), (E'tab\tline\nend'), ('\.'), (''), ('é 😀');
insert into child (parent, j, b, a) values (1, '{"a": [1, ";"]}', '\x00ff', '{"x,y",NULL}'), (2, null, null, null);
create function one(x int) returns int language sql begin atomic; select case when x > 1 then 1 end; select 2; end;
create function two() returns trigger language plpgsql as $f$ begin raise notice 'a;b'; return new; end $f$;
create trigger t after insert on child for each row execute function two();
create rule r as on update to child do (insert into parent (name) values ('x;'); insert into parent (name) values ('y'));
create view v as select p.name, c.j from parent p left join child c on c.parent = p.id;
create type mood as enum ('sad', 'it''s; ok');
create sequence s increment 3;
comment on table parent is 'a; "comment" \ here';
"""
MYSQL = b"""
create table t (id int auto_increment primary key, name varchar(50), b blob, j json);
insert into t (name, b) values ('a\\\\b;', x'00ff80273b5c0a0d1a22'), ('it''s', null), ('\xc3\xa9', '');
create table log (what text);
delimiter //
create trigger tr after insert on t for each row begin insert into log values ('a;b'); set @x = 1; end//
create procedure p(in n int) begin if n > 1 then select ';'; end if; end//
create function f() returns int deterministic begin return 1; end//
delimiter ;
create view v as select name from t;
"""
SQLITE = """
create table t (id integer primary key autoincrement, name text, b blob, r real);
insert into t (name, b, r) values ('a;b', x'00ff27', 1.5), ('it''s
two lines', null, 1e100), ('é', x'', -0.0);
create table log (what text);
create trigger tr after insert on t begin insert into log values ('a;'); update log set what = 'end;'; end;
create view v as select name from t;
create index i on t (name) where name <> ';';
"""


async def send(person: Person, name: str, data: bytes, asked: str = "Send a script") -> None:
    """Upload at the pace of the acknowledgements, as browsers do."""
    transport = person.transport
    await person.sees(asked)

    def answers() -> int:
        return len(transport.all("ack"))

    before = answers()
    transport.send("file", 7, "application/sql", name)
    await person.waits(lambda: answers() > before)
    for start in range(0, len(data), 6048):
        before = answers()
        transport.send("blob", 7, b64encode(data[start : start + 6048]).decode())
        async with asyncio.timeout(WITHIN):
            while answers() == before:  # noqa: ASYNC110 - thousands follow each other at once
                await asyncio.sleep(0)
        assert transport.all("ack")[-1][2] == "0"
    transport.send("end", 7)


def run(command: list[str | Path], env: dict[str, str] | None = None, data: bytes = b"") -> bytes:
    done = subprocess.run(command, env=env, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def psql(server: Server, text: str, database: str = "postgres") -> bytes:
    given = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"]
    return run([require("psql"), *given], environment(server), text.encode())


def pg_dump(server: Server, database: str, *options: str) -> bytes:
    dump = run([require("pg_dump"), *options, database], environment(server))
    return re.sub(rb"(?m)^(\\(?:un)?restrict) .*$", rb"\1 key", dump)


@pytest.mark.parametrize("options", [(), ("--inserts",), ("--clean", "--if-exists")])
async def test_a_dump_of_postgresql(
    room: Room, postgresql_server: Server, options: tuple[str, ...]
) -> None:
    server = postgresql_server
    for name in ("dumped", "restored"):
        psql(server, f"drop database if exists {name};")
        psql(server, f"create database {name};")
    psql(server, POSTGRESQL, "dumped")
    dump = pg_dump(server, "dumped", *options)
    person = room.open("postgres", **{**server, "database": "restored", "socket": ""})
    await person.sees("restored=>")
    person.type("\\i\n")
    await send(
        person, "dump.sql", b"\\restrict key\n" + dump + b"\\unrestrict key\nselect 'en' || 'd';"
    )
    await person.sees("end\n(1 row)", "restored=>")
    assert pg_dump(server, "restored", *options) == dump


async def test_a_dump_of_mariadb(room: Room, mariadb_server: Server) -> None:
    server = mariadb_server
    client: list[str | Path] = [
        require("mariadb"),
        "--no-defaults",
        "-S",
        server["socket"],
        "-u",
        "root",
    ]
    run([*client, "--default-character-set=utf8mb4"], data=b"drop database if exists dumped; drop database if exists restored; "
        b"create database dumped; create database restored; use dumped;" + MYSQL)  # fmt: skip

    def dumped(name: str) -> bytes:
        given = ["--no-defaults", "-S", server["socket"], "-u", "root", "--routines", "--triggers"]
        dump = run([require("mariadb-dump"), *given, "--skip-dump-date", name])
        return re.sub(rb"(?m)^-- Host: .*$", b"", dump).replace(name.encode(), b"NAME")

    dump = dumped("dumped").replace(b"NAME", b"restored")
    with pytest.raises(UnicodeDecodeError):
        dump.decode()
    person = room.open("mysql", **{**server, "database": "restored", "socket": ""})
    await person.sees("restored>")
    person.type("\\i\n")
    await send(person, "dump.sql", dump + b"\nselect concat('en', 'd') as e;")
    await person.sees("end\n(1 row)", "restored>")
    assert dumped("restored").replace(b"NAME", b"restored") == dump


async def test_a_dump_of_sqlite(room: Room, tmp_path: Path) -> None:
    source, target = tmp_path / "a.db", tmp_path / "b.db"
    with sqlite3.connect(source) as connection:
        connection.executescript(SQLITE)
    connection.close()
    target.touch()
    program = require("sqlite3")
    dump = run([program, source, ".dump"])
    person = room.open("sqlite", database=str(target))
    await person.sees("b.db>")
    person.type("\\i\n")
    await send(person, "dump.sql", dump + b"select 'en' || 'd';")
    await person.sees("end\n(1 row)", "b.db>")
    assert run([program, target, ".dump"]) == dump


async def test_errors_have_their_lines_and_what_follows_is_run(
    room: Room, postgresql_server: Server
) -> None:
    person = room.open("postgres", **{**postgresql_server, "socket": ""})
    await person.sees("postgres=>")
    person.type("\\i\n")
    script = (
        b"\xef\xbb\xbfselect 1;\r\n-- a comment\n\nselect nothing;\n\\nonsense\n"
        b"copy nowhere from stdin;\n1\tselect;\n\\.\n"
        b"create temp table c (a int);\ncopy c from stdin;\n1\nx\n3\n\\.\n"
        b"begin;\nselect count(*) as n from c;\n"
    )
    await send(person, "some.sql", script)
    await person.sees(
        'some.sql:4: ERROR:  column "nothing"',
        "some.sql:5: there is no command \\nonsense",
        'some.sql:6: ERROR:  relation "nowhere"',
        'some.sql:10: ERROR:  invalid input syntax for type integer: "x"',
        "the script has left a transaction open",
        "postgres=*>",
    )


@pytest.mark.parametrize("command", ["\\gexec", "\\gset", "\\watch 1", "\\crosstabview"])
async def test_restricted_scripts_have_no_commands_behind_statements(
    room: Room, postgresql_server: Server, command: str
) -> None:
    person = room.open("postgres", **{**postgresql_server, "socket": ""})
    await person.sees("postgres=>")
    person.type("\\i\n")
    script = f"\\restrict a\nselect 'select 6 * 7 as made' as made {command}\n\\unrestrict a\n"
    await send(person, "a.sql", script.encode() + b"select 'en' || 'd';\n")
    await person.sees("a.sql:2: backslash commands are restricted", "end\n(1 row)")
    assert "42" not in person.text


async def test_restricted_scripts_have_no_commands(room: Room, postgresql_server: Server) -> None:
    person = room.open("postgres", **{**postgresql_server, "socket": ""})
    await person.sees("postgres=>")
    person.type("\\i\n")
    await send(
        person, "a.sql", b"\\restrict a\n\\conninfo\n\\unrestrict b\n\\unrestrict a\n\\conninfo\n"
    )
    await person.sees(
        "a.sql:2: backslash commands are restricted", "a.sql:3: ", "You are connected"
    )


async def test_statements_behind_a_failure_are_run(room: Room, postgresql_server: Server) -> None:
    person = room.open("postgres", **{**postgresql_server, "socket": ""})
    await person.sees("postgres=>")
    person.type("select 40 + 1; nonsense; select 40 + 2;\n")
    await person.sees("41", "syntax error", "42")


async def test_data_for_copy_is_typed(room: Room, postgresql_server: Server) -> None:
    person = room.open("postgres", **{**postgresql_server, "socket": ""})
    await person.sees("postgres=>")
    person.type("create temp table k (a text);\ncopy k from stdin;\n")
    await person.sees("data (")
    person.type("one; two\n")
    await person.sees("one; two\ndata (")
    person.type("\\.\n")
    await person.sees("COPY 1")
    person.type("select a || '!' from k;\n")
    await person.sees("one; two!")


@pytest.mark.parametrize(
    ("data", "said"), [(b"PGDMP\x01", "pg_restore"), ("select 1;".encode("utf-16"), "UTF-8")]
)
async def test_a_file_that_is_no_script_is_refused(room: Room, data: bytes, said: str) -> None:
    person = room.open("sqlite", database=":sample:")
    await person.sees("sample>")
    person.type("\\i\n")
    await send(person, "x", data)
    await person.sees(said)
