"""RESP in any portions, within its bounds."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.database.redis.resp import LINE_MAX, VALUE_MAX, RespError, RespReader, Token

STREAM = (
    b"+OK\r\n-ERR no\r\n:12\r\n$5\r\na\r\nbc\r\n$0\r\n\r\n$-1\r\n*-1\r\n_\r\n*2\r\n%1\r\n"
    b",1.5\r\n#t\r\n=7\r\ntxt:abc\r\n~0\r\n(123\r\n!3\r\nERR\r\n>1\r\n|1\r\n"
)


def read(*parts: bytes) -> list[Token]:
    reader = RespReader()
    found: list[Token] = []
    for part in parts:
        reader.feed(part)
        found += reader.tokens()
    return found


def test_every_type_is_read() -> None:
    kinds = [token.kind for token in read(STREAM)]
    assert kinds == [bytes([c]) for c in b"+-:$$___*%,#=~(!>|"]
    assert read(STREAM)[3] == Token(b"$", b"a\r\nbc", 5)


def test_a_split_at_every_byte_changes_nothing() -> None:
    whole = read(STREAM)
    for place in range(len(STREAM)):
        assert read(STREAM[:place], STREAM[place:]) == whole
    assert read(*(bytes([c]) for c in STREAM)) == whole


@given(st.binary(max_size=200))
def test_anything_else_is_refused_with_one_error(data: bytes) -> None:
    with suppress(RespError):
        read(data)


def test_a_long_string_is_cut_and_what_follows_is_read() -> None:
    for size in (VALUE_MAX, VALUE_MAX + 1):
        data = b"$%d\r\n" % size + b"x" * size + b"\r\n:1\r\n"
        parts = [data[i : i + 65536] for i in range(0, len(data), 65536)]
        string, number = read(*parts)
        assert (len(string.data), string.size) == (VALUE_MAX, size)
        assert number.data == b"1"


def test_a_line_has_a_bound() -> None:
    assert len(read(b"+" + b"x" * (LINE_MAX - 1) + b"\r\n")) == 1
    with pytest.raises(RespError):
        read(b"+" + b"x" * LINE_MAX + b"\r\n")
    with pytest.raises(RespError):
        read(b"+" + b"x" * LINE_MAX)


@pytest.mark.parametrize("data", [b"$x\r\n", b"*--1\r\n", b"$9999999999999\r\n", b"HTTP/1.1\r\n"])
def test_what_is_no_size_is_refused(data: bytes) -> None:
    with pytest.raises(RespError):
        read(data)
