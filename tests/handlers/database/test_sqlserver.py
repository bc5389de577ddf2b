"""What of SQL Server's console can be shown without a server, of which none can be had here."""

from __future__ import annotations

import datetime
import sys
import uuid
from decimal import Decimal

import pytest
from pytds import ProgrammingError

from guacr.protocol.status import Status
from handlers.database.adapters.sqlserver import error_text, text_of
from tests.handlers.database.people import Room, host

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
        assert int(status) == Status.UPSTREAM_TIMEOUT
    async with host(lambda _, writer: writer.close()) as closing:
        message, status = await room.open("sqlserver", **closing, **LOGIN).fails()
        assert "check port and tls" in message
        assert int(status) == Status.UPSTREAM_ERROR
    async with host(lambda _, writer: writer.write(b"SSH-2.0-OpenSSH\r\n")) as other:
        message, status = await room.open("sqlserver", **other, **LOGIN).fails()
        assert int(status) in (Status.UPSTREAM_ERROR, Status.UPSTREAM_TIMEOUT)
    assert "hush" not in message


async def test_a_missing_library_is_named(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "handlers.database.adapters.sqlserver", raising=False)
    monkeypatch.setitem(sys.modules, "pytds", None)
    message, status = await room.open("sqlserver", hostname="127.0.0.1").fails()
    assert message.endswith("install guacr[databases]")
    assert int(status) == Status.RESOURCE_NOT_FOUND
