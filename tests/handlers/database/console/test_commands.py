"""The terminators with which psql and mysql end statements, and the backslash commands."""

from __future__ import annotations

import pytest

from handlers.database.adapter import Adapter
from handlers.database.console.commands import help_text, suggestions
from handlers.database.console.script_runner import SPLIT_HERE
from handlers.database.mongodb.adapter import MongodbAdapter
from handlers.database.mysql.adapter import MysqlAdapter
from handlers.database.oracle.adapter import OracleAdapter
from handlers.database.params import (
    MongodbParams,
    MysqlParams,
    OracleParams,
    PostgresqlParams,
    RedisParams,
    SqliteParams,
    SqlserverParams,
)
from handlers.database.postgresql.adapter import PostgresqlAdapter
from handlers.database.redis.adapter import RedisAdapter
from handlers.database.sqlite.adapter import SqliteAdapter
from handlers.database.sqlserver.adapter import SqlserverAdapter
from tests.handlers.database.people import Person, Room
from tests.support.sql_servers import Server

ADAPTERS = {
    MongodbAdapter: MongodbParams, MysqlAdapter: MysqlParams, OracleAdapter: OracleParams,
    PostgresqlAdapter: PostgresqlParams, RedisAdapter: RedisParams, SqliteAdapter: SqliteParams,
    SqlserverAdapter: SqlserverParams,
}  # fmt: skip
RECORD = "─[ RECORD 1 ]─"


@pytest.fixture
async def person(room: Room) -> Person:
    person = room.open("sqlite", database=":sample:")
    await person.sees("sample>")
    return person


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
async def anybody(
    room: Room, postgresql_server: Server, mariadb_server: Server, request: pytest.FixtureRequest
) -> Person:
    servers = {"sqlite": {}, "postgresql": postgresql_server, "mysql": mariadb_server}
    values = {name: text for name, text in servers[request.param].items() if name != "socket"}
    person = room.open(request.param, **values)
    await person.sees("Type \\?", ">")
    if request.param == "mysql":
        await person.knows("help_topic")
    return person


# ---- ends of statements


async def test_one_result_with_records_below_each_other(anybody: Person) -> None:
    anybody.type("select 1 as one, 'x' as b\\gx\n")
    await anybody.sees(RECORD, "one │ 1", "b   │ x", "(1 row)")
    anybody.type("select 2 as two\\G select 3 as three\\g select 4 as four;\n")
    await anybody.sees("two │ 2", "three\n───────\n     3", "four\n──────\n    4")
    anybody.type("\\G\n")
    await anybody.sees("four │ 4")


async def test_there_must_be_something_to_run_again(person: Person) -> None:
    person.type("\\g\n")
    await person.sees("there is no statement to run again")


async def test_pasted_lines_may_hold_commands(person: Person) -> None:
    person.handler.send(
        b"\x1b[200~\\pset null nothing\nselect null as a\\gx\n\\nonsense\nselect 2;\x1b[201~"
    )
    await person.sees("> select 2;")
    person.type("\n")
    await person.sees("a │ nothing", "there is no command \\nonsense here", " 2\n(1 row)")


async def test_a_statement_is_watched_until_ctrl_c(anybody: Person) -> None:
    anybody.type("create temporary table turns (a int); begin;\n")
    await anybody.sees("*>")
    anybody.type("select 1 as one \\watch 0.1\n")
    await anybody.waits(lambda: anybody.text.count("(every 0.1 s)") > 2)
    anybody.control("c")
    anybody.type("select 6 * 7 as answer;\n")
    await anybody.sees("42\n(1 row)\n")
    await anybody.waits(lambda: anybody.text.rstrip().endswith("*>"))


async def test_a_watched_result_is_cut_to_the_window(person: Person) -> None:
    person.type("select *, printf('%300s', 'far') from orders\\watch 60\n")
    await person.sees("(2000 rows, ", " of which are shown)")
    assert "far" not in person.text
    person.control("c")
    person.type("select 6 * 7 as answer;\n")
    await person.sees("42\n(1 row)")


@pytest.mark.parametrize("interval", ["0.09", "86401", "soon", "nan"])
async def test_watching_has_bounds(person: Person, interval: str) -> None:
    person.type(f"select 1 \\watch {interval}\n")
    await person.sees("\\watch takes seconds, 0.1 to 86400")


