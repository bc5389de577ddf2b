"""MySQL's values are the texts that `mariadb --binary-as-hex` prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from handlers.database.console.table import NULL
from handlers.database.mysql.adapter import MysqlAdapter
from handlers.database.params import MysqlParams
from tests.handlers.database.values import SEPARATOR, printed, shown
from tests.support.require import require
from tests.support.sql_servers import Server

VALUES = (
    "null",
    "true",
    "''",
    "'  a  '",
    "'tab\\tand\\nline'",
    "'añb 漢字 😀'",
    "convert('ä' using latin1)",
    "convert('ä' using utf16)",
    "18446744073709551615",
    "cast(-1 as unsigned)",
    "1.10",
    "1 / 3",
    "cast(12345678901234567890.123456789012345678 as decimal(65, 30))",
    "1e100",
    "1.5e-10",
    "cast(1 / 3 as double)",
    "pi()",
    "sqrt(-1)",
    "x''",
    "x'00ff'",
    "b'101'",
    "_binary'abc'",
    "compress('a')",
    "inet6_aton('::1')",
    "date'2020-02-03'",
    "cast('0000-00-00' as date)",
    "time'838:59:59'",
    "cast('10:00' as time(3))",
    "timediff('12:00', '13:30')",
    "timestamp'2020-02-03 04:05:06'",
    "timestamp'2020-02-03 04:05:06.789012'",
    "unix_timestamp('2020-01-01 00:00:00.5')",
    "json_object('a', 1.10, 'b', null, 'ü', json_array(true))",
    "point(1, -2.5)",
    "st_astext(point(1, 2))",
    "cast('::ffff:1.2.3.4' as inet6)",
)
STORED = (
    ("decimal(10, 0)", "1.5"),
    ("decimal(20, 10)", "-1"),
    ("float", "0.1"),
    ("float", "16777217"),
    ("float", "1e30"),
    ("float(7, 3)", "1.5"),
    ("double", "0.1"),
    ("double", "1e15"),
    ("double", "1e-5"),
    ("double(10, 2)", "3"),
    ("int(5) zerofill", "42"),
    ("bigint unsigned", "18446744073709551615"),
    ("bit(1)", "1"),
    ("bit(8)", "5"),
    ("bit(64)", "18446744073709551615"),
    ("year", "2020"),
    ("year", "0"),
    ("date", "'0000-00-00'"),
    ("date", "'2020-00-00'"),
    ("datetime", "'0000-00-00'"),
    ("datetime(3)", "'2020-01-01 01:01:01.12'"),
    ("timestamp(6) null", "'2020-01-01 01:01:01.12'"),
    ("time", "'-25:00:01'"),
    ("time(6)", "'100:00:00.000001'"),
    ("char(5)", "'ab'"),
    ("binary(5)", "'ab'"),
    ("varchar(9) charset latin1", "'ä'"),
    ("varchar(9) collate utf8mb4_bin", "'añ'"),
    ("varbinary(9)", "'ab'"),
    ("text", "'漢'"),
    ("longblob", "''"),
    ("blob", "'x'"),
    ("json", "'{\"a\":  1}'"),
    ("enum('a', 'b c')", "'b c'"),
    ("enum('a', 'b')", "'neither'"),
    ("set('a', 'b')", "'b,a'"),
    ("set('a', 'b')", "''"),
    ("enum('a', 'b') charset binary", "'b'"),
    ("polygon", "st_geomfromtext('polygon((0 0, 1 0, 1 1, 0 0))')"),
    ("inet4", "'1.2.3.4'"),
    ("uuid", "'123E4567-e89b-12d3-a456-426655440000'"),
    ("int", "null"),
)


BETWEEN = f"\t{SEPARATOR}\t"
"""What the client prints for a column of the separator alone; tabs are in values too."""


def _mariadb(
    server: Server, prepared: Sequence[str], values: Sequence[str], rest: str
) -> list[str]:
    given: list[str | Path] = [
        require("mariadb"),
        "--no-defaults",
        "--batch",
        "--raw",
        "--binary-as-hex",
    ]
    given += ["--skip-column-names", "--default-character-set=utf8mb4", "--user=root"]
    columns = f", '{SEPARATOR}', ".join(values)
    statements = "; ".join([*prepared, f"select {columns} {rest}"])
    return printed([*given, f"--socket={server['socket']}", "-e", statements], BETWEEN)


async def _console(server: Server, statements: Sequence[str]) -> list[str]:
    params = MysqlParams(
        hostname=server["hostname"], port=int(server["port"]), username=server["username"]
    )
    return await shown(MysqlAdapter(params), server["password"], statements)


async def test_values(mariadb_server: Server) -> None:
    in_console = await _console(mariadb_server, [f"select {', '.join(VALUES)}"])
    in_client = _mariadb(mariadb_server, [], VALUES, "")
    assert list(zip(VALUES, in_console, strict=True)) == list(zip(VALUES, in_client, strict=True))


async def test_stored_values(mariadb_server: Server) -> None:
    names = [f"c{number}" for number in range(len(STORED))]
    columns = [f"{name} {kind}" for name, (kind, _) in zip(names, STORED, strict=True)]
    prepared = [
        "set sql_mode = ''",
        f"create temporary table test.v ({', '.join(columns)})",
        f"insert into test.v values ({', '.join(value for _, value in STORED)})",
    ]
    in_console = await _console(mariadb_server, [*prepared, "select * from test.v"])
    in_client = _mariadb(mariadb_server, prepared, names, "from test.v")
    assert list(zip(STORED, in_console, strict=True)) == list(zip(STORED, in_client, strict=True))


async def test_null_is_no_empty_binary_value(mariadb_server: Server) -> None:
    """In batches, the client prints 0x for both; in its tables it tells them apart."""
    statements = ["select cast(null as binary), cast('' as binary)"]
    assert await _console(mariadb_server, statements) == [NULL, "0x"]
