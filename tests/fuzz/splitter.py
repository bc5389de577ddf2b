"""Fuzzes the splitter: what it finds in generated texts is what psql and mariadb send."""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from handlers.database.sql.splitter import Splitter, lines_of
from handlers.database.sql.statements import Dialect
from tests.support.require import require
from tests.support.sql_servers import Server, mariadb, postgresql

TEXT_MAX = 24
"""Pieces of one text."""
COMMON = [
    "select 1", "a", " ", " ", "\n", "\n", ";", ";", ";\n", "'", "''", '"', '""', "--", "-- ",
    "- -", "/*", "*/", "/", "*", "'a;b'", '"a;b"', "10--5", "1", "é", "\r\n", "\t", ",", "/* a; */",
    "-- b;\n", "(", ")", "\\\\", "'\\'", "E", "b'1'", "=", "create", "begin", "end", "case",
]  # fmt: skip
PSQL = [
    *COMMON, "$$", "$a$", "$", "a$b$c", "$1", "E'", "e'\\'", "U&'", 'U&"', "x'", "$é$", "1$$",
    "/* /* ; */ */", "\\;", "create function f() begin atomic ", "create or replace procedure ",
    "create rule r as on insert to t do (", "::", ":x", "as", "N'", "function ", "or", " replace ",
    "\\x off\n", "\n\\pset pager off\n", "$$ a; $$", "[1:2]", "1e", "1.5", "&", "|/",
]  # fmt: skip
MARIADB = [
    *COMMON, "`", "``", "#", "# c;\n", "/*! ", "/*!40101 select 1 */", "/*M!1 ",
    "/*! a /* b; */ ", '"a\\";b"', "\\N",
    ";\ndelimiter //\n", "//", "//\nDELIMITER ;\n", "--\n", "--;", "--\t", "$$",
]  # fmt: skip

_LEADING = re.compile(r"\s+|(?:--|\#)[^\n]*(?:\n|\Z)|/\*(?!M?!)[^*]*\*/")
_ONLY_COMMENTS = re.compile(r"/\*(?!M?!).*\*/", re.DOTALL)
_COMMENT = re.compile(r"(?:(?:--|\#|/\*).*)?", re.DOTALL)
"""What mariadb shows at the end of a statement though it follows its semicolon."""

Oracle = Callable[[str], list[str]]


def text(chance: random.Random, pieces: list[str]) -> str:
    """One text of a grammar's pieces."""
    return "".join(chance.choice(pieces) for _ in range(chance.randint(1, TEXT_MAX)))


def ours(script: str, dialect: Dialect) -> list[str]:
    """Return the statements that the console would run, without commands."""
    splitter = Splitter(dialect)
    found = [each for line in lines_of(script) for each in splitter.feed(line)]
    if (last := splitter.last()) is not None:
        found.append(last)
    return [bare(each.text) for each in found if not each.is_command and bare(each.text)]


def bare(statement: str) -> str:
    """A statement without what makes no difference: blanks and comments around it, and its end."""
    while found := _LEADING.match(statement):
        statement = statement[found.end() :]
    text = "".join(statement.split()).strip(";")
    return "" if _ONLY_COMMENTS.fullmatch(text) else text  # psql sends them, to no effect


def agree(found: list[str], expected: list[str]) -> bool:
    """Return whether these are the same statements."""
    return len(found) == len(expected) and all(
        theirs.startswith(mine) and _COMMENT.fullmatch(theirs, len(mine))
        for mine, theirs in zip(found, expected, strict=True)
    )


def psql(server: Server, *settings: str) -> Oracle:
    """Return a function that finds the statements that psql sends, according to its log."""
    program = require("psql")

    def statements(script: str) -> list[str]:
        with tempfile.TemporaryDirectory() as directory:
            file, log = Path(directory, "script"), Path(directory, "log")
            file.write_bytes(script.encode())
            options = [part for setting in settings for part in ("-c", setting)]
            subprocess.run(
                [program, "-X", "-q", "-L", log, *options, "-f", file],
                env=environment(server), capture_output=True, timeout=20, check=False,
            )  # fmt: skip
            found = log.read_bytes().decode() if log.exists() else ""
        rule = "\n**************************\n\n"
        queries = [part.partition("********* QUERY **********\n")[2] for part in found.split(rule)]
        return [bare(query) for query in queries if bare(query) and query not in settings]

    return statements


def environment(server: Server) -> dict[str, str]:
    """Return the environment with which psql and similar programs find a server."""
    return {
        "PGHOST": server["hostname"], "PGPORT": server["port"], "PGUSER": server["username"],
        "PGPASSWORD": server["password"], "PGDATABASE": server["database"],
        "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8",
    }  # fmt: skip


def mariadb_client(server: Server, *settings: str) -> Oracle:
    """Return a function that finds the statements that mariadb sends, as it reports with `-vvv`."""
    program = require("mariadb")

    def statements(script: str) -> list[str]:
        done = subprocess.run(
            [program, "--no-defaults", "-S", server["socket"], "-u", "root", "-vvv", "--force",
             "--comments", "--default-character-set=utf8mb4",
             *(f"--init-command={setting}" for setting in settings)],
            input=script.encode(), capture_output=True, timeout=20, check=False,
        )  # fmt: skip
        parts = done.stdout.decode(errors="replace").split("--------------\n")
        return [bare(part) for part in parts[1::2] if bare(part)]

    return statements


def compare(oracle: Oracle, dialect: Dialect, pieces: list[str], *, count: int, seed: int) -> None:
    """A number of texts; the one that differs is shown."""
    chance = random.Random(seed)
    for _ in range(count):
        script = text(chance, pieces)
        expected, found = oracle(script), ours(script, dialect)
        assert agree(found, expected), f"{script!r}\nours:   {found}\nclient: {expected}"


def main() -> None:
    """The command line: fuzz for some seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    options = parser.parse_args()
    print(f"seed {options.seed}")  # noqa: T201 - a command
    deadline, seed = time.monotonic() + options.seconds, options.seed
    with postgresql() as one, mariadb() as other:
        while time.monotonic() < deadline:
            for oracle, dialect, pieces in (
                (psql(one), PSQL_DIALECT, PSQL),
                (psql(one, ESCAPING), ESCAPING_DIALECT, PSQL),
                (mariadb_client(other), MARIADB_DIALECT, MARIADB),
                (mariadb_client(other, UNESCAPING), UNESCAPING_DIALECT, MARIADB),
            ):
                compare(oracle, dialect, pieces, count=5, seed=seed)
            seed += 1
    print(f"{20 * (seed - options.seed)} texts, no difference")  # noqa: T201 - a command


PSQL_DIALECT = Dialect(dollars=True)
MARIADB_DIALECT = Dialect(backticks=True, hashes=True, delimiters=True)
ESCAPING = "set standard_conforming_strings = off"
ESCAPING_DIALECT = replace(PSQL_DIALECT, standard=False)
UNESCAPING = "set sql_mode = 'NO_BACKSLASH_ESCAPES'"
UNESCAPING_DIALECT = replace(MARIADB_DIALECT, escapes=False)

if __name__ == "__main__":
    main()
