from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from guacr.tubes.rtc.dtls.records import Numbering, datagrams_of, is_one_record_of_data
from tests.guacr.tubes.rtc.dtls.link import record

RECORDS = st.lists(
    st.builds(
        record,
        st.integers(20, 23),
        st.integers(0, 2),
        st.integers(0, 2**48 - 1),
        st.binary(max_size=300),
    ),
    max_size=12,
)


@given(RECORDS, st.integers(1, 1500))
def test_datagrams_are_as_long_as_they_may_be(records: list[bytes], size: int) -> None:
    datagrams = list(datagrams_of(b"".join(records), size))
    assert b"".join(datagrams) == b"".join(records)
    left = list(records)
    for datagram in datagrams:
        packed = left.pop(0)
        while left and len(packed) < len(datagram):
            packed += left.pop(0)
        assert packed == datagram
        assert len(datagram) <= size or datagram in records
        assert not left or len(datagram) + len(left[0]) > size


@given(RECORDS)
def test_numbers_of_epoch_0_are_never_used_twice(records: list[bytes]) -> None:
    numbering = Numbering()
    first, second = (numbering.renew(b"".join(records)) for _ in range(2))
    plain = [one for one in records if one[3:5] == b"\0\0"]
    expected, at = [], 0
    for one in records * 2:
        expected.append(one if one not in plain else one[:5] + at.to_bytes(6, "big") + one[11:])
        at += one in plain
    assert first + second == b"".join(expected)


def test_a_single_record_of_data() -> None:
    data = record(23, 1, 5, b"data")
    assert is_one_record_of_data(data)
    for other in (record(22, 1, 5, b"data"), data + data, data[:-1], data + b"x", data[:12], b""):
        assert not is_one_record_of_data(other)
