"""Batches of Transact-SQL: a line GO ends each, as in sqlcmd, or what ends statements elsewhere."""

from __future__ import annotations

import re

from handlers.database.statements import ENDS, Statement, ended

REPEATS_MAX = 1000
"""How often `GO n` runs a batch at most."""

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
    """The batches of a text, repeated as often as their GO says."""
    found, rest = _split(text)
    return [*found, Statement(rest)] if rest else found


def is_complete(text: str) -> bool:
    """Whether a text can be run: it ends in GO, or in a semicolon that is not within a block.

    What defines a procedure, a function or a trigger ends in GO alone.
    """
    last = _split(text)[1]
    if not last:
        return True
    bare = _PARTS.sub(" ", last)
    if _MODULE.match(bare) or not bare.rstrip().endswith(";"):
        return False
    return sum(-1 if match["end"] else 1 for match in _BLOCKS.finditer(bare)) <= 0


def _split(text: str) -> tuple[list[Statement], str]:
    """The batches that have ended, and what follows the last of them."""
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
