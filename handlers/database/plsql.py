"""Statements of Oracle: SQL ends with a semicolon, PL/SQL with a line `/`, as in SQL*Plus."""

from __future__ import annotations

import re
from collections.abc import Iterator

from handlers.database.statements import ENDS, Statement, ended

_PARTS = re.compile(
    r"\b[nN]?[qQ]'(?:\[.*?(?:\]'|\Z)|\{.*?(?:\}'|\Z)|\(.*?(?:\)'|\Z)|<.*?(?:>'|\Z)"
    r"|(?P<quote>[^\s\[{(<]).*?(?:(?P=quote)'|\Z))"
    r"|'[^']*(?:'|\Z)|\"[^\"]*(?:\"|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)"
    rf"|(?P<slash>^[ \t]*/[ \t\r]*$)|(?P<semicolon>;)|{ENDS}",
    re.DOTALL | re.MULTILINE,
)
_COMMENTS = r"(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?(?:\*/|\Z))*"
_LEADING = re.compile(_COMMENTS, re.DOTALL)
_BLOCK = re.compile(
    _COMMENTS + r"(?:<<|(?:declare|begin)\b|with\s+(?:function|procedure)\b"
    r"|create\s+(?:or\s+replace\s+)?(?:and\s+(?:resolve|compile)\s+)?"
    r"(?:(?:non)?editionable\s+)?(?:if\s+not\s+exists\s+)?"
    r"(?:function|procedure|package|trigger|type|java)\b)",
    re.DOTALL | re.IGNORECASE,
)


def split_statements(text: str) -> list[Statement]:
    """The statements of a text; those of SQL without their semicolons, which the server refuses."""
    return [
        ended(_words(text) and text, match) if match and match["command"] else Statement(text)
        for text, match in _statements(text)
        if _words(text) or (match and match["command"])
    ]


def is_complete(text: str) -> bool:
    """Whether a text can be run: what it ends in is a semicolon, or a line `/` after PL/SQL."""
    return all(match or not _words(statement) for statement, match in _statements(text))


def is_block(statement: str) -> bool:
    """Whether a statement is PL/SQL, and its semicolons are its own."""
    return _BLOCK.match(statement) is not None


def first_words(statement: str) -> list[str]:
    """The first two words after comments, in lower case."""
    return re.findall(r"\w+", _words(statement)[:80].lower())[:2]


def _words(statement: str) -> str:
    return _LEADING.sub("", statement, count=1).strip()


def _statements(text: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Statements, and what ended each; nothing has ended the last."""
    start = 0
    for match in _PARTS.finditer(text):
        by_semicolon = match["semicolon"] is not None and _BLOCK.match(text, start) is None
        if by_semicolon or match["slash"] is not None or match["command"]:
            yield text[start : match.start()].strip(), match
            start = match.end()
    yield text[start:].strip(), None
