"""The records of the journal, without I/O: their frames, and the header of a file.

    header:  magic "guacrlog" | version u16 | 0 u16 | base u64 | crc32 u32
    record:  length u32 | crc32 u32 | stream u64 | sequence u64 | time u64 | payload

Numbers are big-endian. `base` is the position of the file in the log of its process, so a position
in the log is `base` plus an offset in the file. The checksum of a record covers everything but
itself. `sequence` counts the records of a stream; 0 describes the stream (`Description`), and is
repeated in each file that contains records of it, so that each file can be read without others. An
empty payload ends a stream.
"""

from __future__ import annotations

import json
import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self
from zlib import crc32

from guacr.journal.errors import FormatError
from guacr.json_text import JsonError, parse_json

PAYLOAD_MAX = 16 * 1024 * 1024
"""Maximum bytes of a record."""
DESCRIPTION_MAX = 65536
"""Maximum bytes of the description of a stream."""
KIND_MAX = 32
VERSION = 1

_MAGIC = b"guacrlog"
_HEADER = struct.Struct(">8sHHQ")
_CHECKSUM = struct.Struct(">I")
_FIELDS = struct.Struct(">QQQ")
_FRAME = struct.Struct(">IIQQQ")

HEADER_SIZE = _HEADER.size + _CHECKSUM.size
FRAME_SIZE = _FRAME.size

Data = bytes | mmap.mmap
"""The content of a file. Slices of both are bytes."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a stream. `time` is in nanoseconds since 1970."""

    stream: int
    sequence: int
    time: int
    payload: bytes

    @property
    def is_description(self) -> bool:
        """True if the record describes its stream."""
        return self.sequence == 0

    @property
    def is_end(self) -> bool:
        """True if the record is the last one of its stream."""
        return not self.payload


@dataclass(frozen=True, slots=True)
class Description:
    """The content of a stream: its kind, and texts that say more, such as its session."""

    kind: str
    about: Mapping[str, str]

    def encode(self) -> bytes:
        """Return the payload of the record that describes the stream."""
        return json.dumps({"kind": self.kind, "about": dict(self.about)}).encode()

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Parse a payload.

        Raises:
            FormatError: it is not a description.
        """
        if len(payload) > DESCRIPTION_MAX:
            raise FormatError(f"a stream has a description of more than {DESCRIPTION_MAX} bytes")
        try:
            return cls.of(parse_json(payload))
        except JsonError:
            raise FormatError("the description of a stream is not JSON") from None

    @classmethod
    def of(cls, value: object) -> Self:
        """Read a description from a value of JSON.

        Raises:
            FormatError: it is not a description.
        """
        match value:
            case {"kind": str(kind), "about": dict(about)} if is_kind(kind):
                if all(isinstance(text, str) for text in about.values()):
                    return cls(kind, about)
        raise FormatError("the description of a stream is incomplete")


def is_kind(text: str) -> bool:
    """Return whether `text` can name a kind of streams, which becomes part of file names."""
    return 0 < len(text) <= KIND_MAX and text.isascii() and text.isalpha() and text.islower()


def encode_header(base: int) -> bytes:
    """Return the header of a file that begins at position `base` of its log."""
    header = _HEADER.pack(_MAGIC, VERSION, 0, base)
    return header + _CHECKSUM.pack(crc32(header))


def decode_header(data: Data) -> int:
    """Return the position of a file from its header.

    Raises:
        FormatError: this is no file of a journal, or one of a newer version.
    """
    header, checksum = data[: _HEADER.size], data[_HEADER.size : HEADER_SIZE]
    if len(checksum) < _CHECKSUM.size or _CHECKSUM.unpack(checksum)[0] != crc32(header):
        raise FormatError("the file has no header of a journal")
    magic, version, _, base = _HEADER.unpack(header)
    if magic != _MAGIC:
        raise FormatError("the file is not a journal's")
    if version != VERSION:
        raise FormatError(f"the file has version {version}: read it with a newer guacr")
    return int(base)


def encode_frame(stream: int, sequence: int, time: int, payload: bytes) -> bytes:
    """Return the bytes that precede `payload` in the file.

    Raises:
        FormatError: the payload is too long.
    """
    if len(payload) > PAYLOAD_MAX:
        raise FormatError(f"a record has more than {PAYLOAD_MAX} bytes")
    checksum = _checksum(len(payload), _FIELDS.pack(stream, sequence, time), payload)
    return _FRAME.pack(len(payload), checksum, stream, sequence, time)


def scan(data: Data, start: int = HEADER_SIZE) -> Iterator[tuple[int, Record]]:
    """Yield each record with the offset of its end, up to the first one that is incomplete or
    damaged: what follows was not written completely before a crash."""
    size, at = len(data), start
    while at + FRAME_SIZE <= size:
        length, checksum, stream, sequence, time = _FRAME.unpack(data[at : at + FRAME_SIZE])
        end = at + FRAME_SIZE + length
        if length > PAYLOAD_MAX or end > size:
            return
        payload = data[at + FRAME_SIZE : end]
        if checksum != _checksum(length, data[at + 8 : at + FRAME_SIZE], payload):
            return
        yield end, Record(stream, sequence, time, payload)
        at = end


def _checksum(length: int, fields: bytes, payload: bytes) -> int:
    return crc32(payload, crc32(fields, crc32(_CHECKSUM.pack(length))))
