"""PostgreSQL's console against a real server."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from guacr.protocol.status import Status
from tests.handlers.database.people import Person, Room, host
from tests.support.certificates import Authority
from tests.support.sql_servers import Server, postgresql
from tests.support.tcp_proxy import tcp_proxy


@pytest.fixture
def server(postgresql_server: Server) -> Server:
    return {name: text for name, text in postgresql_server.items() if name != "socket"}


@pytest.fixture
async def person(room: Room, server: Server) -> Person:
    person = room.open("postgres", **server)
    await person.sees("postgres=>")
    return person


async def test_values_look_as_in_psql(person: Person) -> None:
    person.type(
        "select 1.10::numeric, '1 day 02:03'::interval as i, array[1,null] as a, "
        "'\\xdead'::bytea as b, true as t, null as n;\n"
    )
    await person.sees("1.10 │ 1 day 02:03:00 │ {1,NULL} │ \\xdead │ t │ NULL", "(1 row)")


async def test_several_statements_notices_and_errors_with_their_place(person: Person) -> None:
    person.type("create temp table g (a int); insert into g values (1), (2); table g;\n")
    await person.sees("CREATE TABLE", "INSERT 0 2", "(2 rows)")
    person.type("do $$ begin raise notice 'hello; there'; end $$;\n")
    await person.sees("NOTICE:  hello; there")
    person.type("begin;\n")
    await person.sees("=*>")
    person.type("select nothing\nfrom g;\n")
    await person.sees('ERROR:  column "nothing" does not exist', "LINE 1: select nothing\n")
    assert "               ^" in person.text
    await person.sees("=!>")
    person.type("rollback;\n")
    await person.sees("ROLLBACK")


async def test_ten_million_rows_are_looked_at_and_left(person: Person) -> None:
    person.type("select i, 'row ' || i as name from generate_series(1, 10000000) i;\n")
    await person.sees("row 30", "so far")
    person.type("q")
    await person.sees("looked at; there are more")
    person.type("select 6 * 7 as answer;\n")
    await person.sees("42\n(1 row)")


async def test_ctrl_c_cancels_on_the_server(person: Person) -> None:
    person.type("select pg_sleep(100);\n")
    await person.runs()
    person.control("c")
    await person.sees("ERROR:  canceling statement due to user request")
    person.type("select 6 * 7 as answer;\n")
    await person.sees("42\n(1 row)")


async def test_what_runs_is_cancelled_when_the_person_leaves(
    room: Room, server: Server, person: Person
) -> None:
    other = room.open("postgres", **server)
    await other.sees("postgres=>")
    other.type("select pg_sleep(100) as left_behind;\n")
    await other.runs()
    other.transport.send("disconnect")
    await other.session.wait_closed()
    person.type(
        "select count(*) from pg_stat_activity where state = 'active' and query ~ 'left_[b]ehind'"
        " \\watch 0.1\n"
    )
    await person.sees("    0\n(1 row)")
    person.control("c")


async def test_the_encoding_stays(person: Person) -> None:
    person.type("set client_encoding = 'LATIN1';\n")
    await person.sees("SET\nthis console speaks UTF8, and keeps to it\npostgres=>")
    person.type("select chr(233) as a, chr(8364) as b;\n")
    await person.sees(" é │ €")


async def test_notifications_are_shown_with_what_is_run_next(
    room: Room, server: Server, person: Person
) -> None:
    person.type("listen news; notify news, 'first';\n")
    await person.sees('Asynchronous notification "news" with payload "first" received from')
    other = room.open("postgres", **server)
    await other.sees("postgres=>")
    other.type("notify news;\n")
    await other.sees("NOTIFY\n")
    person.type("select 1 as one;\n")
    await person.sees('(1 row)\nAsynchronous notification "news" received from')


async def test_a_query_that_is_given_up_leaves_the_transaction_open(
    room: Room, server: Server
) -> None:
    person = room.open("postgres", **server, max_rows="1000")
    await person.sees("postgres=>")
    person.type("begin; create temp table kept as select 40 as a; update kept set a = a + 2;\n")
    await person.sees("UPDATE 1")
    person.type("-- a remark\n(select generate_series(1, 100000000) as i);\n")
    await person.sees("so far")
    person.type("q")
    await person.sees("looked at; there are more")
    await person.waits(lambda: person.text.rstrip().endswith("\npostgres=*>"))
    person.type("select pg_sleep(100);\n")
    await person.runs()
    person.control("c")
    await person.sees("canceling statement due to user request")
    person.type("commit; table kept;\n")
    await person.sees("COMMIT", " 42\n(1 row)", "postgres=>")


async def test_a_query_that_fails_fails_the_transaction(person: Person) -> None:
    person.type("begin; select 1 / 0;\n")
    await person.sees("division by zero", "postgres=!>")


async def test_commands_and_another_database(person: Person) -> None:
    person.type("\\l\n")
    await person.sees("template1", "rows)")
    person.type("\\c template1\n")
    await person.sees("template1=>")
    person.type("\\c nowhere\n")
    await person.sees('database "nowhere" does not exist', "template1=>")
    person.type("create temp table zebra (stripes int primary key);\n")
    await person.sees("CREATE TABLE")
    person.type("\\d zebra\n")
    await person.sees("stripes │ integer │ not null", "PRIMARY KEY (stripes)")


async def test_a_connection_that_the_server_closes(person: Person) -> None:
    person.type("select pg_terminate_backend(pg_backend_pid());\n")
    await person.sees(
        "the connection is lost",
        "(not connected) postgres=> select pg_terminate_backend(pg_backend_pid());",
    )
    person.control("u")
    person.press(0xFF08)
    person.control("c")
    person.type("select 6 * 7 as answer;\n")
    await person.sees("42\n(1 row)")
    assert "(not connected)" not in person.lines[-1]


async def test_refusals_are_told(room: Room, server: Server) -> None:
    nowhere = server | {"database": "nowhere"}
    message, status = await room.open("postgresql", **nowhere).fails()
    assert 'database "nowhere" does not exist' in message
    assert int(status) == Status.RESOURCE_NOT_FOUND
    message, status = await room.open("postgresql", **server | {"port": "1"}).fails()
    assert "refuses connections" in message
    assert int(status) == Status.UPSTREAM_UNAVAILABLE


async def test_reading_only_and_a_time_limit(room: Room, server: Server) -> None:
    careful = room.open("postgres", **server, read_only_session="true", statement_timeout="1")
    await careful.sees("=>")
    careful.type("create table t (a int);\n")
    await careful.sees("cannot execute CREATE TABLE in a read-only transaction")
    careful.type("select pg_sleep(100);\n")
    await careful.sees("canceling statement due to statement timeout")


async def test_a_wrong_password_is_refused(room: Room, server: Server) -> None:
    message, status = await room.open("postgresql", **server | {"password": "secret"}).fails()
    assert int(status) == Status.CLIENT_UNAUTHORIZED
    assert "secret" not in message


async def test_a_server_whose_pg_hba_has_no_entry_is_told_so(room: Room) -> None:
    with postgresql() as server:
        login = {name: text for name, text in server.items() if name != "socket"}
        admin = room.open("postgres", **login)
        await admin.sees("postgres=>")
        entries = Path(server["socket"]) / "data/pg_hba.conf"
        entries.write_text("host postgres postgres 127.0.0.1/32 scram-sha-256\n")
        admin.type("select pg_reload_conf();\n")
        await admin.sees("(1 row)")
        admin.type("select count(*) as entries from pg_hba_file_rules;\n")
        await admin.sees("entries", "1\n(1 row)")
        message, status = await room.open("postgres", **login | {"username": "ann"}).fails()
    assert 'no pg_hba.conf entry for host "127.0.0.1", user "ann"' in message
    assert "its pg_hba.conf decides who may log in" in message
    assert "check user and password" not in message
    assert int(status) == Status.CLIENT_UNAUTHORIZED


@pytest.mark.holds_loop("it stands still")
async def test_a_daemon_that_stood_still_does_not_blame_the_server(
    room: Room, server: Server
) -> None:
    stops = [2.5]

    def stand_still(data: bytes) -> bytes:
        while stops:
            time.sleep(stops.pop())
        return data

    async with tcp_proxy(server["hostname"], int(server["port"])) as (proxy, port):
        proxy.garble(stand_still)
        place = {"hostname": "127.0.0.1", "port": str(port), "timeout": "2"}
        await room.open("postgres", **server | place).sees("postgres=>")
    assert not stops


async def test_hosts_that_are_no_database(room: Room) -> None:
    login = {"username": "somebody", "password": "hush", "timeout": "1"}
    async with (
        host(lambda _, writer: None) as silent,
        host(lambda _, writer: writer.close()) as closing,
        host(lambda _, writer: writer.write(b"SSH-2.0-OpenSSH\r\n" * 9)) as other,
    ):
        answers = await asyncio.gather(
            *(
                room.open("postgresql", **place, **login).fails()
                for place in (silent, closing, other)
            )
        )
    messages, statuses = zip(*answers, strict=True)
    assert "does not answer in time: check host and port" in messages[0]
    assert int(statuses[0]) == Status.UPSTREAM_TIMEOUT
    assert int(statuses[1]) == Status.UPSTREAM_ERROR
    assert int(statuses[2]) in (Status.UPSTREAM_ERROR, Status.UPSTREAM_TIMEOUT)
    assert "hush" not in " ".join(messages)
    for unknown in ("nowhere.invalid", "n" * 70):
        message, status = await room.open("postgresql", hostname=unknown, **login).fails()
        assert "is unknown" in message
        assert int(status) == Status.UPSTREAM_NOT_FOUND


async def test_a_unix_socket(room: Room, postgresql_server: Server) -> None:
    values = dict(postgresql_server)
    person = room.open("postgresql", **values | {"hostname": values.pop("socket")})
    await person.sees("postgres=>")


@pytest.mark.parametrize(
    ("tls", "encrypted"),
    [("disable", False), ("prefer", True), ("require", True), ("verify-ca", True),
     ("verify-full", True)],
)  # fmt: skip
async def test_encryption(
    room: Room, server: Server, authority: Authority, tls: str, encrypted: bool
) -> None:
    ca = authority.certificate if tls.startswith("verify") else ""
    person = room.open("postgresql", **server, tls=tls, tls_ca=ca)
    await person.sees("database postgres, encrypted." if encrypted else "database postgres.")


@pytest.mark.parametrize("tls", ["require", "verify-ca", "verify-full"])
async def test_a_certificate_that_nobody_trusts(room: Room, server: Server, tls: str) -> None:
    ca = Authority().certificate
    message, status = await room.open("postgresql", **server, tls=tls, tls_ca=ca).fails()
    assert int(status) == Status.UPSTREAM_ERROR
    assert f"tls={tls} are incompatible" in message


async def test_authorities_are_asked_wherever_they_are_named(
    room: Room, server: Server, authority: Authority
) -> None:
    person = room.open("postgresql", **server, tls="require", tls_ca=authority.certificate)
    await person.sees("database postgres, encrypted.")
    person = room.open("postgresql", **server, tls="prefer", tls_ca=Authority().certificate)
    await person.sees("database postgres.")


async def test_verification_needs_somebody_to_trust(room: Room, server: Server) -> None:
    message, status = await room.open("postgresql", **server, tls="verify-ca").fails()
    assert int(status) == Status.CLIENT_BAD_REQUEST
    assert "tls-ca" in message
    message, status = await room.open("postgresql", **server, tls="verify-full").fails()
    assert int(status) == Status.UPSTREAM_ERROR
    assert "certificate verify failed" in message


async def test_the_accounts_own_authorities_do_not_count(
    room: Room, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").write_text(Authority().certificate)
    monkeypatch.setenv("HOME", str(tmp_path))
    person = room.open("postgresql", **server, tls="require")
    await person.sees("database postgres, encrypted.")


async def test_a_certificate_of_another_host(
    room: Room, server: Server, authority: Authority
) -> None:
    elsewhere = server | {"hostname": "127.0.0.2", "tls_ca": authority.certificate}
    message, status = await room.open("postgresql", **elsewhere, tls="verify-full").fails()
    assert int(status) == Status.UPSTREAM_ERROR
    assert "127.0.0.2" in message
    person = room.open("postgresql", **elsewhere, tls="verify-ca")
    await person.sees("database postgres, encrypted.")


async def test_a_server_without_encryption(room: Room) -> None:
    with postgresql() as plain:
        values = {name: text for name, text in plain.items() if name != "socket"}
        person = room.open("postgresql", **values)
        await person.sees("database postgres.")
        message, status = await room.open("postgresql", **values, tls="require").fails()
        assert int(status) == Status.UPSTREAM_ERROR
        assert "tls" in message


async def test_privileges_tablespaces_and_definitions(person: Person) -> None:
    person.type("create table owned (a int, b int); grant select on owned to public;\n")
    person.type("grant update (b) on owned to public;\n")
    await person.waits(lambda: person.text.count("\nGRANT") == 2)
    person.type("\\z owned\n")
    await person.sees(" public │ owned │ table │ ", "=r/postgres", " b: =w/postgres")
    person.control("l")
    person.type("\\db\n")
    await person.sees(" pg_default │ postgres │\n")
    person.type("create function add_tax(x numeric) returns numeric language sql\n")
    person.type("as 'select x * 1.19';\n")
    await person.sees("CREATE FUNCTION")
    person.type("\\sf add_*\n")
    await person.sees("CREATE OR REPLACE FUNCTION public.add_tax(x numeric)", "select x * 1.19")


async def test_completion_counts_tables_and_not_their_columns(
    person: Person, server: Server
) -> None:
    person.type(
        "do $$ begin for n in 10..40 loop execute format('create table wide_%s (', n) || "
        "(select string_agg(format('c%s int', i), ', ') from generate_series(1, 1000) i) || ')'; "
        "end loop; end $$;\n"
    )
    await person.sees("DO")
    person.type("create table wide_last (a int);\n")
    await person.sees("CREATE TABLE")
    try:
        await person.knows("wide_last")
    finally:
        person.type(
            "do $$ begin for n in 10..40 loop execute 'drop table wide_' || n; end loop; end $$;\n"
        )
        person.type("drop table wide_last;\n")
        await person.sees("DROP TABLE")
