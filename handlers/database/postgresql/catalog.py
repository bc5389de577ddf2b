"""Listings and table descriptions from PostgreSQL's catalogs, as in psql."""

from __future__ import annotations

from collections.abc import Mapping

from handlers.database.listing import Listing

_RELATIONS = """SELECT n.nspname AS "Schema", c.relname AS "Name",
CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table'
END AS "Type", pg_get_userbyid(c.relowner) AS "Owner"{more}
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN (KINDS){matching} ORDER BY 1, 2"""
_INDEXES = """SELECT n.nspname AS "Schema", c.relname AS "Name",
pg_get_userbyid(c.relowner) AS "Owner", t.relname AS "Table"{more}
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE true{matching} ORDER BY 1, 2"""
_DATABASES = """SELECT datname AS "Name", pg_get_userbyid(datdba) AS "Owner",
pg_encoding_to_char(encoding) AS "Encoding", datcollate AS "Collate"{more}
FROM pg_catalog.pg_database d WHERE true{matching} ORDER BY 1"""
_SCHEMAS = """SELECT nspname AS "Name", pg_get_userbyid(nspowner) AS "Owner"{more}
FROM pg_catalog.pg_namespace n WHERE true{matching} ORDER BY 1"""
_FUNCTIONS = """SELECT n.nspname AS "Schema", p.proname AS "Name",
pg_get_function_result(p.oid) AS "Result", pg_get_function_arguments(p.oid) AS "Arguments"{more}
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE true{matching} ORDER BY 1, 2, 4"""
_ROLES = """SELECT rolname AS "Role", rolsuper AS "Superuser", rolcreatedb AS "Create DB",
rolcanlogin AS "Login"{more} FROM pg_catalog.pg_roles r WHERE true{matching} ORDER BY 1"""
_EXTENSIONS = """SELECT e.extname AS "Name", e.extversion AS "Version", n.nspname AS "Schema"{more}
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
WHERE true{matching} ORDER BY 1"""
_DEFINITIONS = """SELECT regexp_split_to_table(pg_get_functiondef(p.oid), E'\\n') AS "Definition"
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind IN ('f', 'p', 'w'){matching}"""
_PRIVILEGES = """SELECT n.nspname AS "Schema", c.relname AS "Name",
CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
ELSE 'table' END AS "Type", coalesce(array_to_string(c.relacl, ' '), '') AS "Privileges",
coalesce((SELECT string_agg(a.attname || ': ' || array_to_string(a.attacl, ' '), ', ')
FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL), '')
AS "Privileges of columns",
coalesce((SELECT string_agg(polname, ', ') FROM pg_catalog.pg_policy WHERE polrelid = c.oid), '')
AS "Policies"
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f'){matching} ORDER BY 1, 2"""
_TABLESPACES = """SELECT spcname AS "Name", pg_get_userbyid(spcowner) AS "Owner",
pg_tablespace_location(oid) AS "Location"{more}
FROM pg_catalog.pg_tablespace t WHERE true{matching} ORDER BY 1"""
_LANGUAGE = "SELECT lanname FROM pg_catalog.pg_language l WHERE l.oid = prolang"
_OWN = "n.nspname !~ '^pg_(catalog|toast)' AND n.nspname <> 'information_schema'"
_SIZE = ', pg_size_pretty(pg_table_size(c.oid)) AS "Size"'
_DESCRIPTION = ", coalesce(obj_description({}, '{}'), '') AS \"Description\""
_OF_RELATION = _DESCRIPTION.format("c.oid", "pg_class")
_ROWS = ', CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END AS "Rows, about"'


def _relations(about: str, kinds: str, more: str = _SIZE) -> Listing:
    return Listing(
        about,
        _RELATIONS.replace("KINDS", ", ".join(f"'{kind}'" for kind in kinds)),
        more + _OF_RELATION,
        name="c.relname",
        schema="n.nspname",
        own=_OWN,
        visible="pg_table_is_visible(c.oid)",
    )


