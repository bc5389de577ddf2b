"""SQL Server's console, with a server that answers as SQL Server does."""

from __future__ import annotations

import asyncio
import datetime
import socket
import sys
import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace

import pytest
from pytds import ProgrammingError

from guacr.protocol.status import Status
from handlers.database.client_thread import ClientThread
from handlers.database.params import SqlserverParams
from handlers.database.sqlserver.adapter import SqlserverAdapter, error_text, text_of
from tests.handlers.database.people import END, Person, Room, host
from tests.support.certificates import Authority
from tests.support.loopback import until
from tests.support.scripted_host import send_reset
from tests.support.sql_servers import PASSWORD, Server
from tests.support.tcp_proxy import tcp_proxy
from tests.support.tds_server import ROWS, tds_server

LOGIN = {"username": "sa", "password": "hush", "database": "master", "timeout": "1"}
MINUTE = datetime.datetime.fromisoformat("2024-02-29T12:30:00.120")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (True, "1"),
        ("a", "a"),
        (b"\xde\xad", "0xDEAD"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("1.10"), "1.10"),
        (MINUTE, "2024-02-29 12:30:00.120"),
        (MINUTE.replace(microsecond=1), "2024-02-29 12:30:00.000001"),
        (
            MINUTE.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-3))),
            "2024-02-29 12:30:00.120 -03:00",
        ),
        (uuid.UUID(int=10), "00000000-0000-0000-0000-00000000000A"),
        (MINUTE.date(), "2024-02-29"),
    ],
)
def test_values_look_as_in_sqlcmd(value: object, text: str | None) -> None:
    assert text_of(value) == text


def test_errors_look_as_in_sqlcmd() -> None:
    error = ProgrammingError("Invalid object name 't'.")
    error.text = "Invalid object name 't'."
    error.number, error.severity, error.state, error.line = 208, 16, 1, 3
    error.procname = "p"
    assert error_text(error) == (
        "Msg 208, Level 16, State 1, Procedure p, Line 3\nInvalid object name 't'."
    )


async def test_hosts_that_do_not_speak_tds_are_told(room: Room) -> None:
    message, status = await room.open("sql-server", hostname="127.0.0.1", port="1", **LOGIN).fails()
    assert int(status) == Status.UPSTREAM_UNAVAILABLE
    async with host(lambda _, writer: None) as silent:
        message, status = await room.open("sqlserver", **silent, **LOGIN).fails()
        assert "does not answer in time: check host and port" in message
        assert int(status) == Status.UPSTREAM_TIMEOUT
    async with host(lambda _, writer: writer.close()) as closing:
        message, status = await room.open("sqlserver", **closing, **LOGIN).fails()
        assert "check port and tls" in message
        assert int(status) == Status.UPSTREAM_ERROR
    async with host(lambda _, writer: writer.write(b"SSH-2.0-OpenSSH\r\n")) as other:
        message, status = await room.open("sqlserver", **other, **LOGIN).fails()
        assert int(status) in (Status.UPSTREAM_ERROR, Status.UPSTREAM_TIMEOUT)
    assert "hush" not in message


async def test_a_host_that_resets_the_connection_is_told_at_once(room: Room) -> None:
    async with host(lambda _, writer: send_reset(writer.transport)) as resetting:
        known = {**LOGIN, "timeout": "60"}
        async with asyncio.timeout(20):
            message, status = await room.open("sqlserver", **resetting, **known).fails()
        assert int(status) == Status.UPSTREAM_ERROR
        assert "check port and tls" in message


async def test_a_missing_library_is_named(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "handlers.database.sqlserver.adapter", raising=False)
    monkeypatch.setitem(sys.modules, "pytds", None)
    message, status = await room.open("sqlserver", hostname="127.0.0.1").fails()
    assert message.endswith("install guacr[databases]")
    assert int(status) == Status.RESOURCE_NOT_FOUND


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[Server]:
    with tds_server(authority) as server:
        yield {**server, "tls_ca": authority.certificate}


@pytest.fixture
async def person(room: Room, server: Server) -> Person:
    person = room.open("sqlserver", **server, password=PASSWORD)
    await person.sees("Type \\? for help.", "pysqlbridge>")
    return person


async def test_results_are_tables(person: Person) -> None:
    person.type("select * from people; select count(*) as many from numbers;\n")
    await person.sees(
        " id │     name     │ score\n", "  1 │ Ada Lovelace │  99.5\n",
        "  2 │ 山田 花子    │  NULL\n(2 rows)\n many\n──────\n 5000\n(1 row)",
    )  # fmt: skip


