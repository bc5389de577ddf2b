"""The files of the archive: regrouped, encoded, and checked."""

import io
import sys

import pyrage
import pytest

from guacr.errors import SettingsError
from guacr.journal.encoding import ZSTANDARD, Decoding, Encoding, decoding, encoding
from guacr.journal.errors import FormatError, JournalError
from guacr.journal.records import Description, Record, encode_frame, encode_header
from guacr.journal.segments import Segment, encode, group

KEY = pyrage.x25519.Identity.generate()
ENCODINGS = [
    pytest.param(Encoding(), id="plain"),
    pytest.param(encoding(compress=True, recipients=[]), id="zstd"),
    pytest.param(encoding(compress=False, recipients=[str(KEY.to_public())]), id="age"),
    pytest.param(encoding(compress=True, recipients=[str(KEY.to_public())]), id="both"),
]
OWN = decoding(f"# made by age-keygen\n{KEY}\n")


def wal(*records: Record) -> bytes:
    frames = [encode_frame(r.stream, r.sequence, r.time, r.payload) + r.payload for r in records]
    return encode_header(0) + b"".join(frames)


def described(stream: int, kind: str) -> Record:
    return Record(stream, 0, 1, Description(kind, {"session": f"${stream}"}).encode())


MIXED = [
    described(7, "audit"),
    Record(7, 3, 10, b"a" * 500),
    described(9, "recording"),
    Record(9, 1, 11, b"b"),
    Record(7, 4, 12, b"c"),
    Record(9, 2, 13, b""),
]


def sealed(data: bytes, how: Encoding) -> bytes:
    file = io.BytesIO()
    streams, intact = group(data)
    assert intact == len(data)
    encode(data, streams, how, file.write)
    return file.getvalue()


def opened(data: bytes, how: Decoding = OWN) -> Segment:
    return Segment(len(data), lambda offset, length: data[offset : offset + length], how)


@pytest.mark.parametrize("how", ENCODINGS)
def test_each_stream_is_found_alone(how: Encoding) -> None:
    segment = opened(sealed(wal(*MIXED), how))
    one, other = segment.blocks
    assert (one.stream, one.kind, one.about) == (7, "audit", {"session": "$7"})
    assert (one.first, one.last, one.begin, one.end, one.ended) == (3, 4, 10, 12, False)
    assert (other.stream, other.kind, other.ended) == (9, "recording", True)
    assert list(segment.records(one)) == [MIXED[1], MIXED[4]]
    assert list(segment.records(other)) == [MIXED[3], MIXED[5]]


@pytest.mark.parametrize("how", ENCODINGS)
def test_a_changed_byte_changes_no_record_wherever_it_is(how: Encoding) -> None:
    data = sealed(wal(*MIXED), how)
    unnoticed = 0
    for at in range(len(data)):
        try:
            assert read(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]) == read(data)
        except JournalError:
            continue
        unnoticed += 1  # such as a reserved bit of Zstandard
    assert unnoticed <= (how.flags == ZSTANDARD) * 4


def read(data: bytes) -> list[Record]:
    segment = opened(data)
    return [record for block in segment.blocks for record in segment.records(block)]


@pytest.mark.parametrize("size", [0, 11, 40, 60])
def test_short_files_are_refused(size: int) -> None:
    with pytest.raises(FormatError):
        opened(sealed(wal(*MIXED), Encoding())[:size])


def test_a_compressed_file_is_smaller() -> None:
    assert len(sealed(wal(*MIXED), ENCODINGS[1].values[0])) < 700  # type: ignore[arg-type]


def test_encrypted_files_need_the_identity() -> None:
    data = sealed(wal(*MIXED), ENCODINGS[2].values[0])  # type: ignore[arg-type]
    assert b"session" not in data
    with pytest.raises(JournalError, match="--identity"):
        opened(data, Decoding())
    with pytest.raises(FormatError, match="other recipients"):
        opened(data, decoding(str(pyrage.x25519.Identity.generate())))


def test_a_bomb_is_not_decompressed() -> None:
    how = ENCODINGS[1].values[0]
    assert isinstance(how, Encoding)
    with pytest.raises(FormatError, match="101 bytes instead of 100"):
        OWN.decode(how.encode(bytes(1 << 28)), how.flags, 100)


def test_keys_are_checked() -> None:
    with pytest.raises(SettingsError, match="recipient"):
        encoding(compress=False, recipients=["age1wrong"])
    with pytest.raises(JournalError, match="none"):
        decoding("# empty\n")
    with pytest.raises(JournalError, match="AGE-SECRET-KEY"):
        decoding(str(KEY.to_public()))


def test_libraries_that_are_not_installed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyrage", "compression", "backports.zstd", "backports"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SettingsError, match=r"guacr\[journal\]"):
        encoding(compress=True, recipients=[])
    with pytest.raises(SettingsError, match=r"guacr\[journal\]"):
        encoding(compress=False, recipients=["age1"])


def test_records_without_a_description_are_refused() -> None:
    with pytest.raises(FormatError, match="description"):
        group(wal(Record(1, 1, 1, b"x")))


def test_a_file_that_was_cut_within_its_header_is_empty() -> None:
    assert group(wal()[:5]) == ({}, 0)
    with pytest.raises(FormatError):
        group(b"x" * 100)