_RIGHTS = Listing(
    "privileges",
    _PRIVILEGES,
    name="c.relname",
    schema="n.nspname",
    own=_OWN,
    visible="pg_table_is_visible(c.oid)",
)
LISTS: Mapping[str, Listing] = {
    "l": Listing(
        "databases",
        _DATABASES,
        ", CASE WHEN has_database_privilege(oid, 'CONNECT') "
        'THEN pg_size_pretty(pg_database_size(oid)) END AS "Size", '
        "coalesce(shobj_description(oid, 'pg_database'), '') AS \"Description\"",
        name="datname",
    ),
    "d": _relations("tables, views and sequences", "rpvmSf"),
    "dt": _relations("tables", "rp", _ROWS + _SIZE),
    "dv": _relations("views", "v", ""),
    "dm": _relations("materialized views", "m"),
    "ds": _relations("sequences", "S", ""),
    "di": Listing(
        "indexes",
        _INDEXES,
        _SIZE + _OF_RELATION,
        name="c.relname",
        schema="n.nspname",
        own=_OWN,
        visible="pg_table_is_visible(c.oid)",
    ),
    "dn": Listing(
        "schemas",
        _SCHEMAS,
        ", coalesce(array_to_string(nspacl, ' '), '') AS \"Privileges\""
        + _DESCRIPTION.format("oid", "pg_namespace"),
        name="nspname",
        own=_OWN,
    ),
    "df": Listing(
        "functions",
        _FUNCTIONS,
        ", CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END "
        f'AS "Volatility", ({_LANGUAGE}) AS "Language"' + _DESCRIPTION.format("p.oid", "pg_proc"),
        name="p.proname",
        schema="n.nspname",
        own=_OWN,
        visible="pg_function_is_visible(p.oid)",
    ),
    "du": Listing(
        "users and roles",
        _ROLES,
        ', rolreplication AS "Replication", rolbypassrls AS "Bypass RLS", '
        'rolconnlimit AS "Connections", '
        "coalesce(shobj_description(oid, 'pg_authid'), '') AS \"Description\"",
        name="rolname",
        own="rolname !~ '^pg_'",
    ),
    "db": Listing(
        "tablespaces",
        _TABLESPACES,
        ", CASE WHEN has_tablespace_privilege(oid, 'CREATE') "
        'THEN pg_size_pretty(pg_tablespace_size(oid)) END AS "Size"',
        name="spcname",
    ),
    "dp": _RIGHTS,
    "z": _RIGHTS,
    "sf": Listing(
        "definitions of functions",
        _DEFINITIONS,
        name="p.proname",
        schema="n.nspname",
        own=_OWN,
        visible="pg_function_is_visible(p.oid)",
    ),
    "dx": Listing(
        "extensions", _EXTENSIONS, _DESCRIPTION.format("e.oid", "pg_extension"), name="e.extname"
    ),
}

_COLUMNS = """SELECT a.attname AS "Column", format_type(a.atttypid, a.atttypmod) AS "Type",
CASE WHEN a.attnotnull THEN 'not null' ELSE '' END AS "Nullable",
coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS "Default"{more}
FROM pg_catalog.pg_attribute a
LEFT JOIN pg_catalog.pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
WHERE a.attrelid = {relation} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
_MORE_COLUMNS = """, CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external'
WHEN 'm' THEN 'main' ELSE 'extended' END AS "Storage",
coalesce(col_description(a.attrelid, a.attnum), '') AS "Description\""""
_ABOUT = (
    """SELECT pg_get_indexdef(indexrelid) AS "Indexes"
FROM pg_catalog.pg_index WHERE indrelid = {relation} ORDER BY 1""",
    """SELECT conname AS "Constraint", pg_get_constraintdef(oid) AS "Definition"
FROM pg_catalog.pg_constraint WHERE conrelid = {relation} AND contype <> 'n' ORDER BY 1""",
    """SELECT conrelid::regclass AS "Referenced by", pg_get_constraintdef(oid) AS "Definition"
FROM pg_catalog.pg_constraint WHERE confrelid = {relation} AND contype = 'f' ORDER BY 1""",
    """SELECT pg_get_triggerdef(oid) AS "Triggers"
FROM pg_catalog.pg_trigger WHERE tgrelid = {relation} AND NOT tgisinternal ORDER BY 1""",
)
_MORE_ABOUT = (
    """SELECT regexp_split_to_table(pg_get_viewdef({relation}, true), E'\\n') AS "View definition"
FROM pg_catalog.pg_class WHERE oid = {relation} AND relkind IN ('v', 'm')""",
    """SELECT pg_size_pretty(pg_table_size({relation})) AS "Size",
pg_size_pretty(pg_indexes_size({relation})) AS "Size of indexes"
FROM pg_catalog.pg_class WHERE oid = {relation} AND relkind IN ('r', 'm')""",
)


def describe(name: str, *, more: bool) -> list[str]:
    """The statements that describe a relation, by its name as in SQL."""
    relation = "'" + name.replace("'", "''") + "'::regclass"
    columns = _COLUMNS.replace("{more}", _MORE_COLUMNS if more else "")
    statements = [columns, *_ABOUT, *(_MORE_ABOUT if more else ())]
    return [statement.replace("{relation}", relation) for statement in statements]
