"""Statements in a text: where each ends, as the databases' own clients see it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

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
_DELIMITER = r"(?P<delimiter>^[ \t]*(?i:delimiter)[ \t]+(?P<new>[^\s\\]{1,15})[^\n]*)"
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_ENDING = {"end", "command", "delimiter", "line"}
"""Groups of which one matches where a statement may end."""
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
    place: int = field(default=0, compare=False)
    """Where it begins in the text that it was typed in."""


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
    delimiters: bool = False
    """Whether a line DELIMITER sets what ends statements, as in mysql."""
    delimiter: str = ";"

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
        parts.append(_DELIMITER if self.delimiters else r"(?P<delimiter>(?!))")
        parts += [ENDS, _LINE, f"(?P<end>{re.escape(self.delimiter)})"]
        return re.compile("|".join(parts), re.DOTALL | re.MULTILINE)


def ended(text: str, match: re.Match[str]) -> Statement:
    """The statement of a text that a match of `ENDS` ends."""
    interval = match["interval"]
    if interval is None and match["command"] == "watch":
        interval = _WATCH_SECONDS
    return Statement(text.strip(), match["command"] in _VERTICAL, interval)


def split(text: str, dialect: Dialect) -> tuple[list[Statement], str]:
    """The finished statements of `text`, and what follows the last of them."""
    if dialect.lines:
        return _placed((Statement(line) for line in text.splitlines() if line.strip()), text), ""
    if dialect.splits is not None:
        return _placed(dialect.splits(text), text), ""
    found: list[Statement] = []
    pattern = dialect.pattern()
    start = place = 0
    while (match := pattern.search(text, place)) is not None:
        place = match.end()
        if match.lastgroup not in _ENDING:
            continue
        statement = _finished(text[start : match.start()], match, dialect)
        if statement is None:
            continue
        begun, start = start, place
        if match["delimiter"]:
            dialect = replace(dialect, delimiter=match["new"])
            pattern = dialect.pattern()
        if statement.text or not match["end"]:
            found.append(replace(statement, place=begun))
    return found, text[start:]


def _placed(statements: Iterable[Statement], text: str) -> list[Statement]:
    """Statements that are pieces of a text, in their order, with their places there."""
    found: list[Statement] = []
    place = 0
    for statement in statements:
        place = max(text.find(statement.text, place), place)
        found.append(replace(statement, place=place))
    return found


def _finished(before: str, match: re.Match[str], dialect: Dialect) -> Statement | None:
    """What ends here, if anything does; `before` is what was not yet part of a statement."""
    if match["end"]:
        if dialect.whole is not None and not dialect.whole(before + ";"):
            return None
        text = before + ";" if dialect.delimiter == ";" else before
        return Statement(text.strip() if before.strip("; \t\r\n") else "")
    bare = not _says_something(before)
    if match["command"]:
        return ended("" if bare else before, match)
    line = f"\\delimiter {match['new']}" if match["delimiter"] else match["line"].strip()
    return Statement(line, is_command=True) if bare else None


def unfinished(text: str, dialect: Dialect) -> bool:
    """Whether something follows the last finished statement that is more than a comment."""
    return _says_something(split(text, dialect)[1])


def _says_something(text: str) -> bool:
    return bool(_COMMENTS.sub("", text).strip())
