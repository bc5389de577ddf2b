"""Patterns of names: `*` stands for any characters, `?` for one."""

from __future__ import annotations

from collections.abc import Iterable

ANY = "*"


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern matches all of a text. This takes at most the product of their
    lengths in steps, whatever they contain."""
    if "*" not in pattern and "?" not in pattern:
        return pattern == text
    place = here = 0
    star, retry = -1, 0
    while here < len(text):
        if place < len(pattern) and pattern[place] == "*":
            star, retry = place, here
            place += 1
        elif place < len(pattern) and pattern[place] in ("?", text[here]):
            place, here = place + 1, here + 1
        elif star >= 0:
            retry += 1
            place, here = star + 1, retry
        else:
            return False
    return pattern[place:].strip("*") == ""


def matches_any(patterns: Iterable[str], text: str) -> bool:
    """Return whether one of the patterns matches a text."""
    return any(matches(pattern, text) for pattern in patterns)
