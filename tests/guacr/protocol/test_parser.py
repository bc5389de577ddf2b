"""The parser: its grammar, its limits at the bound and one past it, and bytes cut anywhere."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.errors import ProtocolError
from guacr.protocol.instruction import Instruction, encode
from guacr.protocol.parser import (
    ELEMENT_MAX,
    ELEMENTS_MAX,
    INSTRUCTION_MAX,
    LENGTH_DIGITS_MAX,
    InstructionParser,
)
from guacr.protocol.status import Status

SAMPLES = [
    Instruction("select", ("ssh",)),
    Instruction("", ("ping", "5")),
    Instruction("connect", ("VERSION_1_5_0", "", "a,b;c.d", "1.x;", "")),
    Instruction("name", ("é 日本 😀 \U0010ffff \u0000 \r\n",)),
    Instruction("nop"),
    Instruction("", ()),
]
WIRE = b"".join(sample.encode() for sample in SAMPLES)


def feed_in_parts(data: bytes, cuts: list[int]) -> tuple[list[Instruction], bool]:
    """Return the instructions of a parser that is fed in parts, and whether it raised an error."""
    parser, instructions = InstructionParser(), []
    edges = [0, *sorted(cuts), len(data)]
    try:
        for start, end in pairwise(edges):
            instructions += parser.feed(data[start:end])
    except ProtocolError:
        return instructions, True
    return instructions, False


def test_several_at_once() -> None:
    parser = InstructionParser()
    assert parser.feed(WIRE) == SAMPLES
    assert not parser.pending


@pytest.mark.parametrize("cut", range(len(WIRE) + 1))
def test_cut_at_every_byte(cut: int) -> None:
    assert feed_in_parts(WIRE, [cut]) == (SAMPLES, False)


def test_one_byte_at_a_time() -> None:
    assert feed_in_parts(WIRE, list(range(len(WIRE)))) == (SAMPLES, False)


@given(st.lists(st.integers(0, len(WIRE)), max_size=12))
def test_cut_anywhere(cuts: list[int]) -> None:
    assert feed_in_parts(WIRE, cuts) == (SAMPLES, False)


@given(
    st.binary(max_size=60) | st.text("0123456789.,;aä😀", max_size=60).map(str.encode),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_the_cuts_make_no_difference_whatever_the_bytes(data: bytes, cuts: list[int]) -> None:
    whole, failed = feed_in_parts(data, [])
    parts, failed_in_parts = feed_in_parts(data, [min(cut, len(data)) for cut in cuts])
    assert failed == failed_in_parts
    assert failed or parts == whole


def test_pending_from_the_first_byte_to_the_last() -> None:
    parser = InstructionParser()
    data = "1.a,1.😀;".encode()
    for byte in data[:-1]:
        assert parser.feed(bytes([byte])) == []
        assert parser.pending
    assert parser.feed(data[-1:]) == [Instruction("a", ("😀",))]
    assert not parser.pending


def test_an_instruction_after_a_piece_of_one() -> None:
    parser = InstructionParser()
    assert parser.feed(b"3.nop;4.si") == [Instruction("nop")]
    assert parser.feed(b"ze,1.0,1.5;3.n") == [Instruction("size", ("0", "5"))]
    assert parser.feed(b"op;") == [Instruction("nop")]


KEY = encode("key", 97, 1) + encode("key", 97, 0)


def test_messages_of_keys_are_parsed_as_all_others() -> None:
    parser = InstructionParser()
    for _ in range(2):  # the second time, what was parsed is known
        assert parser.feed(KEY) == [
            Instruction("key", ("97", "1")),
            Instruction("key", ("97", "0")),
        ]
        assert parser.feed(KEY[:20]) == [Instruction("key", ("97", "1"))]
        assert parser.pending
        assert parser.feed(KEY[20:]) == [Instruction("key", ("97", "0"))]
        assert parser.feed(b"4.size,6.") == []
        assert parser.feed(b"3.key,,1.1;") == [Instruction("size", ("3.key,", "1"))]
        with pytest.raises(ProtocolError):
            InstructionParser().feed(b"3.key,x.1;")


def test_what_is_returned_may_be_changed() -> None:
    InstructionParser().feed(KEY).clear()
    assert len(InstructionParser().feed(KEY)) == 2


def test_leading_zeros_are_numbers() -> None:
    assert InstructionParser().feed(b"00003.nop;") == [Instruction("nop")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x.nop;", "element length is not a number: 'x'"),
        (b"3x.nop;", "element length is not a number: '3x'"),
        (b"-1.nop;", "element length is not a number: '-1'"),
        (b" 3.nop;", "element length is not a number: ' 3'"),
        (b"GET / HTTP/1.1\r\n", "element length is not a number: 'GET / '"),
        ("٣.nop;".encode(), "element length is not a number: '٣'"),
        ("²".encode(), "element length is not a number: '²'"),
        (b".nop;", "element without a length"),
        (b"3.nop,.;", "element without a length"),
        (b"2.nop;", "element ends with 'p' where ',' or ';' belongs"),
        (b"3.nop.", "element ends with '.' where ',' or ';' belongs"),
        (b"4.name,1.\xff;", "instruction is not valid UTF-8"),
        (b"4.name,1.\xed\xa0\x80;", "instruction is not valid UTF-8"),
        (b"4.name,1.\xc0\xae;", "instruction is not valid UTF-8"),
        (b"4.name,1.\xf4\x90\x80\x80;", "instruction is not valid UTF-8"),
        (b"000003.nop;", "element length has more than 5 digits"),
        (b"9000.", "element of 9000 characters, 8192 are allowed"),
    ],
)
def test_what_is_no_instruction(data: bytes, message: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        InstructionParser().feed(data)
    assert str(raised.value) == message
    assert raised.value.status is Status.CLIENT_BAD_REQUEST


@pytest.mark.parametrize("character", ["a", "ä", "😀"])
def test_the_longest_element(character: str) -> None:
    text = character * ELEMENT_MAX
    assert InstructionParser().feed(encode("name", text)) == [Instruction("name", (text,))]


def test_an_element_that_is_too_long_is_refused_before_it_has_come() -> None:
    with pytest.raises(ProtocolError, match="element of 8193 characters"):
        InstructionParser().feed(f"4.name,{ELEMENT_MAX + 1}.".encode())


def test_the_most_elements() -> None:
    instruction = Instruction("log", tuple("x" * (ELEMENTS_MAX - 1)))
    assert InstructionParser().feed(instruction.encode()) == [instruction]


def test_one_element_too_many() -> None:
    with pytest.raises(ProtocolError, match=f"more than {ELEMENTS_MAX} elements"):
        InstructionParser().feed(encode("log", *"x" * ELEMENTS_MAX))


def test_digits_without_end() -> None:
    parser = InstructionParser()
    assert parser.feed(b"0" * LENGTH_DIGITS_MAX) == []
    with pytest.raises(ProtocolError, match="more than 5 digits"):
        parser.feed(b"0")


def instruction_of(characters: int) -> bytes:
    """An instruction with that many code points in all."""
    sizes = [8000, 8000, 8000, 7000]
    rest = characters - len("1.a") - sum(len(f",{size}.") + size for size in sizes) - 1
    texts = ["x" * size for size in (*sizes, rest - len(f",{rest - 6}."))]
    data = encode("a", *texts)
    assert len(data) == characters
    return data


@pytest.mark.parametrize("step", [INSTRUCTION_MAX * 2, 1000, 7])
def test_the_longest_instruction(step: int) -> None:
    data = instruction_of(INSTRUCTION_MAX)
    instructions, failed = feed_in_parts(data, list(range(step, len(data), step)))
    assert not failed
    assert [len(one.args) for one in instructions] == [5]


@pytest.mark.parametrize("step", [INSTRUCTION_MAX * 2, 1000, 7])
def test_an_instruction_that_is_too_long(step: int) -> None:
    data = instruction_of(INSTRUCTION_MAX + 1)
    assert feed_in_parts(data, list(range(step, len(data), step))) == ([], True)


def test_the_limit_is_for_each_instruction_of_many() -> None:
    data = instruction_of(INSTRUCTION_MAX)
    parser = InstructionParser()
    assert len(parser.feed(data * 3 + data[:-1])) == 3
    assert len(parser.feed(data[-1:] + data)) == 2
