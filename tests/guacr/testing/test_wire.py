"""The protocol as the tests speak it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.testing.wire import (
    ELEMENTS_MAX,
    INSTRUCTION_CHARACTERS_MAX,
    Splitter,
    WireError,
    write,
)

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1)


@given(st.lists(TEXTS, max_size=5), st.integers(1, 7))
def test_what_is_written_is_read_however_it_is_cut(rows: list[list[str]], piece: int) -> None:
    data = b"".join(write(*row) for row in rows)
    splitter = Splitter()
    read = [
        [one.opcode, *one.args]
        for start in range(0, len(data), piece)
        for one in splitter.feed(data[start : start + piece])
    ]
    assert read == rows
    assert splitter.idle


def test_sizes_are_those_on_the_wire() -> None:
    (one,) = Splitter().feed(write("name", "ü€"))
    assert one.size == len("4.name,2.ü€;".encode())


def test_limits_are_apache_guacamoles() -> None:
    opcode = "4.name,"
    text = "x" * (INSTRUCTION_CHARACTERS_MAX - len(opcode) - len("8179.;"))
    assert len(write("name", text)) == INSTRUCTION_CHARACTERS_MAX
    assert Splitter().feed(write("name", text))
    for data in (write("name", text + "x"), write("name", text + "x")[:-1] + b"xx"):
        with pytest.raises(WireError):
            Splitter().feed(data)


def test_elements_are_limited() -> None:
    assert Splitter().feed(write(*["a"] * ELEMENTS_MAX))
    with pytest.raises(WireError, match="128 elements"):
        Splitter().feed(write(*["a"] * (ELEMENTS_MAX + 1)))


@pytest.mark.parametrize("data", [b"x.a;", b"-1.a;", b"1.aa;", b"\xff", b"1.\xc3("])
def test_what_is_malformed_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        Splitter().feed(data)
