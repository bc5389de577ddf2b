"""Servers that are killed: at the prompt, in a transaction, and while a statement runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest

from tests.handlers.database.people import ENTER, Person, Room
from tests.support.guarding import owned
from tests.support.redis_server import redis_process
from tests.support.server_process import ServerProcess
from tests.support.sql_servers import Server, mariadb_process, postgresql_process

LOST = ("the connection is lost: ", "press Enter to connect again and run what was typed")
REST = "press Enter to connect again and run the rest: what came before it was done"
UNKNOWN = "it is unknown whether the statement was executed"
TRANSACTION = "a transaction was open: it is lost, unless the server had its end already"


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of server, and what is typed there."""

    name: str
    run: Callable[[], AbstractContextManager[tuple[Server, ServerProcess]]]
    begun: str
    """The prompt within a transaction."""
    slow: str
    begin: str = "begin;"
    one: str = "select 1 as one;"
    done: str = "(1 row)"
    ask: str = "select 6 * 7 as answer;"
    answer: str = "42\n(1 row)"
    list: str = "\\dt"


CASES = [
    Case("postgresql", postgresql_process, "postgres=*>", "select pg_sleep(100);"),
    Case("mysql", mariadb_process, "mysql mysql*>", "select sleep(100);"),
    Case(
        "redis", redis_process, "(TX)>", "blpop no 0", "multi", "echo one", '"one"', "echo answer",
        '"answer"', "\\d",
    ),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Site:
    """A server that can be killed."""

    case: Case
    server: Server
    process: ServerProcess

    async def start(self) -> None:
        """Start the server, if it does not run."""
        with owned():
            await asyncio.to_thread(self.process.start)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    case: Case = request.param
    with case.run() as (server, process):
        values = {name: text for name, text in server.items() if name != "socket"}
        yield Site(case, values, process)


@pytest.fixture
async def person(room: Room, site: Site) -> Person:
    await site.start()
    person = room.open(site.case.name, **site.server)
    await person.waits(lambda: typed(person).endswith(">"))
    return person


def typed(person: Person) -> str:
    """Return the last line of the screen, including the prompt."""
    return person.text.rstrip().rpartition("\n")[2]


async def asks_again(person: Person, text: str) -> None:
    """The console is without a connection, and has the text again."""
    end = f"> {text}".rstrip()
    await person.waits(
        lambda: typed(person).startswith("(not connected) ") and typed(person).endswith(end)
    )


async def test_a_server_that_is_killed_while_nobody_types(site: Site, person: Person) -> None:
    site.process.kill()
    person.type(f"{site.case.ask}\n")
    await person.sees(*LOST)
    await asks_again(person, site.case.ask)
    assert TRANSACTION not in person.text
    person.press(ENTER)
    await person.sees("refuses connections")
    await asks_again(person, site.case.ask)
    await site.start()
    person.press(ENTER)
    await person.sees(site.case.answer)
    await person.waits(lambda: not typed(person).startswith("(not connected)"))


async def test_a_server_that_is_killed_during_a_statement(site: Site, person: Person) -> None:
    person.type(f"{site.case.slow}\n")
    await person.runs()
    site.process.kill()
    await person.sees(*LOST)
    await asks_again(person, site.case.slow)
    assert TRANSACTION not in person.text
    await site.start()
    person.control("u")
    await asks_again(person, "")
    person.type(f"{site.case.ask}\n")
    await person.sees(site.case.answer)


async def test_a_transaction_is_told_to_be_lost(site: Site, person: Person) -> None:
    person.type(f"{site.case.begin}\n")
    await person.sees(site.case.begun)
    site.process.kill()
    person.type(f"{site.case.ask}\n")
    await person.sees(*LOST, TRANSACTION)
    assert site.case.begun not in typed(person)
    await site.start()
    person.press(ENTER)
    await person.sees(site.case.answer)
    assert site.case.begun not in typed(person)


def paste(person: Person, *lines: str) -> None:
    text = "\n".join(lines)
    person.handler.send(f"\x1b[200~{text}\x1b[201~\r".encode())


async def test_what_was_done_is_not_typed_again(site: Site, person: Person) -> None:
    paste(person, site.case.one, site.case.slow, site.case.ask)
    await person.sees(site.case.done)
    site.process.kill()
    await person.sees(LOST[0], REST, UNKNOWN)
    await person.waits(lambda: typed(person).endswith(f"> {site.case.ask}"))
    again = person.text.partition(REST)[2]
    assert f"> {site.case.slow}\n" in again
    assert site.case.one not in again


@pytest.mark.parametrize("site", CASES[:2], ids=lambda case: case.name, indirect=True)
async def test_a_transaction_is_typed_again_as_a_whole(site: Site, person: Person) -> None:
    paste(person, f"{site.case.ask} {site.case.begin}", site.case.one, site.case.slow)
    await person.sees("one\n")
    site.process.kill()
    await person.sees(LOST[0], REST, TRANSACTION)
    await person.waits(lambda: typed(person).endswith(f"> {site.case.slow}"))
    again = person.text.partition(REST)[2]
    assert f"> {site.case.begin}\n" in again
    assert site.case.one in again
    assert site.case.ask not in again
    assert UNKNOWN not in person.text


async def test_a_script_is_lost_at_a_line(site: Site, person: Person) -> None:
    person.type("\\i\n")
    await person.sees("Send a script")
    script = "\n".join((site.case.one, "", site.case.slow, site.case.one))
    await person.sends("some.sql", script.encode())
    await person.sees(site.case.done)
    site.process.kill()
    await person.sees(LOST[0], UNKNOWN, "send the rest of the script, from its line 3 on")
    await asks_again(person, "\\i")


async def test_commands_are_kept_and_the_session_can_be_left(site: Site, person: Person) -> None:
    site.process.kill()
    person.type(f"{site.case.list}\n")
    await person.sees(*LOST)
    await asks_again(person, site.case.list)
    person.control("u")
    person.type("\\conninfo\n")
    await person.sees("You are connected to")
    person.type("\\q\n")
    await person.session.wait_closed()
    assert person.error is None


async def test_enter_alone_connects_again(site: Site, person: Person) -> None:
    site.process.kill()
    person.type(f"{site.case.ask}\n")
    await asks_again(person, site.case.ask)
    await site.start()
    person.control("u")
    person.press(ENTER)
    await person.waits(lambda: not typed(person).startswith("(not connected)"))


async def test_a_database_is_chosen_while_the_server_is_gone(site: Site, person: Person) -> None:
    site.process.kill()
    person.type("\\c 1\n")
    await person.sees("refuses connections", LOST[1])
    await asks_again(person, "\\c 1")
