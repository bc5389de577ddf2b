"""Nothing of the daemon's own environment and home reaches a server that a client names."""

from __future__ import annotations

import asyncio
import os
import struct
from pathlib import Path

import pytest

from handlers.database.postgresql.ambient import forget_environment
from tests.handlers.database.people import Room, host
from tests.support.certificates import Authority

SECRETS = {
    "PGPASSWORD": "daemon-secret",
    "PGUSER": "daemon-user",
    "PGDATABASE": "daemon-database",
    "PGOPTIONS": "-c search_path=daemon",
    "PGHOSTADDR": "127.0.0.9",
    "PGSERVICE": "daemon-service",
    "PGTZ": "Pacific/Daemon",
    "MYSQL_PWD": "daemon-secret",
    "USER": "daemon-account",
    "LOGNAME": "daemon-account",
}


@pytest.fixture
def poisoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment and a home directory full of secrets."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".pgpass").write_text("*:*:*:*:daemon-secret\n")
    (tmp_path / ".pgpass").chmod(0o600)
    (tmp_path / ".my.cnf").write_text("[client]\nuser=daemon-account\npassword=daemon-secret\n")
    (tmp_path / ".pg_service.conf").write_text("[daemon-service]\npassword=daemon-secret\n")
    (tmp_path / ".postgresql").mkdir()
    authority = Authority()
    certificate = authority.issue("daemon-account")
    (tmp_path / ".postgresql" / "postgresql.crt").write_text(certificate.certificate)
    (tmp_path / ".postgresql" / "postgresql.key").write_text(certificate.key)
    (tmp_path / ".postgresql" / "postgresql.key").chmod(0o600)
    forget_environment()


class Listener:
    """A server that keeps what it is sent, and wants a password."""

    def __init__(self, *answers: bytes, greeting: bytes = b"") -> None:
        self._greeting = greeting
        self.heard = bytearray()
        self._answers = list(answers)

    def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._task = asyncio.ensure_future(self._listen(reader, writer))

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._greeting)
        while data := await reader.read(65536):
            self.heard += data
            if self._answers:
                writer.write(self._answers.pop(0))


NO_TLS, WANTS_PASSWORD = b"N", struct.pack("!cII", b"R", 8, 3)


@pytest.mark.usefixtures("poisoned")
async def test_postgresql(room: Room) -> None:
    listener = Listener(NO_TLS, WANTS_PASSWORD)
    async with host(listener) as place:
        person = room.open("postgresql", username="alice", **place)
        await person.sees("Password:")
    assert b"alice" in listener.heard
    assert b"aemon" not in listener.heard


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("protocol", ["postgresql", "mysql"])
async def test_a_missing_name_is_asked_for(room: Room, protocol: str) -> None:
    listener = Listener(NO_TLS)
    async with host(listener) as place:
        person = room.open(protocol, **place)
        await person.sees("Username:")
        assert listener.heard == b""


def test_the_environment_is_forgotten_at_the_start() -> None:
    forget_environment()
    assert [name for name in os.environ if name.startswith("PG")] == []


MYSQL_GREETING = (
    b"\x49\0\0\0\x0a8.0.0\0\1\0\0\x0012345678\0\xff\xf7\x21\2\0\x0f\0\x15" + bytes(10)
    + b"123456789012\0mysql_native_password\0"
)  # fmt: skip
TDS_WITHOUT_TLS = (
    b"\4\1\0\x1a\0\0\1\0" + b"\0\0\x0b\0\6\1\0\x11\0\1\xff" + b"\x10\0\0\0\0\0" + b"\2"
)


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize(
    ("protocol", "answers", "bytes_told"),
    [("mysql", [], 50), ("sqlserver", [TDS_WITHOUT_TLS], 150), ("oracle", [], 50),
     ("mongodb", [], 50), ("redis", [], 10)],
)  # fmt: skip
async def test_other_servers(
    room: Room,
    protocol: str,
    answers: list[bytes],
    bytes_told: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TNS_ADMIN", str(tmp_path))
    monkeypatch.setattr("socket.gethostname", lambda: "daemon-host")
    listener = Listener(*answers, greeting=MYSQL_GREETING if protocol == "mysql" else b"")
    async with host(listener) as place:
        person = room.open(protocol, username="alice", password="hush", tls="disable", **place)
        await person.waits(lambda: len(listener.heard) >= bytes_told)
    assert b"aemon" not in listener.heard.replace(b"\0", b"")