async def test_watching_ends_with_an_error(person: Person) -> None:
    person.type("selct 1 \\watch\n")
    await person.sees("(every 2 s)", "syntax error", "sample> ")


async def test_a_procedure_of_mysql_holds_semicolons(room: Room, mariadb_server: Server) -> None:
    values = {name: text for name, text in mariadb_server.items() if name != "socket"}
    person = room.open("mysql", **values)
    await person.sees("mysql mysql>")
    await person.knows("help_topic")
    person.type("DELIMITER //\ncreate or replace procedure test.p()\nbegin\nselect 6 as six;\n")
    person.type("select 7 as seven;\nend//\nDELIMITER ;\ncall test.p();\n")
    await person.sees(" six", " seven", "\n     7\n(1 row)\nQuery OK, 0 rows affected")
    person.type("drop procedure test.p;\n")
    await person.sees("Query OK, 0 rows affected\nmysql mysql>")


async def test_a_long_script(person: Person) -> None:
    person.type("create table t (a text);\n\\i\n")
    await person.sees("Send a script")
    many = SPLIT_HERE // 1000 + 1
    script = f"insert into t values ('{'x' * 1000}');\n" * many
    assert len(script) > SPLIT_HERE
    assert (await person.sends("some.sql", script.encode()))[2] == "0"
    await person.waits(lambda: person.text.count("INSERT 1") > 30 and "sample>" in person.lines[-1])
    person.type("select count(*) as many from t;\n")
    await person.sees(f"{many}\n(1 row)")


# ---- how results are shown


async def test_records_below_each_other_where_a_table_is_too_wide(person: Person) -> None:
    person.type("\\x auto\nselect 1 as narrow;\n")
    await person.sees("Expanded display is used automatically.", " narrow\n────────\n      1")
    person.type("select printf('%200s', 'far') as wide;\n")
    await person.sees(RECORD)
    person.type("\\x off\nselect 2 as two;\n")
    await person.sees("Expanded display is off.", " two\n─────\n   2")
    person.type("\\x\nselect 3 as three;\n")
    await person.sees("Expanded display is on.", "three │ 3")
    person.type("\\x perhaps\n")
    await person.sees("\\x takes on, off or auto")


async def test_what_stands_for_null(person: Person) -> None:
    person.type("\\pset null '(none)'\nselect null as a, 1 as b;\n")
    await person.sees('Null display is "(none)".', " (none) │ 1")
    person.type("\\pset null ''\nselect null as c\\gx\n")
    await person.sees('Null display is "".', "c │\n")
    person.type("\\pset border 2\n")
    await person.sees("\\pset only supports null")


async def test_times(person: Person) -> None:
    person.type("\\timing on\nselect 1;\n")
    await person.sees("Timing is on.", "Time: ")
    person.type("\\timing maybe\n")
    await person.sees("\\timing takes on or off")
    person.type("\\timing\n")
    await person.sees("Timing is off.")


# ---- lists


async def test_lists_of_postgresql(room: Room, postgresql_server: Server) -> None:
    values = {name: text for name, text in postgresql_server.items() if name != "socket"}
    person = room.open("postgresql", **values)
    await person.sees("postgres=>")
    await person.knows("pg_class")  # nothing is cancelled while it connects
    person.type(
        "create temp table zebra (stripes int primary key);"
        "create temp view zoo as select * from zebra;"
        "comment on column zebra.stripes is 'black ones';\n"
    )
    await person.sees("COMMENT")
    person.type("\\dt+ z?bra\n")
    await person.sees("Rows, about", "Size", "zebra │ table │ postgres", "0 bytes", "(1 row)")
    person.type("\\l+ post*\n")
    await person.sees("default administrative connection database", " kB │", "(1 row)")
    person.type("\\d+ zebra\n")
    await person.sees("plain   │ black ones", "zebra_pkey", "PRIMARY KEY", "8192 bytes")
    assert "(0 rows)" not in person.text
    person.type("\\d+ zoo\n")
    await person.sees("View definition", "FROM zebra;")
    for command, seen in {
        "di": "zebra_pkey │ postgres │ zebra", "dx": "plpgsql", "dn": "public", "du": "Superuser",
        "df+ pg_catalog.pg_sleep*": "pg_sleep_until",
    }.items():  # fmt: skip
        person.type(f"\\{command}\n")
        await person.sees(seen)


