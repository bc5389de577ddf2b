"""The parts of MongoDB's console that can be tested without a server; none is available here."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pymongo.errors import BulkWriteError, OperationFailure

from guacr.protocol.status import Status
from guacr.settings.models import Settings
from handlers.database.adapter import Rows, StatementError
from handlers.database.mongodb.adapter import MongodbAdapter, error_text
from handlers.database.params import MongodbParams
from tests.handlers.database.people import ENTER, Room, host
from tests.support.certificates import Authority
from tests.support.mongo_wire import mongo_host

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
"""PyMongo leaves sockets whose handshakes failed to the garbage collector."""
LOGIN = {"username": "ann", "password": "hush", "timeout": "1"}


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """So that the sockets are not another test's."""
    yield
    gc.collect()


def test_errors_look_as_in_mongosh() -> None:
    details = {"errmsg": "unknown operator: $x", "codeName": "BadValue"}
    error = OperationFailure("unknown operator: $x, full error: …", 2, details)
    assert error_text(error) == "MongoServerError[BadValue]: unknown operator: $x"
    assert error_text(OperationFailure("no, full error: {}")) == "no"
    twice = BulkWriteError({"writeErrors": [{"errmsg": "E11000 duplicate key"}]})
    assert error_text(twice) == "E11000 duplicate key"


async def test_results_are_fetched_as_they_are_looked_at(room: Room) -> None:
    asked: list[dict[str, Any]] = []

    async def answer(command: dict[str, Any]) -> dict[str, Any]:
        asked.append(command)
        if "find" in command or "getMore" in command:
            first = 100 * sum("find" in c or "getMore" in c for c in asked)
            batch = [{"_id": first + n, "name": "x"} for n in range(100)]
            part = "firstBatch" if "find" in command else "nextBatch"
            return {"ok": 1.0, "cursor": {"id": 7, "ns": "test.a", part: batch}}
        if "insert" in command:
            return {"ok": 1.0, "n": len(command["documents"])}
        if "listCollections" in command:
            named = [{"name": "orders", "type": "collection"}]
            return {"ok": 1.0, "cursor": {"id": 0, "ns": "test.c", "firstBatch": named}}
        return {"ok": 0.0, "errmsg": "no such thing", "code": 59, "codeName": "CommandNotFound"}

    async with mongo_host(answer) as values:
        person = room.open("mongodb", **values)
        await person.sees("MongoDB 7.0.0, database test.", "test>")
        await person.knows("orders")
        person.type("db.a.insertOne({_id: 5})\n")
        await person.sees("{ acknowledged: true, insertedId: 5 }")
        person.type("db.a.find({x: /y/i}).sort({x: -1}).limit(50000)\n")
        await person.sees("{ _id: 100, name: 'x' }")
        assert len([c for c in asked if "getMore" in c]) < 3
        [find] = [c for c in asked if "find" in c]
        assert (find["sort"], find["limit"], find["batchSize"]) == ({"x": -1}, 50000, 100)
        person.type("q")
        await person.sees("there are more", "test>")
        person.type("db.runCommand({nothing: 1})\n")
        await person.sees("MongoServerError[CommandNotFound]: no such thing")
        person.type("db.a.drop()\n")
        await person.sees("drop is unknown", "LINE 1: db.a.drop()")
        person.type("use shop\n")
        await person.sees("switched to db shop", "shop>")
        await room.close()


async def test_ctrl_c_ends_what_waits_and_the_session_goes_on(room: Room) -> None:
    came = asyncio.Event()

    async def answer(command: dict[str, Any]) -> dict[str, Any]:
        if "count" in command:
            came.set()
            await asyncio.Event().wait()
        return {"ok": 1.0, "done": 1}

    async with mongo_host(answer) as values:
        person = room.open("mongodb", **values)
        await person.sees("test>")
        person.type("db.runCommand({count: 'a'})\n")
        await came.wait()
        person.control("c")
        await person.sees("the command was cancelled")
        person.type("db.runCommand({dbStats: 1})\n")
        await person.sees("{ ok: 1, done: 1 }")


async def test_a_lost_server_is_told(room: Room) -> None:
    async def answer(command: dict[str, Any]) -> dict[str, Any]:
        raise OSError

    async with mongo_host(answer) as values:
        person = room.open("mongodb", **values)
        await person.sees("test>")
        person.type("db.runCommand({count: 'a'})\n")
        await person.sees("the connection is lost", "press Enter")
        person.press(ENTER)


async def test_refused_logins_are_told(room: Room) -> None:
    async def answer(command: dict[str, Any]) -> dict[str, Any]:
        name = "AuthenticationFailed"
        return {"ok": 0.0, "errmsg": "Authentication failed.", "code": 18, "codeName": name}

    async with mongo_host(answer) as values:
        message, status = await room.open("mongodb", **values, **LOGIN).fails()
    assert "rejects the login of 'ann'" in message
    assert int(status) == Status.CLIENT_UNAUTHORIZED


