"""One conformance set for both engines."""

from __future__ import annotations

import pytest

from tests.terminal.conformance.case import ENGINES, Case, faults, open_engine, screen_of
from tests.terminal.conformance.cases import (
    characters,
    cursor,
    editing,
    replies,
    sgr,
    sides,
    spelling,
    vt420,
)
from tests.terminal.conformance.differences import DIFFERENCES
from tests.terminal.engine import Heard

CASES = (
    *(*sgr.CASES, *cursor.CASES, *sides.CASES, *editing.CASES),
    *(*replies.CASES, *characters.CASES, *vt420.CASES, *spelling.CASES),
)


def test_the_set_is_as_large_as_the_documentation_says() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert len(names) >= 450
    for known in DIFFERENCES.values():
        assert set(known) <= set(names)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_conformance(case: Case, name: str) -> None:
    found = faults(case, name)
    reason = DIFFERENCES[name].get(case.name)
    if reason is None:
        assert found == []
    else:
        assert found, f"{case.name} passes now: take it off the list ({reason})"


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("fault", characters.BROKEN)
def test_broken_utf8(name: str, fault: str) -> None:
    data, wanted = characters.BROKEN[fault]
    emulator = open_engine(name, Heard())
    emulator.feed(data)
    assert screen_of(emulator)[0] == wanted
    emulator.close()
