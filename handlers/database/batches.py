"""Batches of Transact-SQL: a line GO ends each, as in sqlcmd."""

from __future__ import annotations

import re
from collections.abc import Iterator

REPEATS_MAX = 1000
"""How often `GO n` runs a batch at most."""

_PARTS = re.compile(
    r"(?P<hidden>'(?:[^']|'')*(?:'|\Z)|\"(?:[^\"]|\"\")*(?:\"|\Z)|\[(?:[^\]]|\]\])*(?:\]|\Z)"
    r"|--[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|(?P<go>^[ \t]*go(?:[ \t]+(?P<count>\d{1,9}))?[ \t]*;?[ \t\r]*$)",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_BLOCKS = re.compile(
    r"\b(?:begin(?!\s+(?:tran|distributed|dialog|conversation))|case)\b"
    r"|(?P<end>\bend\b(?!\s+conversation))",
    re.IGNORECASE,
)
_MODULE = re.compile(
    r"\s*(?:create|alter)\s+(?:or\s+alter\s+)?(?:proc|procedure|function|trigger)\b", re.IGNORECASE
)


def split_batches(text: str) -> list[str]:
    """The batches of a text, repeated as often as their GO says."""
    return [batch for batch, count in _batches(text) for _ in range(count) if batch]


def is_complete(text: str) -> bool:
    """Whether a text can be run: it ends in GO, or in a semicolon that is not within a block.

    What defines a procedure, a function or a trigger ends in GO alone.
    """
    last = list(_batches(text))[-1][0]
    if not last:
        return True
    bare = _PARTS.sub(" ", last)
    if _MODULE.match(bare) or not bare.rstrip().endswith(";"):
        return False
    return sum(-1 if match["end"] else 1 for match in _BLOCKS.finditer(bare)) <= 0


def _batches(text: str) -> Iterator[tuple[str, int]]:
    """Batches with their counts; the last is what follows the last GO."""
    start = 0
    for match in _PARTS.finditer(text):
        if match["go"] is not None:
            count = 1 if match["count"] is None else min(int(match["count"]), REPEATS_MAX)
            yield text[start : match.start()].strip(), count
            start = match.end()
    yield text[start:].strip(), 1
