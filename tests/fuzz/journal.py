"""Fuzzes the files of the journal: what is damaged is refused, and what is read was written."""

from __future__ import annotations

import io

from guacr.journal.encoding import Decoding, Encoding
from guacr.journal.errors import JournalError
from guacr.journal.manifest import Entry, decode
from guacr.journal.records import (
    Description,
    decode_header,
    encode_frame,
    encode_header,
    scan,
)
from guacr.journal.segments import Segment, encode, group
from tests.fuzz.driver import main

Frames = list[tuple[int, int, bytes]]


def _wal(frames: Frames) -> bytes:
    parts = [encode_frame(stream, number, 9, text) + text for stream, number, text in frames]
    return encode_header(5) + b"".join(parts)


def _segment(wal: bytes) -> bytes:
    file = io.BytesIO()
    encode(wal, group(wal)[0], Encoding(), file.write)
    return file.getvalue()


_AUDIT = Description("audit", {"session": "$1"}).encode()
_FILES = [
    _wal([]),
    _wal([(1, 0, _AUDIT), (1, 1, b"one"), (1, 2, b"")]),
    _wal([(1, 0, _AUDIT), (2, 0, _AUDIT), (1, 7, b"x" * 300), (2, 1, b"y"), (1, 8, b"z")]),
]
SAMPLES = [*_FILES, *map(_segment, _FILES), Entry(1, "0" * 64, 5, file="e-1").encode()]


def one_input(data: bytes) -> None:
    """Read `data` as each of the formats; only a `JournalError` may come of it."""
    _read_wal(data)
    _read_segment(data)
    try:
        entry = decode(data)
    except JournalError:
        return
    assert entry.encode() == data


def _read_wal(data: bytes) -> None:
    try:
        base = decode_header(data)
    except JournalError:
        return
    records = [record for _, record in scan(data)]
    frames = [encode_frame(r.stream, r.sequence, r.time, r.payload) + r.payload for r in records]
    assert data.startswith(b"".join([data[:24], *frames]))
    assert base >= 0
    try:
        streams, intact = group(data)
    except JournalError:
        return
    assert sum(one.size for one in streams.values()) <= intact <= len(data)
    segment = _open(_segment(data))
    assert {block.stream for block in segment.blocks} == set(streams)


def _read_segment(data: bytes) -> None:
    try:
        segment = _open(data)
        for block in segment.blocks:
            for _ in segment.records(block):
                pass
    except JournalError:
        return


def _open(data: bytes) -> Segment:
    return Segment(len(data), lambda offset, length: data[offset : offset + length], Decoding())


if __name__ == "__main__":
    main(one_input, SAMPLES)
