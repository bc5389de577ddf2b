"""The pager's last line, as a person sees it."""

from __future__ import annotations

from tests.handlers.database.people import PAGE_DOWN, RIGHT, Room

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
