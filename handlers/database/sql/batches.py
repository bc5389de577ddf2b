"""Transact-SQL batches, terminated by a line GO as in sqlcmd, or like statements elsewhere."""

from __future__ import annotations

import re

from handlers.database.sql.statements import ENDS, Statement, ended

REPEATS_MAX = 1000
"""Maximum repetitions of a batch by `GO n`."""

_PARTS = re.compile(
    r"(?P<hidden>'(?:[^']|'')*(?:'|\Z)|\"(?:[^\"]|\"\")*(?:\"|\Z)|\[(?:[^\]]|\]\])*(?:\]|\Z)"
    r"|--[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|(?P<go>^[ \t]*(?i:go)(?:[ \t]+(?P<count>\d{1,9}))?[ \t]*;?[ \t\r]*$)"
    rf"|{ENDS}",
    re.DOTALL | re.MULTILINE,
)
_BLOCKS = re.compile(
    r"\b(?:begin(?!\s+(?:tran|distributed|dialog|conversation))|case)\b"
    r"|(?P<end>\bend\b(?!\s+conversation))",
    re.IGNORECASE,
)
_MODULE = re.compile(
    r"\s*(?:create|alter)\s+(?:or\s+alter\s+)?(?:proc|procedure|function|trigger)\b", re.IGNORECASE
)


def split_batches(text: str) -> list[Statement]:
    """Split a text into batches, repeated as specified by their GO."""
    found, rest = _split(text)
    return [*found, Statement(rest)] if rest else found


def is_complete(text: str) -> bool:
    """Return whether a text can be run: it ends in GO, or in a semicolon that is not within a
    block.

    The definition of a procedure, a function or a trigger ends only with GO.
    """
    last = _split(text)[1]
    if not last:
        return True
    bare = _PARTS.sub(" ", last)
    if _MODULE.match(bare) or not bare.rstrip().endswith(";"):
        return False
    return sum(-1 if match["end"] else 1 for match in _BLOCKS.finditer(bare)) <= 0


def _split(text: str) -> tuple[list[Statement], str]:
    """The complete batches, and the rest after them."""
    found: list[Statement] = []
    start = 0
    for match in _PARTS.finditer(text):
        if match["hidden"]:
            continue
        batch = text[start : match.start()].strip()
        start = match.end()
        if match["command"]:
            found.append(ended(batch, match))
        elif batch.strip("; \t\r\n"):
            found += [Statement(batch)] * min(int(match["count"] or 1), REPEATS_MAX)
    return found, text[start:].strip("; \t\r\n") and text[start:].strip()
