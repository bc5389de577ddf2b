"""The files of the archive, without I/O: the records of a journal's file, regrouped by stream.

    header:  magic "guacrseg" | version u16 | encodings u16
    blocks:  the records of one stream each, as they are in the journal, encoded
    index:   JSON, encoded: the streams, and where their blocks are
    footer:  offset u64 | length u64 | size u64 of the index | crc32 u32 | magic "guacrend"

A reader needs the footer and the index to find a stream, and then only its block.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from zlib import crc32

from guacr.journal.encoding import AGE, ZSTANDARD, Decoding, Encoding
from guacr.journal.errors import FormatError
from guacr.journal.records import HEADER_SIZE, Data, Description, Record, decode_header, scan
from guacr.json_text import JsonError, parse_json

VERSION = 1
INDEX_MAX = 64 * 1024 * 1024
"""Maximum bytes of an index."""
BLOCK_MAX = 256 * 1024 * 1024
"""Maximum bytes of a block."""

_HEADER = struct.Struct(">8sHH")
_FOOTER = struct.Struct(">QQQI8s")
_BEGIN, _END = b"guacrseg", b"guacrend"
HEADER_LENGTH = _HEADER.size
FOOTER_LENGTH = _FOOTER.size


@dataclass(frozen=True, slots=True)
class Block:
    """A stream in a file of the archive."""

    stream: int
    kind: str
    about: Mapping[str, str]
    offset: int
    length: int
    """Bytes in the file."""
    size: int
    """Bytes of the records."""
    first: int
    """The sequence number of the first record."""
    last: int
    begin: int
    """The time of the first record, in nanoseconds since 1970."""
    end: int
    ended: bool
    """True if the stream has ended with this block."""


@dataclass(slots=True)
class Grouped:
    """The records of one stream in a journal's file."""

    description: Description
    ranges: list[tuple[int, int]]
    """Offsets of their bytes."""
    first: Record
    last: Record
    size: int = 0


def group(data: Data) -> tuple[dict[int, Grouped], int]:
    """Return the streams in a journal's file, and the offset up to which it is intact.

    Raises:
        FormatError: it is no such file. One that a crash has cut within its header is empty.
    """
    if len(data) < HEADER_SIZE:
        return {}, 0
    decode_header(data)
    descriptions: dict[int, Description] = {}
    streams: dict[int, Grouped] = {}
    at = HEADER_SIZE
    for end, record in scan(data):
        if record.is_description:
            descriptions[record.stream] = Description.decode(record.payload)
        else:
            _add(streams, descriptions, record, at, end)
        at = end
    return streams, at


def _add(
    streams: dict[int, Grouped],
    descriptions: Mapping[int, Description],
    record: Record,
    at: int,
    end: int,
) -> None:
    one = streams.get(record.stream)
    if one is None:
        if record.stream not in descriptions:
            raise FormatError(f"stream {record.stream} has no description")
        description = descriptions[record.stream]
        one = streams[record.stream] = Grouped(description, [], record, record)
    one.last = record
    one.size += end - at
    if one.ranges and one.ranges[-1][1] == at:
        one.ranges[-1] = (one.ranges[-1][0], end)
    else:
        one.ranges.append((at, end))


def encode(
    data: Data, streams: Mapping[int, Grouped], encoding: Encoding, write: Callable[[bytes], object]
) -> None:
    """Pass a file of the archive with these streams of `data` to `write`, in pieces."""
    write(_HEADER.pack(_BEGIN, VERSION, encoding.flags))
    offset, blocks = HEADER_LENGTH, list[Block]()
    for number, one in streams.items():
        content = b"".join(data[start:end] for start, end in one.ranges)
        encoded = encoding.encode(content)
        write(encoded)
        blocks.append(
            Block(
                stream=number,
                kind=one.description.kind,
                about=one.description.about,
                offset=offset,
                length=len(encoded),
                size=one.size,
                first=one.first.sequence,
                last=one.last.sequence,
                begin=one.first.time,
                end=one.last.time,
                ended=one.last.is_end,
            )
        )
        offset += len(encoded)
    plain = json.dumps([asdict(block) for block in blocks]).encode()
    index = encoding.encode(plain)
    write(index)
    write(_FOOTER.pack(offset, len(index), len(plain), crc32(index), _END))


class Segment:
    """Reads a file of the archive.

    Args:
        size: of the file, in bytes.
        read: returns a number of bytes at an offset.
        decoding: for encrypted files.

    Raises:
        FormatError: it is no such file, it is damaged, or of a newer version.
        JournalError: it is encrypted, and there is no identity for it.
    """

    def __init__(self, size: int, read: Callable[[int, int], bytes], decoding: Decoding) -> None:
        if size < HEADER_LENGTH + FOOTER_LENGTH:
            raise FormatError("the file is too short for one of the archive")
        self._read = read
        self._decoding = decoding
        begin, version, self._flags = _HEADER.unpack(read(0, HEADER_LENGTH))
        footer = _FOOTER.unpack(read(size - FOOTER_LENGTH, FOOTER_LENGTH))
        self._end, length, plain, checksum, end = footer
        if (begin, end) != (_BEGIN, _END):
            raise FormatError("the file is not one of the archive")
        if version != VERSION or self._flags & ~(ZSTANDARD | AGE):
            raise FormatError(f"the file has version {version}: read it with a newer guacr")
        if self._end + length + FOOTER_LENGTH != size or max(length, plain) > INDEX_MAX:
            raise FormatError("the file's index is damaged")
        index = read(self._end, length)
        if crc32(index) != checksum:
            raise FormatError("the file's index is damaged")
        self.blocks = _blocks(decoding.decode(index, self._flags, plain), self._end)
        """The streams in the file."""

    def records(self, block: Block) -> Iterator[Record]:
        """Yield the records of a stream in this file.

        Raises:
            FormatError: the block is damaged.
        """
        encoded = self._read(block.offset, block.length)
        data = self._decoding.decode(encoded, self._flags, block.size)
        intact = 0
        for end, record in scan(data, 0):
            yield record
            intact = end
        if intact != len(data):
            raise FormatError(f"the block of stream {block.stream} is damaged")


def _blocks(index: bytes, end: int) -> list[Block]:
    try:
        values = parse_json(index)
    except JsonError:
        values = None
    if not isinstance(values, list):
        raise FormatError("the file's index is damaged")
    blocks = [_block(value) for value in values]
    for block in blocks:
        if not HEADER_LENGTH <= block.offset <= end - block.length or block.size > BLOCK_MAX:
            raise FormatError("the file's index names bytes that it does not have")
    return blocks


def _block(value: Any) -> Block:
    try:
        block = Block(**value)
    except TypeError:
        raise FormatError("the file's index is damaged") from None
    Description.of(value)
    numbers = (block.stream, block.offset, block.length, block.size, block.first, block.last)
    for number in (*numbers, block.begin, block.end):
        if type(number) is not int or not 0 <= number < 1 << 64:
            raise FormatError("the file's index is damaged")
    if type(block.ended) is not bool:
        raise FormatError("the file's index is damaged")
    return block