async def test_hosts_that_do_not_speak_the_protocol_are_told(room: Room) -> None:
    _, status = await room.open("mongodb", hostname="127.0.0.1", port="1", **LOGIN).fails()
    assert int(status) == Status.UPSTREAM_UNAVAILABLE
    _, status = await room.open("mongodb", hostname="nowhere.invalid", **LOGIN).fails()
    assert int(status) == Status.UPSTREAM_NOT_FOUND
    async with (
        host(lambda _, writer: None) as silent,
        host(lambda _, writer: writer.close()) as closing,
        host(lambda _, writer: writer.write(b"SSH-2.0-OpenSSH\r\n" * 9)) as other,
    ):
        answers = await asyncio.gather(
            room.open("mongodb", **silent, **LOGIN).fails(),
            room.open("mongodb", **closing, **LOGIN).fails(),
            room.open("mongodb", **other, **LOGIN).fails(),
            room.open("mongodb", **other, **LOGIN, tls="require").fails(),
        )
    messages, statuses = zip(*answers, strict=True)
    assert int(statuses[0]) == Status.UPSTREAM_TIMEOUT
    assert int(statuses[1]) == Status.UPSTREAM_ERROR
    assert "check port and tls" in messages[1]
    assert int(statuses[2]) in (Status.UPSTREAM_ERROR, Status.UPSTREAM_TIMEOUT)
    assert "does not speak TLS" in messages[3]
    assert "hush" not in " ".join(messages)


async def test_certificates_are_checked(room: Room, tmp_path: Path) -> None:
    authority = Authority()
    context = authority.server_context(tmp_path)
    unknown, known = Authority().certificate, authority.certificate
    async with host(lambda _, writer: writer.close(), context) as values:
        messages = await asyncio.gather(
            room.open("mongodb", **values, **LOGIN, tls="verify-full").fails(),
            room.open("mongodb", **values, **LOGIN, tls="require", tls_ca=unknown).fails(),
            room.open("mongodb", **values, **LOGIN, tls="verify-full", tls_ca=known).fails(),
        )
    assert ["is not trusted" in message for message, _ in messages] == [True, True, False]


async def test_sessions_that_may_only_read_take_no_changes() -> None:
    adapter = MongodbAdapter(MongodbParams(read_only_session=True))
    adapter._client = object()  # type: ignore[assignment]
    with pytest.raises(StatementError, match="may only read"):
        await anext(aiter(adapter.execute("db.a.deleteMany({})")))


def test_lines_with_passwords_are_secret() -> None:
    adapter = MongodbAdapter(MongodbParams())
    assert adapter.is_secret("db.runCommand({createUser: 'a', pwd: 'b', roles: []})")
    assert adapter.is_secret("db.users.insertOne({password: 'b'})")
    assert not adapter.is_secret("db.users.find()")


async def test_a_missing_library_is_named(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "handlers.database.mongodb.adapter", raising=False)
    monkeypatch.setitem(sys.modules, "pymongo", None)
    message, status = await room.open("mongodb", hostname="127.0.0.1").fails()
    assert message.endswith("install guacr[databases]")
    assert int(status) == Status.RESOURCE_NOT_FOUND


async def test_few_long_documents_are_fetched_at_a_time(room: Room) -> None:
    asked = 0

    async def answer(command: dict[str, Any]) -> dict[str, Any]:
        nonlocal asked
        if "find" not in command and "getMore" not in command:
            return {"ok": 0.0, "errmsg": "no such thing", "code": 59}
        asked += 1
        part = "firstBatch" if "find" in command else "nextBatch"
        batch = [{"_id": asked, "in": {"a": [{"b": "x" * (2 << 20)}]}}]
        return {"ok": 1.0, "cursor": {"id": 7, "ns": "test.a", part: batch}}

    async with mongo_host(answer) as values:
        person = room.open("mongodb", **values)
        await person.sees("test>")
        person.type("db.a.find()\n")
        await person.sees("_id: 1", "b: 'xxxx")
        person.type("q")
        await person.sees("there are more")
        await room.close()
    assert asked < 4


async def test_documents_longer_than_a_value_may_be_are_refused() -> None:
    async def answer(command: dict[str, Any]) -> dict[str, Any]:
        document = {"_id": 1, "long": "x" * 70_000}
        found = {"id": 0, "ns": "test.a", "firstBatch": [document]}
        return {"ok": 1.0, "cursor": found} if "find" in command else {"ok": 1.0, "x": document}

    room = Room(Settings.model_validate({"databases": {"max_value": 65_536}}))
    async with mongo_host(answer) as values:
        person = room.open("mongodb", **values)
        await person.sees("test>")
        for command in ("find()", "findOne()"):
            person.type(f"db.a.{command}\n")
            await person.sees(f"{command}\na document has 700", "65536 are allowed")
        person.type("db.runCommand({a: 1})\n")
        await person.sees("({a: 1})\na document has 700")
    await room.close()


async def test_a_long_document_comes_in_portions() -> None:
    class Cursor:
        documents: ClassVar = [{f"k{number}": number for number in range(1200)}]

        async def next(self) -> dict[str, int]:
            if not self.documents:
                raise StopAsyncIteration
            return self.documents.pop()

        async def close(self) -> None:
            pass

    adapter = MongodbAdapter(MongodbParams())
    events = [event async for event in adapter._documents(Cursor())]
    rows = [len(event.rows) for event in events if isinstance(event, Rows)]
    assert rows == [500, 500, 202]