async def test_lists_of_mysql(room: Room, mariadb_server: Server) -> None:
    values = {name: text for name, text in mariadb_server.items() if name != "socket"}
    person = room.open("mysql", **values)
    await person.sees("mysql mysql>")
    await person.knows("help_topic")
    person.type("\\dt+ help_t*\n")
    await person.sees("help_topic │ base table", "Aria", " kB ", "(1 row)")
    person.type("\\dn+ mysql\n")
    await person.sees("mysql │ latin1", " kB\n", "(1 row)")
    person.type("\\df nothing\n")
    await person.sees("Result", "(0 rows)")
    person.type("\\du ro*\n")
    await person.sees("root │ ")
    person.type("\\di+ mysql.help_topic*\n")
    await person.sees("(0 rows)\nmysql")
    person.type("\\d+ mysql.help_topic\n")
    await person.sees(
        "utf8mb3_general_ci", "PRIMARY │ unique │ help_topic_id │ BTREE", "help topics"
    )


async def test_lists_of_sqlite(person: Person) -> None:
    person.type("\\dt+ order*\n")
    await person.sees("order_items │ table │ ", " kB", "(2 rows)")
    person.type("\\l+\n")
    await person.sees("main │ ", " kB", "(1 row)")
    person.type("\\di\n")
    await person.sees("orders_by_customer │ index │ orders")
    person.type("\\d+ orders\n")
    await person.sees(
        "orders_by_customer │", "customer_id, placed_at", "customers (id)", "    note TEXT"
    )
    person.type("\\df+ abs\n")
    await person.sees("abs  │ scalar │         1")


async def test_a_table_that_is_not_there(anybody: Person) -> None:
    for command in ("\\d nowhere", "\\d+ nowhere"):
        anybody.control("l")
        anybody.type(f"{command}\n")
        await anybody.waits(
            lambda: any(
                f"{told}\n" in anybody.text
                for told in (
                    "there is no nowhere here",
                    'ERROR:  relation "nowhere" does not exist',
                    "ERROR 1146: Table 'mysql.nowhere' doesn't exist",
                )
            )
        )
        assert "(0 rows)" not in anybody.text
        assert "LINE" not in anybody.text


async def test_a_table_by_its_schema_and_in_quotes(anybody: Person) -> None:
    schema = {"postgresql": "public", "mysql": "`mysql`"}.get(anybody.handler.name, "main")
    quote = "`" if anybody.handler.name == "mysql" else '"'
    name = f"{schema}.{quote}Of Places{quote}"
    anybody.type(f"create table {name} (place int); begin;\n")
    await anybody.sees("*>")
    anybody.type(f"rollback;\n\\d {name}\n")
    await anybody.sees("│", "\n place")
    anybody.type(f"drop table {name}; begin;\n")
    await anybody.waits(lambda: anybody.text.count("*>") == 2)


async def test_a_temporary_table_of_mysql(room: Room, mariadb_server: Server) -> None:
    values = {name: text for name, text in mariadb_server.items() if name != "socket"}
    person = room.open("mysql", **values)
    await person.sees("mysql mysql>")
    person.type("create temporary table passing (days int);\n\\d+ passing\n")
    await person.sees("days  │ int(11) │ YES", "(1 row)\nmysql mysql>")


async def test_a_pattern_is_nothing_but_a_pattern(person: Person) -> None:
    person.type('create table "it\'s" (a); create table a_b (a); create table a1b (a);\n')
    await person.sees("CREATE")
    person.type("\\dt it's\n")
    await person.sees("it's │ table", "(1 row)")
    person.type("\\dt A_B\n")
    await person.sees("a_b  │ table\n(1 row)")


async def test_what_takes_no_name_says_so(room: Room) -> None:
    person = room.open("sqlite")
    await person.sees("memory>")
    person.type("\\du\n")
    await person.sees("there is no command \\du here")


# ---- what servers remark


async def test_notices_of_postgresql_have_details_and_hints(
    room: Room, postgresql_server: Server
) -> None:
    values = {name: text for name, text in postgresql_server.items() if name != "socket"}
    person = room.open("postgresql", **values)
    await person.sees("postgres=>")
    person.type("do $$ begin raise notice 'so' using detail = 'more', hint = 'try'; end $$;\n")
    await person.sees("NOTICE:  so\nDETAIL:  more\nHINT:  try\nDO")


