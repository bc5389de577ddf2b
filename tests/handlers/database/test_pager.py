"""The pager's last line, as a person sees it."""

from __future__ import annotations

from handlers.database.table import CELL_MAX
from tests.handlers.database.people import END, PAGE_DOWN, RIGHT, Room

WIDE = "select printf('%d%130s', id, 'far') as wide from orders where id <= 50;\n"


async def test_arrows_say_where_there_is_more(room: Room) -> None:
    person = room.open("sqlite", database=":sample:")
    await person.sees("sample>")
    person.type(WIDE)
    await person.sees("of 50   q quit", " ↓ →")
    person.press(*[RIGHT] * 10)
    await person.sees(" far\n", " ↓←")
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
