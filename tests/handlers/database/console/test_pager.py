"""The pager's last line, as a person sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from handlers.database.adapter import TEXT, Column, Event, Row, Rows
from handlers.database.console.pager import KEPT_CELLS, Pager
from handlers.database.console.results import DisplayOptions
from handlers.database.console.table import CELL_MAX, Table
from tests.handlers.database.people import END, PAGE_DOWN, RIGHT, Room

WIDE = "select printf('%d%130s', id, 'far') as wide from orders where id <= 50;\n"


async def test_arrows_say_where_there_is_more(room: Room) -> None:
    person = room.open("sqlite", database=":sample:")
    await person.sees("sample>")
    person.type(WIDE)
    await person.sees("of 50   ↓ →  q quit")
    person.press(*[RIGHT] * 10)
    await person.sees(" far\n", " ↓← ")
    assert "→" not in person.text
    person.press(PAGE_DOWN)
    await person.sees("-50 of 50 ", "↑ ←")
    assert "↓" not in person.text


async def test_records_of_many_columns_begin_with_the_first(room: Room) -> None:
    person = room.open("sqlite")
    await person.sees("memory>")
    columns = ", ".join(f"i as c{number}" for number in range(400))
    rows = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 200)"
    person.handler.send(f"\x1b[200~{rows} select {columns} from n \\gx\x1b[201~\r".encode())
    await person.sees("─[ RECORD 1 ]", "c0   │ 1\n", "so far")
    person.press(END)
    await person.sees("c399 │ 200\n", f"of {200 * 401}")
    person.type("q")
    await person.sees("(200 rows)")


async def test_long_values_are_shown_in_part(room: Room) -> None:
    person = room.open("sqlite")
    await person.sees("memory>")
    person.type("select length(x), x from (select hex(zeroblob(4000000)) as x);\n")
    await person.sees(" 8000000 │ 0000")
    console = person.handler._console
    assert console is not None
    pager = console._results._pager
    assert pager is not None
    assert pager._weight <= CELL_MAX + 1 + len("8000000")


async def test_lines_of_values_stand_below_each_other(room: Room) -> None:
    person = room.open("sqlite")
    await person.sees("memory>")
    ddl = "create table t (\\n  a int,\\n  b int\\n)".replace("\\n", "' || char(10) || '")
    person.type(f"select 'x' as name, '{ddl}' as ddl, 7 as n;\n")
    await person.sees(
        " x    │ create table t (↵│ 7\n"
        "      │   a int,        ↵│\n"
        "      │   b int         ↵│\n"
        "      │ )                │\n"
        "(1 row)"
    )
    person.type("with recursive n(i) as (select 1 union all select i + 1 from n where i < 500)")
    person.type(" select i, 'a' || char(10) || 'b' as two from n;\n")
    await person.sees("  1 │ a  ↵\n    │ b\n  2 │ a  ↵\n", "so far")
    person.press(END)
    await person.sees(" 500 │ a  ↵\n     │ b\n", "of 1000")
    person.type("q")
    await person.sees("(500 rows)")


def test_rows_of_nothing_have_a_weight() -> None:
    columns = [Column(f"c{number}") for number in range(1600)]

    async def more() -> list[Row]:
        return []

    pager = Pager(lambda text: None, lambda: (80, 24), Table(columns), more, lambda: None)
    row: Row = (None,) * len(columns)
    pager.add([row] * (2 * KEPT_CELLS // len(columns)))
    assert len(pager._items) == KEPT_CELLS // len(columns)


async def test_a_text_of_millions_of_characters_begins_at_its_beginning(room: Room) -> None:
    text = "begin" + "\t漢x" * 800_000 + "end"

    async def events() -> AsyncIterator[Event]:
        yield TEXT
        yield Rows([(text,), ("next",)], last=True)

    person = room.open("sqlite")
    await person.sees("memory>")
    console = person.handler._console
    assert console is not None
    shown = asyncio.create_task(console._results.show(events(), DisplayOptions()))
    await person.sees("begin    漢x    漢x", "so far")
    person.press(END)
    await person.sees("xend\nnext\n")
    person.type("q")
    await shown
