"""Reads values through an adapter, to be compared with what the database's client prints."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from handlers.database.adapter import Adapter, Rows
from handlers.database.console.table import NULL

SEPARATOR = "\x1f"
"""Stands between values where a client prints many, and in none of them."""


async def shown(adapter: Adapter, password: str, statements: Iterable[str]) -> list[str]:
    """The values of the only row that these statements give, as a console has them."""
    await adapter.connect(password)
    try:
        rows = [
            row
            for statement in statements
            async for event in adapter.execute(statement)
            if isinstance(event, Rows)
            for row in event.rows
        ]
    finally:
        await adapter.close()
    [values] = rows
    return [NULL if value is None else value for value in values]


def printed(command: Sequence[str | Path], separator: str = SEPARATOR) -> list[str]:
    """The values that a client prints, which was told to print one row and no more than that."""
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().removesuffix("\n").split(separator)
