"""What is run at once, and how each database writes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

ENDS = (
    r"\\(?P<command>gx|[gG]|watch(?:[ \t]+(?P<interval>[^\s;\\]+))?"
    r"|crosstabview(?P<columns>[ \t][^\n;\\]*)?)(?=[\s;\\]|\Z)"
)
"""What ends a statement and says how it is run, where statements are found by other rules."""
ENDINGS = {"g", "gx", "G", "watch", "gset", "gexec", "crosstabview"}
"""Commands that end a statement and say how it is run."""
_VERTICAL = {"gx", "G"}
_WATCH_SECONDS = "2"
"""As in psql."""


@dataclass(frozen=True, slots=True)
class Statement:
    r"""What is run at once; without a text, what was run before is run again."""

    text: str
    vertical: bool = False
    """Whether this once records are shown below each other."""
    interval: str | None = None
    """Seconds between two runs, as typed, where it is run again and again."""
    is_command: bool = False
    """Whether it is a command that begins with a backslash."""
    how: str = ""
    """The command that has its results used otherwise, such as "gset"."""
    argument: str = ""
    """What follows that command."""
    place: int = field(default=0, compare=False)
    """Where it begins in the text that it was typed in."""
    line: int = field(default=0, compare=False)
    """The line there, from 1."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a database writes strings and comments."""

    escapes: bool = True
    """Whether a backslash escapes within quotes of mysql."""
    backticks: bool = False
    dollars: bool = False
    """Whether strings, comments and variables are those of psql."""
    standard: bool = True
    """Whether a backslash is an ordinary character in psql's plain strings."""
    hashes: bool = False
    lines: bool = False
    """Whether each line is a command of its own."""
    splits: Callable[[str], list[Statement]] | None = None
    """What splits a text, where more than semicolons ends statements."""
    triggers: bool = False
    """Whether statements may hold others, as triggers of SQLite do."""
    delimiters: bool = False
    """Whether a line DELIMITER sets what ends statements, and comments are those of mysql."""
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
