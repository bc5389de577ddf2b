"""Completion of statements, from their words and the names of the database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

FUNCTIONS_MAX = 20_000
TABLES_MAX = 10_000
COLUMNS_MAX = 100
"""Maximum functions and tables of a database, and columns of a table, for completion."""
NAMES_AT_ONCE = 500
"""Names that are fetched at a time, if not all at once."""
WEIGHT_MAX = 32 << 20
"""Maximum characters of all table and column names, plus `NAME_WEIGHT` for each."""
NAME_WEIGHT = 64
SHOWN_MAX = 200
"""Maximum completions that are offered."""
_TABLE_AFTER = re.compile(
    r"\b(?:from|join|into|update|table|describe|\\d[\w+]*)\s+(?:[\w$.\"`]++\s*+,\s*+)*+$", re.I
)
_TABLES = re.compile(
    r"\b(?:from|join|into|update)\s+[\"`]?([\w$.]+)[\"`]?(?:\s+(?:as\s+)?(\w+))?", re.I
)
_QUALIFIED = re.compile(r"(?<![\w$])([\w$]+)\.$")


@dataclass(frozen=True, slots=True)
class Schema:
    """Names for completion."""

    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns by table."""
    functions: tuple[str, ...] = ()

    @property
    def remark(self) -> str:
        """The message about omitted names; empty if there are none."""
        if len(self.tables) < TABLES_MAX:
            return ""
        return f"completion knows the first {TABLES_MAX} tables of this database"


class Names:
    """Collects names of tables and columns, with a limit on what a server sends."""

    __slots__ = ("_found", "_weight")

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}
        self._weight = 0

    def add(self, rows: Iterable[tuple[str, str]]) -> bool:
        """Add tables and columns; return whether there were any and there is room for more."""
        given = False
        for table, column in rows:
            given = True
            self._weight += len(table) + len(column) + NAME_WEIGHT
            is_new = table not in self._found
            if self._weight > WEIGHT_MAX or (is_new and len(self._found) >= TABLES_MAX):
                return False
            columns = self._found.setdefault(table, [])
            if len(columns) < COLUMNS_MAX:
                columns.append(column)
        return given

    def schema(self, functions: Iterable[str] = ()) -> Schema:
        """The collected names."""
        tables = {name: tuple(columns) for name, columns in self._found.items()}
        return Schema(tables, tuple(functions))


class Suggestions:
    """Keywords, tables, columns and functions; `schema` may be replaced at any time."""

    __slots__ = ("_keywords", "schema")

    def __init__(self, keywords: Iterable[str]) -> None:
        self._keywords = tuple(keywords)
        self.schema = Schema()

    def __call__(self, before: str, word: str) -> list[tuple[str, str]]:
        """Return completions with descriptions; `before` is the text before the word."""
        found: dict[str, str] = {}
        beginning = word.casefold()
        for text, kind in self._candidates(before, word):
            if text.casefold().startswith(beginning) and text != word:
                found.setdefault(text, kind)
                if len(found) >= SHOWN_MAX:
                    break
        return list(found.items())

    def _candidates(self, before: str, word: str) -> Iterator[tuple[str, str]]:
        tables = self.schema.tables
        used = {m[2] or m[1]: m[1] for m in _TABLES.finditer(before)}
        used |= {name: name for name in used.values()}
        if owner := _QUALIFIED.search(before):
            columns = tables.get(used.get(owner[1], owner[1]), ())
            yield from ((column, "column") for column in columns)
            return
        if _TABLE_AFTER.search(before):
            yield from ((table, "table") for table in tables)
            return
        if not word:
            return
        for table in dict.fromkeys(used.values()):
            yield from ((column, table) for column in tables.get(table, ()))
        typed_small = word.islower()
        for keyword in self._keywords:
            yield keyword.lower() if typed_small else keyword, "keyword"
        yield from ((table, "table") for table in tables)
        yield from ((name, "function") for name in self.schema.functions)
        if not used:
            for table, columns in tables.items():
                yield from ((column, table) for column in columns)


_WORDS = """
    SELECT FROM WHERE GROUP BY ORDER HAVING LIMIT OFFSET JOIN LEFT RIGHT INNER OUTER CROSS ON
    USING AS AND OR NOT IN IS NULL LIKE BETWEEN EXISTS CASE WHEN THEN ELSE END DISTINCT ALL
    UNION INTERSECT EXCEPT WITH RECURSIVE INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE VIEW
    INDEX UNIQUE PRIMARY KEY FOREIGN REFERENCES DEFAULT CHECK CONSTRAINT ALTER ADD DROP COLUMN
    RENAME TO BEGIN COMMIT ROLLBACK SAVEPOINT EXPLAIN ANALYZE COUNT SUM AVG MIN MAX COALESCE
    CAST ASC DESC TRUE FALSE IF TRIGGER DATABASE SCHEMA GRANT REVOKE
"""
SQL_KEYWORDS = tuple(_WORDS.split())
