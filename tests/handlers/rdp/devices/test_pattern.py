"""Patterns of names."""

from __future__ import annotations

import time

import pytest

from handlers.rdp.devices.pattern import matches


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("anything", "", True),
        ("anything", "*", True),
        ("noextension", "*.*", True),
        ("a.txt", "*.txt", True),
        ("A.TXT", "*.txt", True),
        ("a.txt.bak", "*.txt", False),
        ("a.txt.bak", "*.txt*", True),
        ("abc", "a?c", True),
        ("abbc", "a?c", False),
        ("abc", "a>c", True),
        ("a.txt", '<"txt', True),
        ("abc", "abc", True),
        ("abc", "ab", False),
        ("ab", "abc", False),
        ("ab", "ab**", True),
        ("a*b", "a*b", True),
        ("xayb", "*a*b", True),
        ("xayc", "*a*b", False),
    ],
)
def test_patterns(name: str, pattern: str, expected: bool) -> None:
    assert matches(name, pattern) is expected


def test_no_pattern_takes_long() -> None:
    begun = time.process_time()
    assert not matches("a" * 255, "*a" * 1000 + "b")
    assert time.process_time() - begun < 1
