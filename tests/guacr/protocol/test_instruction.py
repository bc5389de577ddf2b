"""Instructions on the wire."""

from __future__ import annotations

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.protocol.instruction import (
    BLOB_MAX,
    Instruction,
    encode,
    encode_blobs,
    encode_stream,
)
from guacr.protocol.parser import InstructionParser
from guacr.testing.wire import INSTRUCTION_CHARACTERS_MAX, Splitter

any_text = st.text(st.characters(codec=None, categories=None), max_size=40)
elements = st.text(st.characters(codec="utf-8"), max_size=40)


@pytest.mark.parametrize(
    ("args", "wire"),
    [
        (("nop",), b"3.nop;"),
        (("", "ping", 12), b"0.,4.ping,2.12;"),
        (("size", 0, 1024, 768), b"4.size,1.0,4.1024,3.768;"),
        (("move", -1), b"4.move,2.-1;"),
        (("key", True), b"3.key,1.1;"),
        (("name", "a,b;c.d"), b"4.name,7.a,b;c.d;"),
        (("name", ""), b"4.name,0.;"),
    ],
)
def test_encode(args: tuple[str, *tuple[str | int, ...]], wire: bytes) -> None:
    assert encode(*args) == wire


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("ä", "1.ä"),
        ("日本", "2.日本"),
        ("😀", "1.😀"),
        ("e\u0301", "2.e\u0301"),
        ("\ud800", "1.\ufffd"),
        ("x\udc00y", "3.x\ufffdy"),
        ("\ud83d\ude00", "1.😀"),
    ],
)
def test_lengths_count_code_points(text: str, wire: str) -> None:
    assert encode("name", text) == f"4.name,{wire};".encode()


def test_surrogates_beside_numbers() -> None:
    assert encode("a", "\ud800", True, -5) == "1.a,1.\ufffd,1.1,2.-5;".encode()


@given(elements, st.lists(elements, max_size=10))
def test_what_is_encoded_is_parsed(opcode: str, args: list[str]) -> None:
    instruction = Instruction(opcode, tuple(args))
    assert InstructionParser().feed(instruction.encode()) == [instruction]


@given(any_text, st.lists(any_text, max_size=5))
def test_whatever_is_encoded_can_be_read_by_another_codec(opcode: str, args: list[str]) -> None:
    (received,) = Splitter().feed(encode(opcode, *args))
    assert len(received.args) == len(args)


@pytest.mark.parametrize("size", [0, 1, BLOB_MAX - 1, BLOB_MAX, BLOB_MAX + 1, 3 * BLOB_MAX])
def test_blobs_carry_everything_and_are_short_enough(size: int) -> None:
    data = bytes(number * 7 % 256 for number in range(size))
    received = Splitter().feed(encode_blobs(65535, memoryview(data)))
    assert all(one.opcode == "blob" and one.args[0] == "65535" for one in received)
    assert len(received) == -(-size // BLOB_MAX)
    assert b"".join(b64decode(one.args[1]) for one in received) == data


def test_the_largest_blob_keeps_to_the_limit_of_apache_guacamole() -> None:
    assert len(encode_blobs(1023, bytes(BLOB_MAX))) <= INSTRUCTION_CHARACTERS_MAX


def test_a_whole_stream() -> None:
    data = encode_stream(encode("clipboard", 3, "text/plain"), 3, b"hello")
    assert data == b"9.clipboard,1.3,10.text/plain;4.blob,1.3,8.aGVsbG8=;3.end,1.3;"


def test_an_empty_stream_has_no_blob() -> None:
    assert encode_stream(encode("pipe", 1, "a", "b"), 1, b"") == b"4.pipe,1.1,1.a,1.b;3.end,1.1;"
