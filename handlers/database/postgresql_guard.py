"""What PostgreSQL is told around statements: to change nothing, and to undo what is given up."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from psycopg.pq import TransactionStatus

_QUERY = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:select|with|table|values)\b", re.I | re.S)
"""Statements that are looked at page by page, and control no transaction."""
_COMMITS = re.compile(r"(?!\s*(?:begin|start)\b).*\b(?:do|call)\b", re.I | re.S)
"""What statements have that may commit, and write in the transaction that begins then: only within
one that they may not end can they be held."""
_SAVEPOINT = "guacr"
_READ_ONLY = {
    TransactionStatus.IDLE: "default_transaction_read_only",
    TransactionStatus.INTRANS: "transaction_read_only",
}
"""What has the next statement change nothing."""


class Guard:
    """Guards one connection.

    Args:
        status: tells where the connection stands.
        tell: runs a statement on it, while nothing else runs there.
        read_only: whether statements may change nothing, whatever those before have set.
    """

    __slots__ = ("_enclosed", "_get_status", "_held", "_read_only", "_tell")

    def __init__(
        self,
        status: Callable[[], TransactionStatus],
        tell: Callable[[str], Awaitable[None]],
        *,
        read_only: bool,
    ) -> None:
        self._get_status = status
        self._tell = tell
        self._read_only = read_only
        self._enclosed = False
        self._held = False

    @property
    def _status(self) -> TransactionStatus:
        return self._get_status()

    async def before(self, statement: str) -> None:
        """Make ready for a statement. A query in a transaction gets a savepoint, since one that is
        cancelled fails the whole transaction.

        Raises:
            psycopg.Error: as for statements.
        """
        held, self._held = self._held, False
        open_ = self._status is TransactionStatus.INTRANS
        if held and open_:
            await self._tell(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        if self._read_only and (name := _READ_ONLY.get(self._status)):
            await self._tell(f"SET {name} = on")
            if not open_ and _COMMITS.match(statement):
                await self._tell("BEGIN")
                self._enclosed = True
        if open_ and _QUERY.match(statement):
            await self._tell(f"SAVEPOINT {_SAVEPOINT}")
            self._held = True

    async def after(self) -> None:
        """A statement has ended.

        Raises:
            psycopg.Error: as for statements.
        """
        enclosed, self._enclosed = self._enclosed, False
        if enclosed and self._status is not TransactionStatus.IDLE:
            await self._tell("COMMIT")

    async def undo(self) -> None:
        """A query was given up: have the transaction as it was before it.

        Raises:
            psycopg.Error: as for statements.
        """
        if self._held and self._status is TransactionStatus.INERROR:
            await self._tell(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
