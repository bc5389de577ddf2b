"""Files and sockets that clients may name, and what they are told of the others."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from guacr.errors import ForbiddenError
from guacr.session.origin import ANYONE, Origin
from guacr.settings.models import DatabaseSettings
from handlers.database.local_places import check
from handlers.database.params import MysqlParams, PostgresqlParams, RedisParams, SqliteParams

OPERATOR = Origin(trusted=frozenset({"database", "hostname"}))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory that is allowed, beside a file that is not."""
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    for path in (allowed / "shop.db", tmp_path / "secret.db"):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("create table t (a)")
    (allowed / "link.db").symlink_to(tmp_path / "secret.db")
    (allowed / "loop").symlink_to(allowed / "loop")
    return allowed


def refusal(database: str, settings: DatabaseSettings) -> str:
    with pytest.raises(ForbiddenError) as caught:
        check(SqliteParams(database=database), ANYONE, settings)
    return str(caught.value)


def test_nothing_but_memory_is_allowed_by_default(directory: Path) -> None:
    for database in ("", ":sample:"):
        check(SqliteParams(database=database), ANYONE, DatabaseSettings())
    refusal(str(directory / "shop.db"), DatabaseSettings())


def test_files_in_listed_directories(directory: Path) -> None:
    settings = DatabaseSettings(directories=(directory,))
    check(SqliteParams(database=str(directory / "shop.db")), ANYONE, settings)
    answers = {
        refusal(database, settings)
        for database in (
            str(directory.parent / "secret.db"),
            str(directory / ".." / "secret.db"),
            str(directory / "link.db"),
            f"{directory}-other/shop.db",
            str(directory.parent / "missing.db"),
            "/root/missing/too.db",
            "shop.db",
            f"file:{directory}/shop.db",
            "nul\0l",
            str(directory / "loop"),
        )
    }
    assert len(answers) == 1, "nothing tells which paths exist"


def test_an_operator_names_any(directory: Path) -> None:
    check(SqliteParams(database=str(directory / "shop.db")), OPERATOR, DatabaseSettings())
    check(MysqlParams(hostname="/run/mysql.sock"), OPERATOR, DatabaseSettings())


@pytest.mark.parametrize("params", [PostgresqlParams, MysqlParams, RedisParams])
@pytest.mark.parametrize("hostname", ["/run/db", "@abstract", "db.example,/run/db", " /run/db"])
def test_sockets_have_to_be_listed(params: type[PostgresqlParams], hostname: str) -> None:
    with pytest.raises(ForbiddenError, match=r"databases\.unix_sockets"):
        check(params(hostname=hostname), ANYONE, DatabaseSettings())
    check(params(hostname="db.example"), ANYONE, DatabaseSettings())


def test_listed_sockets(tmp_path: Path) -> None:
    settings = DatabaseSettings(unix_sockets=(tmp_path,))
    check(MysqlParams(hostname=str(tmp_path / "mysql.sock")), ANYONE, settings)
    with pytest.raises(ForbiddenError):
        check(MysqlParams(hostname=str(tmp_path.parent)), ANYONE, settings)
