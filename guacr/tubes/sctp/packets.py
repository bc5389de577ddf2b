"""Packets and chunks as bytes (RFC 9260 section 3, RFC 6525 section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct

from guacr.tubes.sctp.crc32c import extend

COMMON_HEADER = 12
"""Bytes before the first chunk: ports, verification tag and checksum."""
DATA_HEADER = 16
"""Bytes of a DATA chunk before its user data."""

_PORTS_AND_TAG = Struct("!HHI")
_CHECKSUM = Struct("<I")
_CHUNK = Struct("!BBH")
_DATA = Struct("!BBHIHHI")
_INIT = Struct("!IIHHI")
_SACK = Struct("!IIHH")
_GAP = Struct("!HH")
_TLV = Struct("!HH")
_OUTGOING_RESET = Struct("!III")
_WORDS = Struct("!II")


class ChunkType(IntEnum):
    """Types of chunks that are sent or understood."""

    DATA = 0
    INIT = 1
    INIT_ACK = 2
    SACK = 3
    HEARTBEAT = 4
    HEARTBEAT_ACK = 5
    ABORT = 6
    SHUTDOWN = 7
    SHUTDOWN_ACK = 8
    ERROR = 9
    COOKIE_ECHO = 10
    COOKIE_ACK = 11
    SHUTDOWN_COMPLETE = 14
    RECONFIG = 130


LAST, FIRST, UNORDERED, IMMEDIATE = 1, 2, 4, 8
"""Flags of a DATA chunk; IMMEDIATE asks for a SACK at once (RFC 7053)."""


class Parameter(IntEnum):
    """Parameters of INIT and RE-CONFIG chunks."""

    STATE_COOKIE = 7
    OUTGOING_RESET_REQUEST = 13
    INCOMING_RESET_REQUEST = 14
    RECONFIG_RESPONSE = 16
    ADD_OUTGOING_STREAMS = 17
    ADD_INCOMING_STREAMS = 18
    SUPPORTED_EXTENSIONS = 0x8008


class MalformedError(ValueError):
    """A packet or chunk that does not follow the specification."""


def padded(length: int) -> int:
    """`length` with the padding to a multiple of four bytes."""
    return (length + 3) & ~3


class PacketWriter:
    """Puts chunks into packets of one association.

    Args:
        source_port, destination_port: the SCTP ports of the two ends.
        tag: the peer's verification tag, 0 for an INIT.
    """

    def __init__(self, source_port: int, destination_port: int, tag: int) -> None:
        self._head = _PORTS_AND_TAG.pack(source_port, destination_port, tag)
        self._crc = extend(0, self._head + bytes(4))

    def packet(self, body: bytes) -> bytes:
        """The packet with these chunks; each is padded already."""
        return self._head + _CHECKSUM.pack(extend(self._crc, body)) + body


def check_packet(packet: bytes) -> int:
    """The verification tag of a packet.

    Raises:
        MalformedError: it is too short, or its checksum is wrong.
    """
    if len(packet) < COMMON_HEADER + 4:
        raise MalformedError("shorter than a packet")
    crc = extend(extend(0, packet[:8] + bytes(4)), packet[COMMON_HEADER:])
    if crc != _CHECKSUM.unpack_from(packet, 8)[0]:
        raise MalformedError("the checksum is wrong")
    tag: int = _PORTS_AND_TAG.unpack_from(packet)[2]
    return tag


def chunks(packet: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Type, flags, start and end of each chunk's value, without its padding.

    Raises:
        MalformedError: a length does not fit into the packet.
    """
    at, size = COMMON_HEADER, len(packet)
    while at + 4 <= size:
        kind, flags, length = _CHUNK.unpack_from(packet, at)
        if length < 4 or at + length > size:
            raise MalformedError("the length of a chunk is wrong")
        yield kind, flags, at + 4, at + length
        at += (length + 3) & ~3


def chunk(kind: int, value: bytes = b"", flags: int = 0) -> bytes:
    """A chunk with its padding."""
    data = _CHUNK.pack(kind, flags, 4 + len(value)) + value
    return data + bytes(-len(data) & 3)


def data_chunk(
    flags: int, tsn: int, stream: int, sequence: int, protocol: int, data: bytes | memoryview
) -> bytes:
    """A DATA chunk with its padding."""
    size = DATA_HEADER + len(data)
    head = _DATA.pack(0, flags, size, tsn & 0xFFFFFFFF, stream, sequence & 0xFFFF, protocol)
    return b"".join((head, data, bytes(-size & 3)))


