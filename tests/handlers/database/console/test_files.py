"""Downloads of results and uploads of scripts, as a client sees them."""

from __future__ import annotations

import json

import pytest

from guacr.protocol.status import Status
from handlers.database.console import scripts
from tests.handlers.database.people import Person, Room

COUNT = (
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < %d) select i from n;"
)


async def at_sample(room: Room, **values: str) -> Person:
    person = room.open("sqlite", database=":sample:", **values)
    await person.sees("sample>")
    return person


async def test_a_result_is_exported(room: Room) -> None:
    person = await at_sample(room)
    person.type("\\export two.csv select id, name\nfrom customers where id < 3;\n")
    name, data = await person.receives()
    assert name == "two.csv"
    assert data == b"id,name\r\n1,Ada Lovelace\r\n2,Grace Hopper\r\n"
    await person.sees("2 rows are in two.csv.")


async def test_a_long_result_is_exported_whole(room: Room) -> None:
    person = await at_sample(room)
    person.type("\\export numbers.json " + COUNT % 20_000 + "\n")
    _, data = await person.receives()
    assert json.loads(data) == [{"i": number} for number in range(1, 20_001)]
    await person.sees("20000 rows are in numbers.json.")


async def test_results_go_into_a_file_until_it_is_ended(room: Room) -> None:
    person = await at_sample(room)
    person.type("\\o some.tsv\nselect 1 as a; select 2 as b, null as c;\nnonsense;\n\\o\n")
    _, data = await person.receives()
    assert data == b"a\n1\nb\tc\n2\t\\N\n"
    await person.sees("2 rows are in some.tsv.", "syntax error")
    person.type("select 40 + 2;\n")
    await person.sees("42", "(1 row)")


async def test_ctrl_c_ends_an_export(room: Room) -> None:
    person = await at_sample(room)
    person.type("\\export much.csv " + COUNT % 1_000_000_000 + "\n")
    await person.waits(lambda: bool(person.transport.all("file")))
    person.transport.send("ack", person.transport.all("file")[0][0], "OK", 0)
    await person.waits(lambda: bool(person.transport.all("blob")))
    person.control("c")
    await person.receives()
    await person.sees("interrupted", "much.csv is incomplete")
    person.type("select 6 * 7;\n")
    await person.sees("42")


async def test_a_client_that_refuses_ends_the_statement(room: Room) -> None:
    person = await at_sample(room)
    person.type("\\export much.csv " + COUNT % 1_000_000_000 + "\n")
    await person.waits(lambda: bool(person.transport.all("file")))
    index = person.transport.all("file")[0][0]
    person.transport.send("ack", index, "no room", Status.RESOURCE_CONFLICT)
    await person.sees("much.csv is incomplete", "no room")
    person.type("select 6 * 7;\n")
    await person.sees("42")


async def test_max_rows_holds_for_files_too(room: Room) -> None:
    person = await at_sample(room, max_rows="3")
    person.type("\\export few.csv " + COUNT % 100 + "\n")
    _, data = await person.receives()
    assert data == b"i\r\n1\r\n2\r\n3\r\n"
    await person.sees("(3 rows, which are as many as max-rows allows)")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("\\export two.xls select 1;\n", "ends in .csv, .json, .tsv"),
        ("\\export two.csv ;\n", "a statement belongs behind the file"),
        ("\\o two\n", "ends in .csv, .json, .tsv"),
        ("\\i script.sql\n", "takes no name"),
    ],
)
async def test_what_cannot_be_done_is_said(room: Room, typed: str, said: str) -> None:
    person = await at_sample(room)
    person.type(typed)
    await person.sees(said)
    assert person.transport.all("file") == []


async def test_files_may_be_forbidden(room: Room) -> None:
    person = await at_sample(room, disable_download="true", disable_upload="true")
    person.type("\\export two.csv select 1;\n\\i\n")
    await person.sees("disable-download", "disable-upload")
    assert person.transport.all("file") == []


async def test_who_typed_gets_the_file_and_nobody_else(room: Room) -> None:
    person = await at_sample(room)
    other = room.join(person)
    person.type("\\export one.csv select 1 as a;\n")
    assert (await person.receives())[1] == b"a\r\n1\r\n"
    assert other.all("file") == []


async def test_who_leaves_gets_a_whole_file(room: Room) -> None:
    person = await at_sample(room)
    person.type("\\o all.json\nselect 1 as a;\n\\q\n")
    _, data = await person.receives()
    assert json.loads(data) == [{"a": 1}]
    await person.session.wait_closed()


# ---- scripts


async def test_a_script_is_run(room: Room) -> None:
    person = await at_sample(room)
    person.type("\\i\n")
    await person.sees("Send a script")
    script = b"create table s (a); insert into s values (1);\n-- nothing\nselect 'a=' || a from s;"
    assert (await person.sends("some.sql", script))[2] == "0"
    await person.sees("a=1", "(1 row)\nsample>")


async def test_a_script_that_nobody_waits_for_is_refused(room: Room) -> None:
    person = await at_sample(room)
    answer = await person.sends("some.sql", b"select 1;")
    assert answer[2] == str(int(Status.UNSUPPORTED))
    assert "type \\i" in answer[1]


async def test_waiting_for_a_script_can_be_given_up(room: Room) -> None:
    person = await at_sample(room)
    person.type("\\i\n")
    await person.sees("Send a script")
    person.control("c")
    person.type("select 6 * 7;\n")
    await person.sees("42")


async def test_a_statement_of_a_script_has_a_bound(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "STATEMENT_MAX", 10_000)
    monkeypatch.setattr(scripts, "UNREAD_MAX", 10_000)
    person = await at_sample(room)
    person.type("\\i\n")
    await person.sees("Send a script")
    await person.sends("some.sql", b"-" * 30_001)
    answers = [answer[2] for answer in person.transport.all("ack")]
    assert str(int(Status.CLIENT_OVERRUN)) in answers
    person.type("\\i\n")
    await person.waits(lambda: person.text.count("Send a script") == 2)
    assert (await person.sends("some.sql", b"select 6 * 7; ".ljust(10_000)))[2] == "0"
    await person.sees("42")


async def test_a_script_that_is_no_text_is_refused(room: Room) -> None:
    person = await at_sample(room)
    person.type("\\i\n")
    await person.sees("Send a script")
    await person.sends("some.sql", b"\xff\xfe")
    await person.sees("not text in UTF-8")
