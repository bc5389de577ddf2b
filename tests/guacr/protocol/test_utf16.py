"""Lengths in code points and in UTF-16 code units."""

import pytest

from guacr.protocol.instruction import encode
from guacr.protocol.parser import InstructionParser
from guacr.protocol.utf16 import in_code_points, same_in_utf16


def units(*elements: str) -> bytes:
    """An instruction as guacamole-common-js 1.5.0 writes it."""
    parts = (f"{len(e.encode('utf-16-le')) // 2}.{e}" for e in elements)
    return (",".join(parts) + ";").encode()


@pytest.mark.parametrize("text", ["", "plain", "Zoë", "日本語", "\ufffd"])
def test_text_that_both_count_alike_is_untouched(text: str) -> None:
    assert same_in_utf16(encode("name", text)) == encode("name", text)
    assert in_code_points(encode("name", text)) == encode("name", text)


def test_emoji_are_sent_as_one_replacement_each() -> None:
    sent = same_in_utf16(encode("name", "a😀b🐳") + encode("sync", 1))
    assert sent == encode("name", "a\ufffdb\ufffd") + encode("sync", 1)
    assert sent == units("name", "a\ufffdb\ufffd") + units("sync", "1")


@pytest.mark.parametrize("write", [units, encode])
def test_both_ways_of_counting_are_understood(write) -> None:  # type: ignore[no-untyped-def]
    message = write("put", "1", "😀 done, 1.0;🐳") + write("key", "65", "1") + write("x", "🐳")
    instructions = InstructionParser().feed(in_code_points(message))
    assert [(one.opcode, *one.args) for one in instructions] == [
        ("put", "1", "😀 done, 1.0;🐳"),
        ("key", "65", "1"),
        ("x", "🐳"),
    ]


@pytest.mark.parametrize(
    "message",
    ["9.😀;", "1.😀", "x.😀;", ".😀;", "3.😀😀;", "1.😀,", "99999999.😀;", "1.a;😀"],
)
def test_what_is_whole_in_neither_way_is_left_to_the_parser(message: str) -> None:
    assert in_code_points(message.encode()) == message.encode()


def test_what_is_no_utf8_is_left_to_the_parser() -> None:
    assert in_code_points(b"1.\xf0\x9f\x98\x80;\xff") == b"1.\xf0\x9f\x98\x80;\xff"
