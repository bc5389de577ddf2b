"""Messages between processes: their packets, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.workers import wire
from guacr.workers.wire import PIECE, Assembler, Message, WireError, packets

TEXTS = st.text(st.characters(), max_size=20)


@given(
    TEXTS, st.dictionaries(TEXTS.filter(lambda n: n != "op"), TEXTS | st.integers()), st.binary()
)
def test_messages_arrive_unchanged(op: str, fields: dict[str, object], data: bytes) -> None:
    (packet,) = packets(op, fields, data)
    assert Assembler().feed(packet, 7) == Message(op, fields, data, 7)


@pytest.mark.parametrize("size", [0, PIECE - 20, PIECE, 3 * PIECE + 1])
def test_large_messages_come_in_pieces(size: int) -> None:
    data, assembler = bytes(size), Assembler()
    for _ in range(2):
        *first, last = packets("a", {}, data)
        assert all(len(packet) <= PIECE + 1 for packet in (*first, last))
        assert [assembler.feed(packet) for packet in first] == [None] * len(first)
        assert assembler.feed(last) == Message("a", {}, data)


def test_messages_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    head = len(b'{"op":"a"}\n')
    monkeypatch.setattr(wire, "MESSAGE_MAX", head + 10)
    assert packets("a", {}, bytes(10))
    with pytest.raises(WireError, match="more than 21 bytes"):
        packets("a", {}, bytes(11))
    assembler = Assembler()
    assert assembler.feed(b"\1" + bytes(20)) is None
    with pytest.raises(WireError):
        assembler.feed(b"\0")


@pytest.mark.parametrize(
    "packet", [b"", b"\2{}\n", b"\0", b"\0{}\n", b"\0[]\n", b'\0{"op":', b"\0\xff\n"]
)
def test_what_is_no_message_is_refused(packet: bytes) -> None:
    with pytest.raises(WireError):
        Assembler().feed(packet)
