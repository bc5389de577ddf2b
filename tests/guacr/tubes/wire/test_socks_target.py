"""SOCKS targets: names and addresses, bounds, and what cannot be one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.tubes.errors import TargetError
from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.socks_target import HOST_MAX, SocksTarget, read_target

targets = st.builds(
    SocksTarget,
    st.text("abc.-:0189é日", min_size=1, max_size=80),
    st.integers(1, 0xFFFF),
)


@given(targets, st.binary(max_size=20))
def test_what_is_written_can_be_read(target: SocksTarget, rest: bytes) -> None:
    assert read_target(target.encode() + rest) == (target, rest)


@given(targets)
def test_cut_at_every_byte(target: SocksTarget) -> None:
    data = target.encode()
    for cut in range(len(data)):
        with pytest.raises(TargetError, match="SOCKS target is"):
            read_target(data[:cut])


@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda data: b"\0\0\0\4" + data))
def test_whatever_the_bytes(data: bytes) -> None:
    try:
        target, rest = read_target(data)
    except TargetError:
        pass
    else:
        assert target.encode() + rest == data


def test_the_longest_host() -> None:
    longest = SocksTarget("x" * HOST_MAX, 1)
    assert read_target(longest.encode()) == (longest, b"")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (SocksTarget("", 1).encode(), "SOCKS host of 0 bytes, 1 to 255 are allowed"),
        (SocksTarget("x" * 256, 1).encode(), "SOCKS host of 256 bytes, 1 to 255 are allowed"),
        (b"\xff\xff\xff\xff", "SOCKS host of 4294967295 bytes, 1 to 255 are allowed"),
        (SocksTarget("host", 0).encode(), "SOCKS target has port 0"),
        (b"\0\0\0\1\xff\0\1", "SOCKS host is not valid UTF-8"),
        (
            SocksTarget("a\0b", 1).encode(),
            r"SOCKS host 'a\x00b' has characters that names do not have",
        ),
        (
            SocksTarget("a\nb", 1).encode(),
            r"SOCKS host 'a\nb' has characters that names do not have",
        ),
    ],
)
def test_what_is_no_target(data: bytes, message: str) -> None:
    with pytest.raises(TargetError) as raised:
        read_target(data)
    assert str(raised.value) == message
    assert raised.value.reason is CloseReason.CONNECTION_FAILED
