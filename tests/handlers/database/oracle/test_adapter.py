"""The parts of Oracle's console that can be tested without a server; none is available here."""

from __future__ import annotations

import array
import asyncio
import datetime
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import oracledb
import pytest
from oracledb import errors

from guacr.protocol.status import Status
from handlers.database.adapter import LostError, StatementError
from handlers.database.oracle.adapter import OracleAdapter, text_of
from handlers.database.oracle.errors import error_text, login_error
from handlers.database.oracle.text import affected, position
from handlers.database.params import OracleParams
from tests.handlers.database.people import Room, host
from tests.support.certificates import Authority

LOGIN = {"username": "scott", "password": "hush", "database": "FREEPDB1", "timeout": "1"}
MINUTE = datetime.datetime.fromisoformat("2024-02-29T12:30:00.120")
DATE, TIMESTAMP = oracledb.DB_TYPE_DATE, oracledb.DB_TYPE_TIMESTAMP


@pytest.mark.parametrize(
    ("value", "kind", "scale", "text"),
    [
        (None, None, None, None),
        ("1.10", oracledb.DB_TYPE_NUMBER, 2, "1.10"),
        (MINUTE, DATE, None, "29-FEB-24"),
        (MINUTE, TIMESTAMP, 6, "29-FEB-24 12.30.00.120000 PM"),
        (MINUTE, TIMESTAMP, 9, "29-FEB-24 12.30.00.120000 PM"),
        (MINUTE, TIMESTAMP, 0, "29-FEB-24 12.30.00 PM"),
        (MINUTE.replace(hour=0), TIMESTAMP, 3, "29-FEB-24 12.30.00.120 AM"),
        (
            MINUTE.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-3))),
            oracledb.DB_TYPE_TIMESTAMP_TZ, 1, "29-FEB-24 12.30.00.1 PM -03:00",
        ),
        (datetime.timedelta(days=1, hours=2, microseconds=5), None, None, "+01 02:00:00.000005"),
        (-datetime.timedelta(seconds=61), None, None, "-00 00:01:01.000000"),
        (oracledb.IntervalYM(1, 2), None, None, "+01-02"),
        (oracledb.IntervalYM(-1, -2), None, None, "-01-02"),
        (b"\xde\xad", oracledb.DB_TYPE_RAW, None, "DEAD"),
        (True, oracledb.DB_TYPE_BOOLEAN, None, "TRUE"),
        (0.1, oracledb.DB_TYPE_BINARY_DOUBLE, None, "0.1"),
        (math.nan, oracledb.DB_TYPE_BINARY_DOUBLE, None, "NaN"),
        (-math.inf, oracledb.DB_TYPE_BINARY_DOUBLE, None, "-Infinity"),
        ({"a": [1, None, MINUTE]}, None, None, '{"a": [1, null, "2024-02-29T12:30:00.120000"]}'),
        (array.array("f", [1.5, 2]), oracledb.DB_TYPE_VECTOR, None, "[1.5,2.0]"),
    ],
)  # fmt: skip
def test_values_look_as_in_sqlplus(value: object, kind: Any, scale: int, text: str | None) -> None:
    column: Any = SimpleNamespace(type_code=kind, precision=None, scale=scale)
    assert text_of(value, column) == text


def failure(message: str, code: int = 0, offset: int = 0) -> Exception:
    """An error as the library makes it of the server's."""
    made = errors._Error(message, code=code, offset=offset)
    raised: Exception = made.exc_type(made)
    return raised


@pytest.mark.parametrize(
    ("message", "code", "status", "part"),
    [
        ("ORA-01017: invalid username/password", 1017, Status.CLIENT_UNAUTHORIZED, "login of 'u':"),
        ("DPY-4001: no credentials specified", 0, Status.CLIENT_UNAUTHORIZED, "login of 'u':"),
        ("ORA-28000: The account is locked.", 28000, Status.CLIENT_UNAUTHORIZED, "is locked"),
        ("DPY-6001: Service is not registered", 0, Status.RESOURCE_NOT_FOUND, "no service 'S'"),
        ("ORA-01034: not available", 1034, Status.UPSTREAM_UNAVAILABLE, "no logins now"),
        ("DPY-3010: too old", 0, Status.UPSTREAM_ERROR, "12.1"),
    ],
)
def test_refused_logins_are_told_apart(message: str, code: int, status: Status, part: str) -> None:
    told = login_error(failure(message, code), OracleParams(hostname="h", username="u"), "S")
    assert part in str(told)
    assert told.status == status


