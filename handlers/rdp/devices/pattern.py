"""Patterns of names, as Windows has them (MS-FSA 2.1.4.4)."""

from __future__ import annotations

_ANY, _ONE = frozenset("*<"), frozenset("?>")
"""Characters for any number of characters, and for a single one; programs of DOS use the second
ones."""


def matches(name: str, pattern: str) -> bool:
    """Return whether a name matches a pattern; upper and lower case do not count. An empty pattern
    matches all names. This takes time in proportion to the product of both lengths at most."""
    if pattern in ("", "*", "*.*"):
        return True
    name, pattern = name.casefold(), pattern.casefold().replace('"', ".")
    at = place = 0
    star, resume = -1, 0
    while at < len(name):
        if place < len(pattern) and pattern[place] in _ANY:
            star, resume, place = place, at, place + 1
        elif place < len(pattern) and (pattern[place] in _ONE or pattern[place] == name[at]):
            at, place = at + 1, place + 1
        elif star >= 0:
            resume += 1
            at, place = resume, star + 1
        else:
            return False
    return all(character in _ANY for character in pattern[place:])
