"""Statements in a text: where each ends, as the databases' own clients see it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_COMMON = [
    r'"(?:[^"]|"")*(?:"|\Z)',
    r"--[^\n]*",
    r"/\*.*?(?:\*/|\Z)",
]
_PLAIN_STRING = r"'(?:[^']|'')*(?:'|\Z)"
_ESCAPED_STRING = r"'(?:[^'\\]|\\.|'')*(?:'|\Z)"
_DOLLARS = r"(?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?:(?P=tag)|\Z)"


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
    splits: Callable[[str], list[str]] | None = None
    """What splits a text, where more than semicolons ends statements."""
    whole: Callable[[str], bool] | None = None

    def pattern(self) -> re.Pattern[str]:
        """What hides a semicolon, or is one."""
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
        return re.compile("|".join([*parts, r"(?P<end>;)"]), re.DOTALL)


_patterns: dict[Dialect, re.Pattern[str]] = {}


def split(text: str, dialect: Dialect) -> tuple[list[str], str]:
    """The finished statements of `text`, and what follows the last of them."""
    if dialect.lines:
        return [line for line in text.splitlines() if line.strip()], ""
    if dialect.splits is not None:
        return dialect.splits(text), ""
    pattern = _patterns.get(dialect)
    if pattern is None:
        pattern = _patterns[dialect] = dialect.pattern()
    found: list[str] = []
    start = 0
    for match in pattern.finditer(text):
        if match["end"] is None:
            continue
        statement = text[start : match.end()]
        if dialect.whole is None or dialect.whole(statement):
            start = match.end()
            if statement.strip("; \t\r\n"):
                found.append(statement.strip())
    return found, text[start:]


def unfinished(text: str, dialect: Dialect) -> bool:
    """Whether something follows the last finished statement that is more than a comment."""
    rest = split(text, dialect)[1]
    return bool(re.sub(r"--[^\n]*|/\*.*?\*/", "", rest, flags=re.DOTALL).strip())
