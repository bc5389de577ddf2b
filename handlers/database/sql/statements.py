"""Statements, and the dialects of databases."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

ENDS = (
    r"\\(?P<command>gx|[gG]|watch(?:[ \t]+(?P<interval>[^\s;\\]+))?"
    r"|crosstabview(?P<columns>[ \t][^\n;\\]*)?)(?=[\s;\\]|\Z)"
)
"""Matches commands that end a statement, for databases with other rules of splitting."""
LEADING = r"(?:\s++|--[^\n]*+(?:\n|\Z)|/\*.*?(?:\*/|\Z))*+"
"""Matches what may precede the first word. It is possessive because it can match in many ways, all
of which would be tried if the rest fails."""
ENDINGS = {"g", "gx", "G", "watch", "gset", "gexec", "crosstabview"}
"""Commands that end a statement and determine how it is run."""
_VERTICAL = {"gx", "G"}
_WATCH_SECONDS = "2"
"""As in psql."""


@dataclass(frozen=True, slots=True)
class Statement:
    r"""A statement to run; without a text, the previous one is repeated."""

    text: str
    vertical: bool = False
    """True if this result uses expanded display."""
    interval: str | None = None
    """Seconds between repetitions, as typed, if it is repeated."""
    is_command: bool = False
    """True if it is a backslash command."""
    how: str = ""
    """The command that uses its results differently, such as "gset"."""
    argument: str = ""
    """The argument of that command."""
    place: int = field(default=0, compare=False)
    """The start in the text that it was typed in."""
    line: int = field(default=0, compare=False)
    """The line in that text, from 1."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The syntax of strings and comments in a database."""

    escapes: bool = True
    """True if a backslash is an escape inside mysql's quotes."""
    backticks: bool = False
    dollars: bool = False
    """True if strings, comments and variables have psql's syntax."""
    standard: bool = True
    """True if a backslash is an ordinary character in psql's plain strings."""
    hashes: bool = False
    lines: bool = False
    """True if each line is a command of its own."""
    splits: Callable[[str], list[Statement]] | None = None
    """The function that splits a text, if more than semicolons end statements."""
    triggers: bool = False
    """True if statements may contain others, like SQLite's triggers."""
    delimiters: bool = False
    """True if a line DELIMITER sets the terminator, and comments have mysql's syntax."""
    delimiter: str = ";"


def ending(name: str, argument: str, statement: Statement) -> Statement:
    """A statement that a command ends."""
    if name == "watch":
        return replace(statement, interval=argument or _WATCH_SECONDS)
    if name in ("g", *_VERTICAL):
        return replace(statement, vertical=name in _VERTICAL)
    return replace(statement, how=name, argument=argument)


def ended(text: str, match: re.Match[str]) -> Statement:
    """The statement of a text that a match of `ENDS` ends."""
    if match["command"].startswith("crosstabview"):
        return ending("crosstabview", (match["columns"] or "").strip(), Statement(text.strip()))
    interval = match["interval"]
    if interval is None and match["command"] == "watch":
        interval = _WATCH_SECONDS
    return Statement(text.strip(), match["command"] in _VERTICAL, interval)
