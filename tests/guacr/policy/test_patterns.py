"""Patterns of names."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.policy.patterns import matches, matches_any


@given(st.text("ab*?", max_size=8), st.text("ab*", max_size=10))
def test_a_pattern_matches_as_its_regular_expression(pattern: str, text: str) -> None:
    parts = {"*": ".*", "?": "."}
    expression = "".join(parts.get(one, re.escape(one)) for one in pattern)
    assert matches(pattern, text) == bool(re.fullmatch(expression, text, re.DOTALL))


@pytest.mark.parametrize("pattern", ["*a" * 2000 + "b", "*" * 20_000 + "b"])
def test_no_pattern_takes_long(pattern: str) -> None:
    assert not matches(pattern, "a" * 4000)


def test_brackets_are_characters() -> None:
    assert matches("[a-z]", "[a-z]")
    assert not matches("[a-z]", "b")
    assert matches_any(["x", "a*"], "abc")
    assert not matches_any([], "abc")
