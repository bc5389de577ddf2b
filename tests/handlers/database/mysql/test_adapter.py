"""MySQL's console against a real server."""

from __future__ import annotations

import asyncio

import pytest

from guacr.protocol.status import Status
from tests.handlers.database.people import PAGE_DOWN, Person, Room, host
from tests.support.certificates import Authority
from tests.support.sql_servers import Server, mariadb

READ_AHEAD = 1 << 20
"""Bytes of a result that may wait in the daemon, of many more."""


@pytest.fixture
def server(mariadb_server: Server) -> Server:
    return {name: text for name, text in mariadb_server.items() if name != "socket"}


@pytest.fixture
async def person(room: Room, server: Server) -> Person:
    person = room.open("mysql", **server)
    await person.sees("mysql mysql>")
    await person.knows("help_topic")  # the library leaves open what is cancelled while it connects
    return person


async def test_values_look_as_in_the_servers_own_client(person: Person) -> None:
    person.type(
        "select 1.10 as d, date('2020-02-03') as t, timediff('12:00', '10:30') as i, x'dead' as b,"
        " null as n, 'añb' as s;\n"
    )
    await person.sees("1.10 │ 2020-02-03 │ 01:30:00 │ 0xDEAD │ NULL │ añb", "(1 row)")


async def test_transactions_and_errors(person: Person) -> None:
    person.type("create temporary table test.g (a int); insert into test.g values (1), (2);\n")
    await person.sees("Query OK, 2 rows affected")
    person.type("begin;\n")
    await person.sees("mysql mysql*>")
    person.type("selct 1;\n")
    await person.sees("ERROR 1064: You have an error in your SQL syntax")
    person.type("rollback;\n")
    await person.sees("mysql mysql>")


async def test_many_rows_are_looked_at_and_left(person: Person) -> None:
    person.type("select a.help_topic_id, b.name from help_topic a, help_topic b, help_topic c;\n")
    await person.sees("so far")
    person.type("q")
    await person.sees("looked at; there are more")
    person.type("select 6 * 7 as answer;\n")
    await person.sees("42\n(1 row)")


async def test_the_server_waits_while_a_page_is_looked_at(
    person: Person, room: Room, server: Server
) -> None:
    person.type("select seq, repeat('x', 1000) from seq_1_to_1000000;\n")
    await person.sees("so far")
    other = room.open("mysql", **server)
    await other.sees("mysql mysql>")
    other.type("select state from information_schema.processlist where info like '%seq_1_to%'\n")
    other.type("and id <> connection_id() \\watch 0.1\n")
    await other.waits(lambda: other.text.count("Writing to net") >= 5)
    other.control("c")
    console = person.handler._console
    assert console is not None
    received = console._adapter._connection._proto  # type: ignore[attr-defined]
    assert received.length < READ_AHEAD
    person.press(PAGE_DOWN)
    await person.sees("so far")
    person.type("q")
    await person.sees("looked at; there are more")


async def test_who_leaves_ends_what_runs(person: Person, room: Room, server: Server) -> None:
    person.type("select sleep(1000) as nap;\n")
    await person.runs()
    other = room.open("mysql", **server)
    await other.sees("mysql mysql>")
    other.type("select count(*) as naps from information_schema.processlist\n")
    other.type("where info like '%sleep(1000)%' and id <> connection_id() \\watch 0.1\n")
    await other.sees(" naps\n──────\n    1\n")
    person.transport.send("disconnect")
    await other.sees(" naps\n──────\n    0\n")


async def test_ctrl_c_cancels_on_the_server(person: Person) -> None:
    person.type(
        "select count(*) from help_topic a, help_topic b, help_topic c where a.name > c.url;\n"
    )
    await person.runs()
    person.control("c")
    await person.sees("ERROR 1317: Query execution was interrupted")
    person.type("select 6 * 7 as answer;\n")
    await person.sees("42\n(1 row)")


async def test_commands(person: Person) -> None:
    person.type("\\d help_topic\n")
    await person.sees("help_topic_id", "PRIMARY │ unique │ help_topic_id", "(2 rows)")
    person.type("\\c information_schema\n")
    await person.sees("mysql information_schema>")


async def test_refusals_are_told(room: Room, server: Server) -> None:
    message, status = await room.open("mysql", **server | {"database": "nowhere"}).fails()
    assert "Unknown database 'nowhere'" in message
    assert int(status) == Status.RESOURCE_NOT_FOUND
    wrong = server | {"username": "nobody", "password": "secret"}
    message, status = await room.open("mysql", **wrong).fails()
    assert "rejects the login" in message
    assert "secret" not in message
    assert int(status) == Status.CLIENT_UNAUTHORIZED
    message, status = await room.open("mysql", **server | {"port": "1"}).fails()
    assert int(status) == Status.UPSTREAM_UNAVAILABLE


