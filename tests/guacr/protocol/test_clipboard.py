"""Clipboards in several types."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.errors import BadRequestError
from guacr.protocol.clipboard import HEAD_MAX, TYPES_MAX, pack, unpack

CONTENTS = st.dictionaries(st.text(max_size=20), st.binary(), min_size=1, max_size=TYPES_MAX)


@given(CONTENTS)
def test_contents_survive(contents: dict[str, bytes]) -> None:
    assert unpack(pack(contents)) == contents


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}\n",
        b'{"a":1}',
        b'{"a":2}\n1',
        b'{"a":1}\n12',
        b'{"a":-1}\n',
        b'{"a":true}\n1',
        b'{"a":1.0}\n1',
        b'["a"]\na',
        b"nonsense\n",
        b" " * HEAD_MAX + b'{"a":0}\n',
        pack({str(number): b"" for number in range(TYPES_MAX + 1)}),
    ],
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequestError):
        unpack(data)


@given(st.binary())
def test_any_bytes(data: bytes) -> None:
    with contextlib.suppress(BadRequestError):
        unpack(data)
