"""Statements of Oracle: SQL ends with a semicolon, PL/SQL with a line `/`, as in SQL*Plus."""

from __future__ import annotations

import re
from collections.abc import Iterator

from handlers.database.sql.statements import ENDS, LEADING, Statement, ended

_PARTS = re.compile(
    r"\b[nN]?[qQ]'(?:\[.*?(?:\]'|\Z)|\{.*?(?:\}'|\Z)|\(.*?(?:\)'|\Z)|<.*?(?:>'|\Z)"
    r"|(?P<quote>[^\s\[{(<]).*?(?:(?P=quote)'|\Z))"
    r"|'[^']*(?:'|\Z)|\"[^\"]*(?:\"|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)"
    rf"|(?P<slash>^[ \t]*/[ \t\r]*$)|(?P<semicolon>;)|{ENDS}",
    re.DOTALL | re.MULTILINE,
)
_LEADING = re.compile(LEADING, re.DOTALL)
_BLOCK = re.compile(
    LEADING + r"(?:<<|(?:declare|begin)\b|with\s+(?:function|procedure)\b"
    r"|create\s+(?:or\s+replace\s+)?(?:and\s+(?:resolve|compile)\s+)?"
    r"(?:(?:non)?editionable\s+)?(?:if\s+not\s+exists\s+)?"
    r"(?:function|procedure|package|trigger|type|java)\b)",
    re.DOTALL | re.IGNORECASE,
)


def split_statements(text: str) -> list[Statement]:
    """Split a text into statements; SQL without its semicolons, which the server rejects."""
    return [
        ended(_words(text) and text, match) if match and match["command"] else Statement(text)
        for text, match in _statements(text)
        if _words(text) or (match and match["command"])
    ]


def is_complete(text: str) -> bool:
    """Return whether a text can be run: what it ends in is a semicolon, or a line `/` after
    PL/SQL."""
    return all(match or not _words(statement) for statement, match in _statements(text))


def is_block(statement: str) -> bool:
    """Return whether a statement is PL/SQL, which contains semicolons."""
    return _BLOCK.match(statement) is not None


def first_words(statement: str) -> list[str]:
    """The first two words after comments, in lower case."""
    return re.findall(r"\w+", _words(statement)[:80].lower())[:2]


def _words(statement: str) -> str:
    return _LEADING.sub("", statement, count=1).strip()


def _statements(text: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Statements with the match that ended each; the last one has none."""
    start = 0
    for match in _PARTS.finditer(text):
        by_semicolon = match["semicolon"] is not None and _BLOCK.match(text, start) is None
        if by_semicolon or match["slash"] is not None or match["command"]:
            yield text[start : match.start()].strip(), match
            start = match.end()
    yield text[start:].strip(), None
