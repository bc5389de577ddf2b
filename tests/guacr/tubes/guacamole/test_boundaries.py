"""The ends of instructions, against the parser that decodes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.errors import ProtocolError
from guacr.protocol.instruction import encode
from guacr.tubes.guacamole.boundaries import (
    INSTRUCTION_MAX,
    LENGTH_DIGITS_MAX,
    Boundaries,
    Boundary,
)

TEXTS = st.one_of(
    st.text(alphabet="ab.,;0123é€😀\n", max_size=12),
    st.sampled_from([0, 9, 10, 11, 99, 100, 101, 999, 5000]).map(lambda n: "x.,;1"[: n % 5] * n),
    st.sampled_from(["é" * 100, "a" * 150 + "😀", "4.size,1.0;"]),
)
OPCODES = st.sampled_from(["", "sync", "size", "error", "blob", "copy", "é"])
STREAMS = st.lists(st.tuples(OPCODES, st.lists(TEXTS, max_size=4)), max_size=8)


def ends(data: bytes) -> list[int]:
    """Where the instructions end, one after the other."""
    boundary, found, at = Boundary(), [], 0
    while (at := boundary.find(data, at)) >= 0:
        found.append(at)
    return found


@given(STREAMS)
def test_ends_of_instructions(stream: list[tuple[str, list[str]]]) -> None:
    parts = [encode(opcode, *args) for opcode, args in stream]
    assert ends(b"".join(parts)) == [sum(map(len, parts[:n])) for n in range(1, len(parts) + 1)]


@given(STREAMS)
def test_many_at_once_are_the_same_ends(stream: list[tuple[str, list[str]]]) -> None:
    boundaries = Boundaries("size", "error")
    parts = [encode(opcode, *args) for opcode, args in stream]
    data, at = b"".join(parts), 0
    for number, (part, (opcode, _)) in enumerate(zip(parts, stream, strict=True)):
        if boundaries.last(data, at, at + len(part)) == at:
            assert opcode in ("size", "error") or not part.isascii()
        else:
            assert boundaries.last(data, at, at + len(part) - 1) == at
        at += len(part)
        rest = [sum(map(len, parts[: n + 1])) for n in range(number, len(parts))]
        assert boundaries.last(data, at, len(data)) in rest


def test_long_values_are_passed() -> None:
    data = encode("blob", 1, "a" * 8000) + encode("blob", "b" * 100, "c", "d" * 500, "e")
    assert Boundaries().last(data, 0, len(data)) == len(data)


@pytest.mark.parametrize("opcode", ["size", "error"])
def test_it_stops_before_an_opcode(opcode: str) -> None:
    before, after = encode("sync", "5.error,1.x;"), encode("sync", 1)
    for instruction in (encode(opcode), encode(opcode, 0, 1), encode(opcode, "x" * 300)):
        data = before + instruction + after
        assert Boundaries("size", "error").last(data, 0, len(data)) == len(before)
        assert Boundaries().last(data, 0, len(data)) == len(data)


@pytest.mark.parametrize("size", [10, 200])
def test_values_that_are_not_ascii_are_left_to_the_other(size: int) -> None:
    before = encode("sync", 1)
    data = before + encode("name", "é" * size + ";" * size) + before
    assert Boundaries().last(data, 0, len(data)) == len(before)
    assert ends(data) == [len(before), len(data) - len(before), len(data)]


def test_a_value_with_a_wrong_end() -> None:
    with pytest.raises(ProtocolError, match="ends a value"):
        ends(b"4.syncs1.x;")


def test_an_end_within_an_instruction_is_not_passed() -> None:
    data = encode("sync", 1) + encode("blob", 1, "x" * 200)
    for end in range(len(data)):
        assert Boundaries().last(data, 0, end) in (0, len(encode("sync", 1)))


@given(STREAMS)
def test_split_at_every_byte(stream: list[tuple[str, list[str]]]) -> None:
    for opcode, args in stream:
        instruction = encode(opcode, *args)[:400]
        whole = Boundary().find(instruction, 0)
        boundary, held = Boundary(), bytearray()
        for byte in instruction:
            assert boundary.find(held, 0) == -1 if held else True
            held.append(byte)
        assert boundary.find(held, 0) == whole


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b".x;",
        b"4.sync;;",
        b"4.syncs;",
        b"4.sync,;",
        b"-1.x;",
        b"\x16\x03\x01",
        b"12345678.x",
        b"1",
        b"3.\xc3\xa9x;",
    ],
)
def test_garbage_is_refused_or_waits(garbage: bytes) -> None:
    data = garbage + b"\0" * 20
    with pytest.raises(ProtocolError, match="not an instruction"):
        ends(data)
    assert Boundaries().last(data, 0, len(data)) <= len(garbage)


def test_bytes_that_are_not_utf_8_count_as_nothing() -> None:
    assert ends(b"2.\xc3\xa9\x80\x80x;") == [8]


def test_limits() -> None:
    value = INSTRUCTION_MAX - len(b"1000000.")
    assert Boundary().find(b"%d." % value, 0) == -1
    with pytest.raises(ProtocolError, match="longer"):
        Boundary().find(b"%d." % (INSTRUCTION_MAX + 1), 0)
    held = bytearray(b"100." + b"x" * 100 + b",") * 20000
    with pytest.raises(ProtocolError, match="longer"):
        Boundary().find(held, 0)
    digits = b"0" * LENGTH_DIGITS_MAX
    assert ends(digits + b".;") == [len(digits) + 2]
    with pytest.raises(ProtocolError, match="no length"):
        ends(b"0" + digits + b".;")
