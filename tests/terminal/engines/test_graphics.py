"""Commands of the Kitty graphics protocol in a host's output."""

from __future__ import annotations

import pytest

from terminal.engines.graphics import (
    MAX_KEYS_BYTES,
    Erasure,
    GraphicsCommand,
    GraphicsSplitter,
    Part,
)

LIMIT = 64


def joined(parts: list[Part]) -> list[Part]:
    """The same with neighbouring bytes put together."""
    result: list[Part] = []
    for part in parts:
        if isinstance(part, bytes) and result and isinstance(result[-1], bytes):
            result[-1] += part
        else:
            result.append(part)
    return result


STREAMS: dict[str, tuple[bytes, list[Part]]] = {
    "text": (b"a_Gb\x1b[m_\x1b]0;G\x07", [b"a_Gb\x1b[m_\x1b]0;G\x07"]),
    "a command": (
        b"a\x1b_Ga=T,i=3,z=-5;QUJD\x1b\\b",
        [b"a", GraphicsCommand({"a": "T", "i": "3", "z": "-5"}, b"QUJD"), b"b"],
    ),
    "two commands": (
        b"\x1b_Gm=1;QQ==\x1b\\\x1b_Gm=0\x1b\\",
        [GraphicsCommand({"m": "1"}, b"QQ=="), GraphicsCommand({"m": "0"})],
    ),
    "no keys": (b"\x1b_G;QUJD\x1b\\", [GraphicsCommand({}, b"QUJD")]),
    "cut short by another sequence": (b"\x1b_Ga=T;QUJD\x1b[mx", [b"\x1b[mx"]),
    "cancelled": (b"\x1b_Ga=T;QUJD\x18x", [b"\x18x"]),
    "a byte that does not belong": (b"\x1b_Ga=T;QU\xffJD\x1b\\x", [b"\xffJD\x1b\\x"]),
    "keys of two letters": (b"\x1b_Gab=1\x1b\\x", [b"x"]),
    "a key without a value": (b"\x1b_Ga=\x1b\\x", [b"x"]),
    "a key that injects": (b"\x1b_Ga=1;i=2,\x1b\\x", [GraphicsCommand({"a": "1"}, b"i=2,"), b"x"]),
    "other strings": (b"\x1b_Xa\x1b\\\x1bP_G\x1b\\", [b"\x1b_Xa\x1b\\\x1bP_G\x1b\\"]),
    "an escape at the end": (b"x\x1b", [b"x"]),
}


@pytest.mark.parametrize(("data", "parts"), STREAMS.values(), ids=STREAMS)
def test_commands_are_cut_out_wherever_the_output_is_cut(data: bytes, parts: list[Part]) -> None:
    assert joined(GraphicsSplitter(LIMIT).split(data)) == parts
    for first in range(len(data)):
        for second in range(first, len(data)):
            splitter = GraphicsSplitter(LIMIT)
            pieces = data[:first], data[first:second], data[second:]
            assert joined([part for piece in pieces for part in splitter.split(piece)]) == parts


@pytest.mark.parametrize(("data", "parts"), STREAMS.values(), ids=STREAMS)
def test_what_does_not_concern_it_can_go_past_it(data: bytes, parts: list[Part]) -> None:
    for size in (1, 2, 3, 7):
        splitter = GraphicsSplitter(LIMIT)
        found: list[Part] = []
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            found += splitter.split(piece) if splitter.concerns(piece) else [piece]
        assert joined(found) == parts


def test_text_concerns_it_only_if_a_command_may_begin() -> None:
    splitter = GraphicsSplitter(LIMIT)
    assert not any(map(splitter.concerns, (b"", b"text", b"_", b"a_Gb", b"\x1b[31m_x")))
    assert all(map(splitter.concerns, (b"\x1b", b"\x1b_", b"a\x1b_Gb")))


def test_commands_and_keys_are_bounded() -> None:
    splitter = GraphicsSplitter(LIMIT)
    (command,) = splitter.split(b"\x1b_Ga=T;" + b"A" * 100 + b"\x1b\\")
    assert command == GraphicsCommand({"a": "T"}, b"A" * (LIMIT - 4))
    splitter = GraphicsSplitter(2 * MAX_KEYS_BYTES)
    keys = b",".join([b"a=T"] * (MAX_KEYS_BYTES // 4 + 1))
    assert splitter.split(b"\x1b_G" + keys[:-4] + b"\x1b\\")
    assert not splitter.split(b"\x1b_G" + keys + b",i=1\x1b\\")


def test_a_command_is_encoded_as_it_was_sent() -> None:
    data = b"\x1b_Ga=T,i=3,z=-5;QUJD\x1b\\"
    (command,) = GraphicsSplitter(LIMIT).split(data)
    assert isinstance(command, GraphicsCommand)
    assert command.encode() == data
    assert (command.action, command.number("z"), command.number("x")) == ("T", -5, 0)
    assert GraphicsCommand({}).action == "t"


def test_erasures_are_announced_while_there_are_images() -> None:
    data = b"a\x1b[H\x1b[Jb\x1b[3Jc\x1b[H\x1b[K\x1b[2J"
    assert not GraphicsSplitter(LIMIT).concerns(data)
    parts = [
        b"a",
        Erasure.SCREEN,
        b"\x1b[H\x1b[Jb",
        Erasure.SCROLLBACK,
        b"\x1b[3Jc\x1b[H\x1b[K\x1b[2J",
    ]
    for cut in range(len(data)):
        splitter = GraphicsSplitter(LIMIT)
        splitter.erasures = True
        assert splitter.concerns(data)
        assert joined(splitter.split(data[:cut]) + splitter.split(data[cut:])) == parts