async def test_a_long_result_is_paged(person: Person) -> None:
    person.type("select n from numbers;\n")
    await person.sees("q quit")
    person.press(END)
    await person.sees(f" {ROWS - 1}\n", f"of {ROWS}")
    person.type("q")
    await person.sees("pysqlbridge>")


async def test_errors_have_number_and_line(person: Person) -> None:
    person.type("select 1 / 0;\n")
    await person.sees("Msg 8134, Level 16, State 1, Line 1\nDivide by zero error encountered.")
    person.type("select * from nowhere;\n")
    await person.sees("Msg 208, Level 16")
    person.type("select 6 * 7 as answer;\n")
    await person.sees(" answer\n────────\n     42")


async def test_what_there_is_is_listed_and_completed(person: Person) -> None:
    person.type("\\dt\n")
    await person.sees(" dbo    │ numbers │ table\n dbo    │ people  │ table\n(2 rows)")
    person.type("\\d people\n")
    await person.sees(" score  │ float    │     8")
    person.type("\\l\n")
    await person.sees(" pysqlbridge │ ONLINE")
    await person.knows("people")
    person.type("select * from peo\t where id = 1;\n")
    await person.sees("from people where id = 1;", "(1 row)")


async def test_a_refused_login_is_told(room: Room, server: Server) -> None:
    message, status = await room.open("sqlserver", **server, password="wrong").fails()
    assert (message, int(status)) == (
        "the server rejects the login of 'reader': check user and password",
        Status.CLIENT_UNAUTHORIZED,
    )


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"tls": "disable"}, "and tls=disable are incompatible"),
        ({"tls_ca": ""}, "is not trusted (unable to get issuer cert locally): set tls-ca"),
        ({"tls_ca": "", "tls": "verify-ca"}, "tls=verify-ca needs parameter tls-ca"),
        ({"tls_ca": "mine"}, "parameter tls-ca must hold PEM certificates"),
    ],
)
async def test_encryption_that_does_not_fit_is_told(
    room: Room, server: Server, values: dict[str, str], sentence: str
) -> None:
    message, _ = await room.open("sqlserver", **{**server, **values}, password=PASSWORD).fails()
    assert sentence in message


async def test_require_takes_any_certificate_unless_there_is_an_authority(
    room: Room, server: Server
) -> None:
    known = {**server, "tls": "require", "password": PASSWORD}
    person = room.open("sqlserver", **{**known, "tls_ca": ""})
    await person.sees("pysqlbridge>")
    message, _ = await room.open(
        "sqlserver", **{**known, "tls_ca": Authority().certificate}
    ).fails()
    assert "is not trusted" in message


async def test_the_hosts_name_is_that_of_the_certificate(room: Room, authority: Authority) -> None:
    with tds_server(authority, "127.0.0.2") as server:
        known = {**server, "tls_ca": authority.certificate, "password": PASSWORD}
        message, _ = await room.open("sqlserver", **known).fails()
        assert message.startswith("the certificate is not that of '127.0.0.2'")
        person = room.open("sqlserver", **known, tls="verify-ca")
        await person.sees("pysqlbridge>")


@pytest.mark.parametrize("garbled", [False, True], ids=["closed", "garbled"])
async def test_a_lost_server_is_told(room: Room, server: Server, *, garbled: bool) -> None:
    async with tcp_proxy(server["hostname"], int(server["port"])) as (proxy, port):
        person = room.open("sqlserver", **{**server, "port": str(port)}, password=PASSWORD)
        await person.sees("pysqlbridge>")
        await person.knows("people")
        if garbled:
            proxy.garble(lambda data: b"\xff" * len(data))
        else:
            await proxy.close()
        person.type("select 1 as one;\n")
        await person.sees("the connection is lost: ", "(not connected) ")
        assert person.error is None


async def test_its_own_thread_closes_the_connection() -> None:
    adapter = SqlserverAdapter(SqlserverParams())
    ours, theirs = socket.socketpair()
    with ours, theirs:
        adapter._thread = ClientThread("test", 1000)
        adapter._connection = SimpleNamespace(_tds_socket=SimpleNamespace(sock=ours))
        go = threading.Event()
        adapter._thread.submit(go.wait)
        await adapter.close()
        assert theirs.recv(1) == b""
        assert ours.fileno() >= 0
        go.set()
        await until(lambda: ours.fileno() < 0)
