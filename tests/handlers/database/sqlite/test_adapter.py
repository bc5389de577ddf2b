"""SQLite's console, with keys as a person types them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from guacr.protocol.status import Status
from guacr.session.origin import ANYONE, Origin
from handlers.database import history
from handlers.database.console import completion
from handlers.database.console.cancellation import OVERDUE
from handlers.database.sqlite import adapter as sqlite
from tests.handlers.database.people import END, ESCAPE, RIGHT, UP, Room

BIG = (
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000000) "
    "select i, 'row ' || i as name from n;\n"
)
SLOW = (
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000000) "
    "select sum(i) from n;\n"
)


async def test_a_statement_in_two_lines_gives_an_aligned_table(room: Room) -> None:
    person = room.open("sqlite", database=":sample:")
    await person.sees("sample>")
    person.type("select id, name, city from customers\nwhere id in (3, 6) order by id;\n")
    await person.sees("(2 rows)", "Chinua Achebe │ NULL", "  3 │ 山")


async def test_values_in_all_scripts_are_shown(room: Room) -> None:
    person = room.open("sqlite")
    await person.sees("memory>")
    person.type(
        "select char(0x6771, 0x3000, 0x7530), '10\xa0000', char(0x1f525, 0x200d, 0x202e);\n"
    )
    await person.sees("東\u3000田", "│ 10\xa0000 ", "│ 🔥\u200d\\u202e")


async def test_history_errors_and_transactions(room: Room) -> None:
    person = room.open("sqlite")
    await person.sees("memory>")
    person.type("create table t (a int); insert into t values (1), (2);\n")
    await person.sees("INSERT 2")
    person.type("begin;\n")
    await person.sees("memory*>")
    person.type("selct 1;\n")
    await person.sees('near "selct": syntax error')
    person.type("rollback;\n")
    await person.sees("ROLLBACK\nmemory>")
    person.press(UP, UP, UP, UP, 0xFF0D)
    await person.sees("table t already exists")


ALICE = Origin(subject="alice")


async def leave_history(room: Room, origin: Origin, database: str = ":sample:") -> None:
    history._kept.clear()
    person = room.open("sqlite", origin, database=database)
    await person.sees("sample>")
    person.type("select 11 + 22;\nselect 'password';\n\\q\n")
    await person.session.wait_closed()


async def test_history_is_there_in_the_next_session(room: Room) -> None:
    await leave_history(room, ALICE)
    again = room.open("sqlite", ALICE, database=":sample:")
    await again.sees("sample>")
    again.press(UP, UP, UP)
    await again.sees("select 11 + 22;")
    assert "password" not in again.text


@pytest.mark.parametrize(
    ("origin", "database"),
    [(ALICE, ""), (Origin(subject="bob"), ":sample:"), (ANYONE, ":sample:")],
)
async def test_history_is_nobody_elses(room: Room, origin: Origin, database: str) -> None:
    await leave_history(room, ALICE)
    other = room.open("sqlite", origin, database=database)
    await other.sees(">")
    other.press(UP)
    other.type("\\x\n")
    await other.sees("Expanded display is on.")
    assert "22" not in other.text


async def test_history_of_nobody_is_not_kept(room: Room) -> None:
    await leave_history(room, ANYONE)
    assert not history._kept


async def test_history_need_not_be_kept(room: Room) -> None:
    history._kept.clear()
    person = room.open("sqlite", ALICE, keep_history="false")
    await person.sees("memory>")
    person.type("select 1;\n\\q\n")
    await person.session.wait_closed()
    assert not history._kept


async def test_names_are_completed_after_they_were_made(room: Room) -> None:
    person = room.open("sqlite")
    await person.sees("memory>")
    person.type("create table giraffes (neck int);\n")
    await person.knows("giraffes")
    person.type("select * from gir\t")
    await person.sees("from giraffes")
    person.type(" where ne\t > 1;\n")
    await person.sees("where neck > 1;", "(0 rows)")


async def test_a_result_without_an_end_is_paged_and_left(room: Room) -> None:
    person = room.open("sqlite")
    await person.sees("memory>")
    person.type(BIG)
    await person.sees("row 35", "so far", "q quit")
    person.type(" ")
    await person.sees("row 40")
    person.type("/row 777\n")
    await person.sees("row 777")
    person.type("q")
    await person.sees("looked at; there are more", "memory>")
    person.type("select 40 + 2 as answer;\n")
    await person.sees(" answer\n", "     42\n(1 row)")


async def test_a_wide_result_scrolls_sideways(room: Room) -> None:
    person = room.open("sqlite")
    await person.sees("memory>")
    person.type("select printf('%.*c', 90, 'x') as a, printf('%.*c', 90, 'y') || 'END' as b;\n")
    await person.sees("q quit")
    assert "END" not in person.text
    person.press(*[RIGHT] * 12, END)
    await person.sees("yEND")
    person.type("q")
    await person.sees("(1 row)")


async def test_ctrl_c_cancels_and_the_connection_goes_on(room: Room) -> None:
    person = room.open("sqlite")
    await person.sees("memory>")
    person.type(SLOW)
    await person.runs()
    person.control("c")
    await person.sees("error: interrupted", "memory>")
    person.type("select 6 * 7;\n")
    await person.sees("42")


async def test_a_statement_that_takes_too_long_is_ended(room: Room) -> None:
    person = room.open("sqlite", statement_timeout="1")
    await person.sees("memory>")
    person.type(SLOW)
    await person.sees("error: interrupted")


async def test_commands(room: Room) -> None:
    person = room.open("sqlite", database=":sample:")
    await person.sees("sample>")
    person.type("\\dt\n")
    await person.sees("order_items", "(4 rows)")
    person.type("\\d products\n")
    await person.sees("category", "not null", "primary key")
    person.type("\\x\n\\timing\nselect 1 as one, null as void;\n")
    await person.sees("RECORD 1", "one  │ 1", "void │ NULL", "Time: ")
    person.type("\\nonsense\n")
    await person.sees("there is no command \\nonsense here")
    person.type("\\q\n")
    await person.session.wait_closed()
    assert person.error is None


async def test_a_file_for_reading_only(room: Room, tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table t as select 0.1 + 0.2 as f, x'00ff' as b, 1e100 as e")
    connection.close()
    person = room.open("sqlite", database=str(path), read_only_session="true", max_rows="1")
    await person.sees("some.db>")
    person.type("select * from t union all select * from t;\n")
    await person.sees("0.3 │ X'00FF' │ 1e+100", "max-rows")
    person.type("insert into t values (1, 2, 3);\n")
    await person.sees("readonly")
    person.type(f"attach '{tmp_path}/other.db' as o;\n")
    await person.sees("not authorized")
    person.type(f"vacuum into '{tmp_path}/other.db';\n")
    person.type("select 'still', 'here';\n")
    await person.sees(" still   │ here")
    assert not (tmp_path / "other.db").exists()


async def test_what_cannot_be_opened_is_told(room: Room, tmp_path: Path) -> None:
    person = room.open("sqlite", database=str(tmp_path / "none.db"))
    message, status = await person.fails()
    assert "there is no file" in message
    assert int(status) == Status.RESOURCE_NOT_FOUND
    text = tmp_path / "text.db"
    text.write_text("no database at all, but a text" * 100)
    message, status = await room.open("sqlite", database=str(text)).fails()
    assert "not a database" in message
    assert int(status) == Status.UPSTREAM_ERROR


async def test_what_two_persons_type_stays_apart(room: Room) -> None:
    one = room.open("sqlite")
    await one.sees("memory>")
    other = room.open("sqlite")
    await other.sees("memory>")
    other.control("r")
    await other.sees("I-search")
    one.type("select 6 * 7 as answer;\n")
    await one.sees(" answer", "42\n(1 row)")
    assert "answer" not in other.text
    other.press(ESCAPE)
    other.type("select 40 + 4 as other;\n")
    await other.sees(" other", "44\n(1 row)")
    assert "other" not in one.text


async def test_ctrl_c_ends_the_wait_for_a_locked_database(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 100.0)
    path = tmp_path / "shared.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("create table t (a int)")
        person = room.open("sqlite", database=str(path))
        await person.sees("shared.db>")
        await person.knows("t")
        other.execute("begin exclusive")
        person.type("insert into t values (1);\n")
        await person.runs()
        person.control("c")
        await person.sees("error: database is locked")
        assert OVERDUE not in person.text
        person.type("insert into t values (2);\n")
        await person.runs()
        other.execute("rollback")
        await person.sees("INSERT 1")


async def test_commands_of_sqlites_shell_are_told_apart(room: Room) -> None:
    person = room.open("sqlite", database=":sample:")
    await person.sees("sample>")
    person.type(".tables\n")
    await person.sees("commands begin with a backslash here: \\? lists them all\nsample>")


async def test_completion_counts_tables_and_tells_its_limit(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "wide.db"
    with closing(sqlite3.connect(path)) as connection:
        for number in range(4):
            columns = ", ".join(f"c{column}" for column in range(150))
            connection.execute(f"create table t{number} ({columns})")
    monkeypatch.setattr(completion, "TABLES_MAX", 3)
    monkeypatch.setattr(sqlite, "TABLES_MAX", 3)
    person = room.open("sqlite", database=str(path))
    await person.sees("wide.db>")
    await person.knows("t2")
    console = person.handler._console
    assert console is not None
    tables = console._names.suggestions.schema.tables
    assert list(tables) == ["t0", "t1", "t2"]
    assert len(tables["t0"]) == completion.COLUMNS_MAX
    person.type("select 1;\n")
    await person.sees("completion knows the first 3 tables of this database")