def test_errors_are_the_servers_lines() -> None:
    text = "ORA-00942: table or view does not exist"
    raised = failure(text, 942, 14)
    assert "Help: https://" in str(raised)
    assert error_text(raised) == text
    told = OracleAdapter(OracleParams())._failed(raised, "select * from nowhere")
    assert isinstance(told, StatementError)
    assert told.position == 15
    lost = failure("ORA-03113: end-of-file on communication channel", 3113)
    assert isinstance(OracleAdapter(OracleParams())._failed(lost, ""), LostError)
    slow = failure("DPY-4024: call timeout of 1000 ms exceeded")
    assert "no answer came" in str(OracleAdapter(OracleParams())._failed(slow, ""))
    assert position("select é x", 10) == 10
    assert position("select x", 0) == 0


def test_what_is_said_of_statements_without_rows() -> None:
    assert affected(["insert", "into"], 1, block=False) == "1 row created."
    assert affected(["delete", "t"], 2, block=False) == "2 rows deleted."
    assert affected(["commit"], 0, block=False) == "Commit complete."
    assert affected(["begin"], 0, block=True) == "PL/SQL procedure successfully completed."


async def test_hosts_that_do_not_speak_the_protocol_are_told(room: Room) -> None:
    _, status = await room.open("oracle", hostname="127.0.0.1", port="1", **LOGIN).fails()
    assert int(status) == Status.UPSTREAM_UNAVAILABLE
    async with (
        host(lambda _, writer: None) as silent,
        host(lambda _, writer: writer.close()) as closing,
        host(lambda _, writer: writer.write(b"SSH-2.0-OpenSSH\r\n")) as other,
    ):
        answers = await asyncio.gather(
            room.open("oracle", **silent, **LOGIN).fails(),
            room.open("oracle", **closing, **LOGIN).fails(),
            room.open("oracle", **other, **LOGIN).fails(),
            room.open("oracle", **other, **LOGIN, tls="require").fails(),
        )
    messages, statuses = zip(*answers, strict=True)
    assert int(statuses[0]) == Status.UPSTREAM_TIMEOUT
    assert int(statuses[1]) == Status.UPSTREAM_ERROR
    assert "check port and tls" in messages[1]
    assert int(statuses[2]) in (Status.UPSTREAM_ERROR, Status.UPSTREAM_TIMEOUT)
    assert "does not speak TLS" in messages[3]
    assert "hush" not in " ".join(messages)


async def test_certificates_are_checked(room: Room, tmp_path: Path) -> None:
    """A server that closes after the handshake: what is said shows how far it came."""
    authority = Authority()
    context = authority.server_context(tmp_path)
    async with host(lambda _, writer: writer.close(), context) as values:
        message, _ = await room.open("oracle", **values, **LOGIN, tls="verify-full").fails()
        assert "is not trusted" in message
        unknown = {"tls": "require", "tls_ca": Authority().certificate}
        message, _ = await room.open("oracle", **values, **LOGIN, **unknown).fails()
        assert "is not trusted" in message
        known = {"tls": "verify-full", "tls_ca": authority.certificate}
        message, _ = await room.open("oracle", **values, **LOGIN, **known).fails()
        assert "not trusted" not in message


async def test_sessions_that_may_only_read_take_no_changes() -> None:
    adapter = OracleAdapter(OracleParams(read_only_session=True))
    adapter._connection = object()  # type: ignore[assignment]
    for statement in ("delete from t", "begin null; end;", "/* select */ drop table t", "commit"):
        with pytest.raises(StatementError, match="may only read"):
            await anext(aiter(adapter.execute(statement)))


async def test_unknown_hosts_and_empty_ones(room: Room) -> None:
    _, status = await room.open("oracle", hostname="nowhere.invalid", **LOGIN).fails()
    assert int(status) == Status.UPSTREAM_NOT_FOUND
    message, _ = await room.open("oracle", **LOGIN).fails()
    assert "hostname is empty" in message


async def test_a_missing_library_is_named(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "handlers.database.oracle.adapter", raising=False)
    monkeypatch.setitem(sys.modules, "oracledb", None)
    message, status = await room.open("oracle", hostname="127.0.0.1").fails()
    assert message.endswith("install guacr[databases]")
    assert int(status) == Status.RESOURCE_NOT_FOUND
