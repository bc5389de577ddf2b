"""The splitter against psql and mariadb, with texts that are the same every time."""

from __future__ import annotations

import pytest

from handlers.database.sql.statements import Dialect
from tests.fuzz import splitter
from tests.support.sql_servers import mariadb, postgresql

TEXTS = 20
"""Each starts a client."""


def test_statements_are_those_of_psql() -> None:
    with postgresql() as server:
        for settings, dialect in (
            ((), splitter.PSQL_DIALECT),
            ((splitter.ESCAPING,), splitter.ESCAPING_DIALECT),
        ):
            oracle = splitter.psql(server, *settings)
            splitter.compare(oracle, dialect, splitter.PSQL, count=TEXTS, seed=1)


def test_statements_are_those_of_mariadb() -> None:
    with mariadb() as server:
        for settings, dialect in (
            ((), splitter.MARIADB_DIALECT),
            ((splitter.UNESCAPING,), splitter.UNESCAPING_DIALECT),
        ):
            oracle = splitter.mariadb_client(server, *settings)
            splitter.compare(oracle, dialect, splitter.MARIADB, count=TEXTS, seed=1)


def test_a_difference_is_shown() -> None:
    with pytest.raises(AssertionError, match="client"):
        splitter.compare(lambda text: ["x"], Dialect(), [";"], count=1, seed=1)
