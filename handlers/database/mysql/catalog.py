"""Listings and table descriptions from the information schema of MySQL and MariaDB."""

from __future__ import annotations

from collections.abc import Mapping

from handlers.database.listing import Listing, name_parts, readable

_DIVIDED = "CONCAT(ROUND({} / {}), ' {}')"
_SCHEMAS = """SELECT schema_name AS "Name", default_character_set_name AS "Character set",
default_collation_name AS "Collation"{more}
FROM information_schema.schemata s WHERE 1 = 1{matching} ORDER BY 1"""
_SIZE_OF_SCHEMA = (
    "(SELECT SUM(data_length + index_length) FROM information_schema.tables t "
    "WHERE t.table_schema = s.schema_name)"
)
_TABLES = """SELECT table_name AS "Name", LOWER(table_type) AS "Type",
table_rows AS "Rows, about"{more} FROM information_schema.tables
WHERE table_type LIKE 'KIND'{matching} ORDER BY 1"""
_INDEXES = """SELECT table_name AS "Table", index_name AS "Name",
CASE non_unique WHEN 0 THEN 'unique' ELSE '' END AS "Unique",
GROUP_CONCAT(COALESCE(column_name, '(expression)') ORDER BY seq_in_index SEPARATOR ', ')
AS "Columns"{more} FROM information_schema.statistics
WHERE 1 = 1{matching} GROUP BY table_name, index_name, non_unique ORDER BY 1, 2"""
_ROUTINES = """SELECT routine_name AS "Name", LOWER(routine_type) AS "Type",
dtd_identifier AS "Result"{more} FROM information_schema.routines
WHERE 1 = 1{matching} ORDER BY 1"""
_USERS = """SELECT user AS "User", host AS "Host"{more} FROM mysql.user
WHERE 1 = 1{matching} ORDER BY 1, 2"""


def _schemas(about: str) -> Listing:
    size = readable(_SIZE_OF_SCHEMA, _DIVIDED)
    return Listing(about, _SCHEMAS, f', {size} AS "Size"', name="schema_name")


def _tables(about: str, kind: str) -> Listing:
    size = readable("(data_length + index_length)", _DIVIDED)
    return Listing(
        about,
        _TABLES.replace("KIND", kind),
        f', engine AS "Engine", {size} AS "Size", table_comment AS "Comment"',
        name="table_name",
        schema="table_schema",
        visible="table_schema = DATABASE()",
    )


LISTS: Mapping[str, Listing] = {
    "l": _schemas("databases"),
    "dn": _schemas("schemas, which are databases"),
    "d": _tables("tables and views", "%"),
    "dt": _tables("tables", "BASE TABLE"),
    "dv": _tables("views", "%VIEW"),
    "di": Listing(
        "indexes",
        _INDEXES,
        ', MAX(index_type) AS "Kind", MAX(cardinality) AS "Values, about"',
        name="index_name",
        schema="table_schema",
        visible="table_schema = DATABASE()",
    ),
    "df": Listing(
        "functions and procedures",
        _ROUTINES,
        ', definer AS "Definer", LOWER(security_type) AS "Rights of", created AS "Created", '
        'routine_comment AS "Comment"',
        name="routine_name",
        schema="routine_schema",
        visible="routine_schema = DATABASE()",
    ),
    "du": Listing("users", _USERS, ', plugin AS "Login by"', name="user"),
}


_MORE_COLUMNS = """SELECT column_name AS "Column", collation_name AS "Collation",
column_comment AS "Comment" FROM information_schema.columns
WHERE table_schema = DATABASE() AND (collation_name IS NOT NULL OR column_comment <> '')
ORDER BY ordinal_position"""


def describe(name: str, *, more: bool) -> list[str]:
    """The statements that describe a table. The first one fails if it does not exist, and covers
    temporary tables, which the information schema does not list."""
    parts = name_parts(name) or [""]
    quoted = ".".join("`" + part.replace("`", "``") + "`" for part in parts)
    indexes = LISTS["di"].statement(plus=more)
    others = [_MORE_COLUMNS, indexes, LISTS["d"].statement(plus=True)] if more else [indexes]
    named = _named(parts)
    return [
        f"SHOW COLUMNS FROM {quoted}",
        *(text.replace("table_schema = DATABASE()", named) for text in others),
    ]


def _named(parts: list[str]) -> str:
    """The condition for a table, by its name and possibly its database."""
    literals = ["'" + part.replace("\\", "\\\\").replace("'", "''") + "'" for part in parts]
    owner = literals[0] if len(parts) > 1 else "DATABASE()"
    return f"table_schema = {owner} AND table_name = {literals[-1]}"
