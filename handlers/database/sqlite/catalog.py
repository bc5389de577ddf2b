"""Listings and table descriptions from SQLite's schema tables and pragmas."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing

from handlers.database.listing import Listing, name_parts, readable

_DIVIDED = "(({0} + {1} / 2) / {1}) || ' {2}'"
_SCHEMAS = """SELECT name AS "Name", file AS "File"{more} FROM pragma_database_list
WHERE true{matching}"""
_PAGES = (
    "((SELECT page_count FROM pragma_page_count(name)) "
    "* (SELECT page_size FROM pragma_page_size(name)))"
)
_ITEMS = """SELECT name AS "Name", type AS "Type"{columns}{more} FROM sqlite_master AS m
WHERE type IN (KINDS) AND name NOT LIKE 'sqlite!_%' ESCAPE '!'{matching} ORDER BY 1"""
_FUNCTIONS = """SELECT DISTINCT name AS "Name"{more} FROM pragma_function_list
WHERE true{matching} ORDER BY 1"""
_SIZE = "(SELECT sum(pgsize) FROM dbstat WHERE name = m.name)"


def _has_sizes() -> bool:
    """Return whether this build of SQLite can determine the size of a table."""
    with closing(sqlite3.connect(":memory:")) as connection:
        return ("ENABLE_DBSTAT_VTAB",) in connection.execute("PRAGMA compile_options").fetchall()


def _schemas(about: str) -> Listing:
    return Listing(about, _SCHEMAS, f', {readable(_PAGES, _DIVIDED)} AS "Size"', name="name")


def _items(about: str, kinds: str, columns: str = "") -> Listing:
    select = _ITEMS.replace("KINDS", kinds).replace("{columns}", columns)
    sized = kinds != "'view'"
    more = f', {readable(_SIZE, _DIVIDED)} AS "Size"' if sized and _has_sizes() else ""
    return Listing(about, select, more, name="name")


LISTS: Mapping[str, Listing] = {
    "l": _schemas("databases of this connection"),
    "dn": _schemas("schemas, which are these databases"),
    "d": _items("tables and views", "'table', 'view'"),
    "dt": _items("tables", "'table'"),
    "dv": _items("views", "'view'"),
    "di": _items("indexes", "'index'", ', tbl_name AS "Table"'),
    "df": Listing(
        "functions",
        _FUNCTIONS,
        ", CASE type WHEN 's' THEN 'scalar' WHEN 'a' THEN 'aggregate' ELSE 'window' END "
        'AS "Type", CASE WHEN narg >= 0 THEN narg END AS "Arguments"',
        name="name",
    ),
}

_COLUMNS = """SELECT name AS "Column", type AS "Type",
CASE WHEN "notnull" THEN 'not null' ELSE '' END AS "Nullable",
coalesce(dflt_value, '') AS "Default",
CASE WHEN pk THEN 'primary key' ELSE '' END AS "Key" FROM pragma_table_info({name}{of})"""
_INDEXES = """SELECT name AS "Index", CASE "unique" WHEN 1 THEN 'unique' ELSE '' END AS "Unique",
(SELECT group_concat(coalesce(i.name, '(expression)'), ', ') FROM pragma_index_info(l.name{of}) i)
AS "Columns" FROM pragma_index_list({name}{of}) l"""
_REFERENCES = """SELECT "from" AS "Column", "table" || coalesce(' (' || "to" || ')', '')
AS "References" FROM pragma_foreign_key_list({name}{of})"""
_TRIGGERS = """SELECT name AS "Triggers" FROM {schema}sqlite_master
WHERE type = 'trigger' AND tbl_name = {name} COLLATE nocase"""
_DEFINITION = """WITH RECURSIVE line(text, rest) AS (
SELECT NULL, sql || char(10) FROM {schema}sqlite_master WHERE name = {name} COLLATE nocase UNION ALL
SELECT substr(rest, 1, instr(rest, char(10)) - 1), substr(rest, instr(rest, char(10)) + 1)
FROM line WHERE rest <> '') SELECT text AS "Definition" FROM line WHERE text IS NOT NULL"""


def describe(name: str, *, more: bool) -> list[str]:
    """The statements that describe a table, whose schema may precede a dot."""
    *schemas, table = name_parts(name) or [""]
    place = {"name": _literal(table), "schema": "", "of": ""}
    if schemas:
        owner = schemas[-1].replace('"', '""')
        place |= {"schema": f'"{owner}".', "of": f", {_literal(schemas[-1])}"}
    statements = [_COLUMNS, _INDEXES, _REFERENCES, _TRIGGERS, *([_DEFINITION] if more else [])]
    return [statement.format(**place) for statement in statements]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