async def test_hosts_that_are_no_database(room: Room) -> None:
    login = {"username": "somebody", "password": "hush", "timeout": "1"}
    async with (
        host(lambda _, writer: None) as silent,
        host(lambda _, writer: writer.close()) as closing,
        host(lambda _, writer: writer.write(b"SSH-2.0-OpenSSH\r\n" * 9)) as other,
    ):
        answers = await asyncio.gather(
            *(room.open("mysql", **place, **login).fails() for place in (silent, closing, other))
        )
    messages, statuses = zip(*answers, strict=True)
    assert "does not answer in time: check host and port" in messages[0]
    assert int(statuses[0]) == Status.UPSTREAM_TIMEOUT
    assert int(statuses[1]) == Status.UPSTREAM_ERROR
    assert int(statuses[2]) in (Status.UPSTREAM_ERROR, Status.UPSTREAM_TIMEOUT)
    assert "hush" not in " ".join(messages)
    for unknown in ("nowhere.invalid", "n" * 70):
        message, status = await room.open("mysql", hostname=unknown, **login).fails()
        assert "is unknown" in message
        assert int(status) == Status.UPSTREAM_NOT_FOUND


@pytest.mark.parametrize(
    "greeting", [b"", b"\x0a", b"\x0aabcd\0", b"\x0a\xff\0" + b"\0" * 60], ids=repr
)
async def test_a_greeting_that_is_none(room: Room, greeting: bytes) -> None:
    packet = bytes([len(greeting), 0, 0, 0]) + greeting
    async with host(lambda _, writer: writer.write(packet)) as broken:
        message, status = await room.open("mysql", **broken, username="a", password="b").fails()
    assert "check port, and that it is MySQL" in message
    assert int(status) == Status.UPSTREAM_ERROR


async def test_a_unix_socket(room: Room, mariadb_server: Server) -> None:
    values = dict(mariadb_server)
    person = room.open("mysql", **values | {"hostname": values.pop("socket")})
    await person.sees("mysql mysql>")


@pytest.mark.parametrize(
    ("tls", "cipher"),
    [("disable", False), ("prefer", True), ("require", True), ("verify-ca", True),
     ("verify-full", True)],
)  # fmt: skip
async def test_encryption(
    room: Room, server: Server, authority: Authority, tls: str, cipher: bool
) -> None:
    ca = authority.certificate if tls.startswith("verify") else ""
    person = room.open("mysql", **server, tls=tls, tls_ca=ca)
    await person.sees("mysql mysql>")
    await person.knows("help_topic")
    person.type("show status like 'Ssl_cipher';\n")
    await person.sees("(1 row)")
    assert ("TLS_" in person.text) is cipher


@pytest.mark.parametrize("tls", ["prefer", "require", "verify-ca", "verify-full"])
async def test_a_certificate_that_nobody_trusts(room: Room, server: Server, tls: str) -> None:
    ca = Authority().certificate
    message, status = await room.open("mysql", **server, tls=tls, tls_ca=ca).fails()
    assert int(status) == Status.UPSTREAM_ERROR
    assert f"tls={tls} are incompatible" in message
    assert "certificate verify failed" in message


async def test_authorities_are_asked_wherever_they_are_named(
    room: Room, server: Server, authority: Authority
) -> None:
    person = room.open("mysql", **server, tls="require", tls_ca=authority.certificate)
    await person.sees("mysql mysql>")
    message, status = await room.open("mysql", **server, tls="verify-ca").fails()
    assert int(status) == Status.CLIENT_BAD_REQUEST
    assert "tls-ca" in message
    message, status = await room.open("mysql", **server, tls="verify-full").fails()
    assert int(status) == Status.UPSTREAM_ERROR
    assert "certificate verify failed" in message
    message, status = await room.open("mysql", **server, tls="require", tls_ca="none").fails()
    assert int(status) == Status.CLIENT_BAD_REQUEST
    assert "no PEM certificate" in message


async def test_a_certificate_of_another_host(
    room: Room, server: Server, authority: Authority
) -> None:
    elsewhere = server | {"hostname": "127.0.0.2", "tls_ca": authority.certificate}
    message, status = await room.open("mysql", **elsewhere, tls="verify-full").fails()
    assert int(status) == Status.UPSTREAM_ERROR
    assert "127.0.0.2" in message
    person = room.open("mysql", **elsewhere, tls="verify-ca")
    await person.sees("mysql mysql>")


async def test_a_server_without_encryption(room: Room) -> None:
    with mariadb() as plain:
        values = {name: text for name, text in plain.items() if name != "socket"}
        person = room.open("mysql", **values)
        await person.sees("mysql mysql>")
        await person.knows("help_topic")
        known = {"tls": "prefer", "tls_ca": Authority().certificate}
        await room.open("mysql", **values, **known).sees("mysql mysql>")
        message, status = await room.open("mysql", **values, tls="require").fails()
        assert int(status) == Status.UPSTREAM_ERROR
        assert "has no encryption, which parameter tls=require asks for" in message


async def test_a_database_is_chosen_without_a_semicolon(person: Person) -> None:
    person.type("use information_schema\n")
    await person.sees("mysql information_schema>")


async def test_the_encoding_stays(person: Person) -> None:
    person.type("set names latin1;\n")
    await person.sees("this console speaks utf8mb4, and keeps to it")
    person.type(
        "select convert(x'C3A9' using utf8mb4) as a, convert(x'E282AC' using utf8mb4) as b;\n"
    )
    await person.sees(" é │ €")