async def test_warnings_of_mysql(room: Room, mariadb_server: Server) -> None:
    values = {name: text for name, text in mariadb_server.items() if name != "socket"}
    person = room.open("mysql", **values)
    await person.sees("mysql mysql>")
    await person.knows("help_topic")
    person.type("select 1/0 as a;\n")
    await person.sees("NULL\n(1 row)\nWarning (Code 1365): Division by 0\nmysql")
    person.type("show warnings;\n")
    await person.sees("Warning │ 1365 │ Division by 0\n(1 row)\nmysql")
    person.type("create temporary table test.g (a int); insert into test.g values (1), (2);\n")
    await person.sees("Query OK, 2 rows affected\nRecords: 2  Duplicates: 0  Warnings: 0\n")
    person.type("insert ignore into test.g values ('x'), (3);\n")
    await person.sees("Query OK, 2 rows affected, 1 warning", "Warning (Code 1366): Incorrect")


@pytest.mark.holds_loop(reason="the test reads a thousand rows of scrollback")
async def test_notices_beyond_a_thousand_are_counted(room: Room, postgresql_server: Server) -> None:
    values = {name: text for name, text in postgresql_server.items() if name != "socket"}
    person = room.open("postgresql", **values)
    await person.sees("postgres=>")
    person.type("do $$ begin for i in 1..1018 loop raise notice '%', i; end loop; end $$;\n")
    await person.sees("NOTICE:  1018\nDO")
    assert "… 18 more notices not shown\nNOTICE:  19\n" in scrollback(person)
    person.type("do $$ begin raise notice '%', repeat('x', 9000); end $$;\n")
    await person.sees("x…\nDO")


def scrollback(person: Person) -> str:
    emulator = person.handler.terminal.emulator
    rows = map(emulator.row_at, range(emulator.scrollbar.total))
    return "\n".join("".join(row.cells).rstrip() for row in rows if row)


async def test_warnings_that_the_server_does_not_keep_are_counted(
    room: Room, mariadb_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    values = {name: text for name, text in mariadb_server.items() if name != "socket"}
    person = room.open("mysql", **values)
    await person.sees("mysql mysql>")
    person.type("create temporary table test.g (a int);\n")
    person.type("insert ignore into test.g select concat('x', seq) from seq_1_to_100;\n")
    await person.sees("at row 64\n… 36 more warnings not shown\nmysql")
    assert "x1" not in caplog.text
    person.type("set max_error_count = 65535; truncate test.g;\n")
    person.type("insert ignore into test.g select concat('x', seq) from seq_1_to_1003;\n")
    await person.sees("at row 1000\n… 3 more warnings not shown\nmysql")


# ---- completion and help


@pytest.mark.parametrize("kind", ADAPTERS)
def test_help_has_what_the_database_has(kind: type[Adapter]) -> None:
    adapter = kind(ADAPTERS[kind]())
    lines = help_text(adapter).splitlines()
    for name in ("l", "d", "dt", "dv", "di", "dn", "df", "du", "dx"):
        named = [line for line in lines if line.startswith((f"\\{name} ", f"\\{name}["))]
        assert bool(named) is (name == "d" or name in adapter.lists), name
    text = "\n".join(lines)
    assert ("\\gx" in text) is adapter.tabular
    assert ("\\c NAME" in text) is bool(adapter.use_database)
    assert max(map(len, lines)) <= 100


async def test_commands_are_completed(person: Person) -> None:
    person.type("\\pse")
    await person.sees("pset   what is shown for NULL")
    person.type("\t nu\t x\n")
    await person.sees('Null display is "x".')
    person.type("\\d+ ord")
    await person.sees("order_items", "table")
    person.control("c")
    person.type("select 1 \\w\t 60\n")
    await person.sees("(every 60 s)")
    person.control("c")


def test_a_backslash_within_a_statement_completes_its_ends_alone() -> None:
    adapter = RedisAdapter(RedisParams())
    assert suggestions(adapter, "", "\\exp") == [
        ("\\export", "downloads results; FILE ends in .csv, .json or .tsv")
    ]
    sqlite = SqliteAdapter(SqliteParams())
    assert suggestions(sqlite, "select 1 \\", "g") == [("gx", "run, records below each other")]
    assert suggestions(sqlite, "select ", "g") is None
    assert suggestions(sqlite, "\\x ", "a") == [("auto", "")]
    assert suggestions(sqlite, "\\x auto ", "a") == []
