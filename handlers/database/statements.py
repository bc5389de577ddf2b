"""Statements in a text: where each ends, as the databases' own clients see it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

ENDS = r"\\(?P<command>gx|[gG]|watch(?:[ \t]+(?P<interval>[^\s;\\]+))?)(?=[\s;\\]|\Z)"
"""What ends a statement and says how it is run, as in psql and mysql."""
_COMMON = [
    r'"(?:[^"]|"")*(?:"|\Z)',
    r"--[^\n]*",
    r"/\*.*?(?:\*/|\Z)",
]
_PLAIN_STRING = r"'(?:[^']|'')*(?:'|\Z)"
_ESCAPED_STRING = r"'(?:[^'\\]|\\.|'')*(?:'|\Z)"
_DOLLARS = r"(?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?:(?P=tag)|\Z)"
_LINE = r"(?P<line>^[ \t]*\\[^\n]*)"
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
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
    """Whether it is a line that begins with a backslash."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a database writes strings and comments.

    `whole` tells of a text that ends in a semicolon whether it is a statement, for databases
    whose statements hold others.
    """

    backslashes: bool = False
    backticks: bool = False
    dollars: bool = False
    hashes: bool = False
    lines: bool = False
    """Whether each line is a command of its own."""
    splits: Callable[[str], list[Statement]] | None = None
    """What splits a text, where more than semicolons ends statements."""
    whole: Callable[[str], bool] | None = None

    def pattern(self) -> re.Pattern[str]:
        """What hides a semicolon, or ends something."""
        parts = [*_COMMON]
        if self.backslashes:
            parts.append(_ESCAPED_STRING)
        else:
            parts += (
                [r"\b[eE]" + _ESCAPED_STRING, _PLAIN_STRING] if self.dollars else [_PLAIN_STRING]
            )
        if self.backticks:
            parts.append(r"`[^`]*(?:`|\Z)")
        if self.hashes:
            parts.append(r"\#[^\n]*")
        if self.dollars:
            parts.append(_DOLLARS)
        parts += [ENDS, _LINE, r"(?P<end>;)"]
        return re.compile("|".join(parts), re.DOTALL | re.MULTILINE)


_patterns: dict[Dialect, re.Pattern[str]] = {}


def ended(text: str, match: re.Match[str]) -> Statement:
    """The statement of a text that a match of `ENDS` ends."""
    interval = match["interval"]
    if interval is None and match["command"] == "watch":
        interval = _WATCH_SECONDS
    return Statement(text.strip(), match["command"] in _VERTICAL, interval)


def split(text: str, dialect: Dialect) -> tuple[list[Statement], str]:
    """The finished statements of `text`, and what follows the last of them."""
    if dialect.lines:
        return [Statement(line) for line in text.splitlines() if line.strip()], ""
    if dialect.splits is not None:
        return dialect.splits(text), ""
    pattern = _patterns.get(dialect)
    if pattern is None:
        pattern = _patterns[dialect] = dialect.pattern()
    found: list[Statement] = []
    start = 0
    for match in pattern.finditer(text):
        statement = _finished(text[start : match.start()], match, dialect)
        if statement is not None:
            start = match.end()
            if statement.text or not match["end"]:
                found.append(statement)
    return found, text[start:]


def _finished(before: str, match: re.Match[str], dialect: Dialect) -> Statement | None:
    """What ends here, if anything does; `before` is what was not yet part of a statement."""
    if match["command"]:
        return ended(before if _says_something(before) else "", match)
    if match["line"]:
        return (
            None if _says_something(before) else Statement(match["line"].strip(), is_command=True)
        )
    if not match["end"] or (dialect.whole is not None and not dialect.whole(before + ";")):
        return None
    return Statement(f"{before};".strip() if before.strip("; \t\r\n") else "")


def unfinished(text: str, dialect: Dialect) -> bool:
    """Whether something follows the last finished statement that is more than a comment."""
    return _says_something(split(text, dialect)[1])


def _says_something(text: str) -> bool:
    return bool(_COMMENTS.sub("", text).strip())
