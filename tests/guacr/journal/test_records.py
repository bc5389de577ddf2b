"""The frames of records: whole or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.journal.errors import FormatError
from guacr.journal.records import (
    DESCRIPTION_MAX,
    FRAME_SIZE,
    HEADER_SIZE,
    PAYLOAD_MAX,
    Description,
    Record,
    decode_header,
    encode_frame,
    encode_header,
    scan,
)

NUMBERS = st.integers(0, 2**64 - 1)
RECORDS = st.lists(st.builds(Record, NUMBERS, NUMBERS, NUMBERS, st.binary(max_size=40)), max_size=8)
SAMPLE = [Record(1, 0, 5, b"{}"), Record(1, 1, 6, b"hello"), Record(2, 7, 8, b"")]


def file_of(records: list[Record], base: int = 0) -> bytes:
    frames = [encode_frame(r.stream, r.sequence, r.time, r.payload) + r.payload for r in records]
    return encode_header(base) + b"".join(frames)


def records_in(data: bytes) -> list[Record]:
    return [record for _, record in scan(data)]


@given(records=RECORDS, base=NUMBERS)
def test_what_is_written_is_read(records: list[Record], base: int) -> None:
    data = file_of(records, base)
    assert decode_header(data) == base
    assert records_in(data) == records


@given(records=RECORDS)
def test_a_cut_at_any_byte_leaves_the_records_before_it(records: list[Record]) -> None:
    data = file_of(records)
    ends = [end for end, _ in scan(data)]
    for size in range(HEADER_SIZE, len(data)):
        assert records_in(data[:size]) == records[: sum(end <= size for end in ends)]


def test_a_changed_byte_is_noticed_wherever_it_is() -> None:
    data = file_of(SAMPLE)
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        if at < HEADER_SIZE:
            with pytest.raises(FormatError):
                decode_header(changed)
        else:
            assert len(records_in(changed)) < len(SAMPLE)
            assert records_in(changed) == SAMPLE[: len(records_in(changed))]


def test_zeros_at_the_end_are_no_record() -> None:
    assert records_in(file_of(SAMPLE) + bytes(10 * FRAME_SIZE)) == SAMPLE


def test_the_length_of_a_record_is_limited() -> None:
    encode_frame(1, 1, 1, bytes(PAYLOAD_MAX))
    with pytest.raises(FormatError, match="more than"):
        encode_frame(1, 1, 1, bytes(PAYLOAD_MAX + 1))


def test_a_newer_version_is_named() -> None:
    with pytest.raises(FormatError, match="no header"):
        decode_header(b"guacrlog" + bytes(20))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b'{"kind":"audit"}',
        b'{"kind":"../x","about":{}}',
        b'{"kind":"a","about":{"x":1}}',
    ],
)
def test_descriptions_are_checked(payload: bytes) -> None:
    with pytest.raises(FormatError):
        Description.decode(payload)


def test_descriptions_are_limited() -> None:
    text = "x" * (DESCRIPTION_MAX - 40)
    long = Description("audit", {"a": text})
    assert Description.decode(long.encode()) == long
    with pytest.raises(FormatError, match="more than"):
        Description.decode(Description("audit", {"a": text + 40 * "x"}).encode())
