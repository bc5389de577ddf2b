"""Guard PostgreSQL statements: keep sessions read-only, and undo abandoned queries."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from psycopg.pq import TransactionStatus

from handlers.database.sql.statements import LEADING

_QUERY = re.compile(rf"(?:{LEADING}\()*+{LEADING}(?:select|with|table|values)\b", re.I | re.S)
"""Matches queries, which may be paged and do not control transactions."""
_COMMITS = re.compile(r"(?!\s*(?:begin|start)\b).*\b(?:do|call)\b", re.I | re.S)
"""Matches statements that may commit, and write in the transaction that follows; they are only safe
inside a transaction that they cannot end."""
_SAVEPOINT = "guacr"
_READ_ONLY = {
    TransactionStatus.IDLE: "default_transaction_read_only",
    TransactionStatus.INTRANS: "transaction_read_only",
}
"""The settings that make the next statement read-only."""


class Guard:
    """Guards a connection.

    Args:
        status: returns the transaction status of the connection.
        tell: runs a statement on it while it is idle.
        read_only: whether statements must not change anything, whatever earlier ones have set.
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
        """Prepare for a statement. A query in a transaction gets a savepoint, because cancelling it
        would fail the whole transaction.

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
        """Clean up after a statement.

        Raises:
            psycopg.Error: as for statements.
        """
        enclosed, self._enclosed = self._enclosed, False
        if enclosed and self._status is not TransactionStatus.IDLE:
            await self._tell("COMMIT")

    async def undo(self) -> None:
        """Roll the transaction back to before an abandoned query.

        Raises:
            psycopg.Error: as for statements.
        """
        if self._held and self._status is TransactionStatus.INERROR:
            await self._tell(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