def data_fields(packet: bytes, start: int) -> tuple[int, int, int, int]:
    """TSN, stream, stream sequence number and payload protocol of a DATA chunk's value."""
    fields: tuple[int, int, int, int] = _DATA_FIELDS.unpack_from(packet, start)
    return fields


_DATA_FIELDS = Struct("!IHHI")


def init_chunk(
    kind: int, tag: int, window: int, streams: int, tsn: int, parameters: bytes
) -> bytes:
    """An INIT or INIT ACK chunk (RFC 9260 sections 3.3.2 and 3.3.3)."""
    return chunk(kind, _INIT.pack(tag, window, streams, streams, tsn & 0xFFFFFFFF) + parameters)


def init_fields(value: bytes) -> tuple[int, int, int, int, int]:
    """Tag, window in bytes, outgoing streams, incoming streams, first TSN.

    Raises:
        MalformedError: it is too short, or a field has a forbidden value.
    """
    if len(value) < _INIT.size:
        raise MalformedError("an INIT chunk is too short")
    fields: tuple[int, int, int, int, int] = _INIT.unpack_from(value)
    if 0 in (fields[0], fields[2], fields[3]):
        raise MalformedError("an INIT chunk without tag or streams")
    return fields


def sack_chunk(tsn: int, window: int, gaps: list[tuple[int, int]], duplicates: list[int]) -> bytes:
    """A SACK chunk; gaps are (first, last) as offsets from `tsn` (RFC 9260 section 3.3.4)."""
    parts = [_SACK.pack(tsn & 0xFFFFFFFF, window, len(gaps), len(duplicates))]
    parts += [_GAP.pack(first, last) for first, last in gaps]
    parts += [(duplicate & 0xFFFFFFFF).to_bytes(4) for duplicate in duplicates]
    return chunk(ChunkType.SACK, b"".join(parts))


def sack_fields(packet: bytes, start: int, end: int) -> tuple[int, int, list[tuple[int, int]]]:
    """Cumulative TSN, window in bytes, and gaps as offsets of a SACK chunk's value.

    Raises:
        MalformedError: it is shorter than its counts.
    """
    if end - start < _SACK.size:
        raise MalformedError("a SACK chunk is too short")
    tsn, window, gap_count, _ = _SACK.unpack_from(packet, start)
    if not gap_count:
        return tsn, window, []
    gaps_end = start + _SACK.size + 4 * gap_count
    if gaps_end > end:
        raise MalformedError("a SACK chunk is too short for its gaps")
    return tsn, window, list(_GAP.iter_unpack(packet[start + _SACK.size : gaps_end]))


def parameter(kind: int, value: bytes) -> bytes:
    """A parameter with its padding."""
    data = _TLV.pack(kind, 4 + len(value)) + value
    return data + bytes(-len(data) & 3)


def parameters(value: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value of each parameter.

    Raises:
        MalformedError: a length does not fit.
    """
    at = 0
    while at + 4 <= len(value):
        kind, length = _TLV.unpack_from(value, at)
        if length < 4 or at + length > len(value):
            raise MalformedError("the length of a parameter is wrong")
        yield kind, value[at + 4 : at + length]
        at += padded(length)


def outgoing_reset_request(request: int, response: int, last_tsn: int, streams: list[int]) -> bytes:
    """An Outgoing SSN Reset Request parameter (RFC 6525 section 4.1)."""
    fixed = _OUTGOING_RESET.pack(request, response, last_tsn & 0xFFFFFFFF)
    return parameter(
        Parameter.OUTGOING_RESET_REQUEST, fixed + b"".join(n.to_bytes(2) for n in streams)
    )


def outgoing_reset_fields(value: bytes) -> tuple[int, int, list[int]]:
    """Request number, last TSN, and streams (none means all).

    Raises:
        MalformedError: it is too short.
    """
    if len(value) < _OUTGOING_RESET.size:
        raise MalformedError("a reset request is too short")
    request, _, last_tsn = _OUTGOING_RESET.unpack_from(value)
    numbers = value[_OUTGOING_RESET.size :]
    streams = [int.from_bytes(numbers[at : at + 2]) for at in range(0, len(numbers) - 1, 2)]
    return request, last_tsn, streams


def reconfig_response(request: int, result: int) -> bytes:
    """A Re-configuration Response parameter (RFC 6525 section 4.4)."""
    return parameter(Parameter.RECONFIG_RESPONSE, _WORDS.pack(request, result))


def reconfig_response_fields(value: bytes) -> tuple[int, int]:
    """Request number and result.

    Raises:
        MalformedError: it is too short.
    """
    if len(value) < _WORDS.size:
        raise MalformedError("a reset response is too short")
    fields: tuple[int, int] = _WORDS.unpack_from(value)
    return fields
