"""Consoles of all databases have this in common."""

from tests.handlers.database.people import Room
from tests.support.timelines import noted_steps


async def test_the_steps_of_the_connection_are_noted(room: Room) -> None:
    steps = noted_steps(room.registry)
    person = room.open("sqlite", database=":sample:")
    await person.sees("Type \\? for help.")
    assert steps == ["open", "login", "connect"]
