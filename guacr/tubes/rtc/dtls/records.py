"""Records of DTLS 1.2 as they are on the wire (RFC 6347, section 4.1).

A record has a header of 13 bytes: its type (1), the version (2), the epoch (2), a number within the
epoch (6), and the length of what follows (2). Records of epoch 0 are not encrypted.
"""

from __future__ import annotations

from collections.abc import Iterator

CHANGE_CIPHER_SPEC, HANDSHAKE, APPLICATION_DATA = 20, 22, 23
HEADER = 13


class Numbering:
    """Numbers all records of epoch 0 that an end sends, those of OpenSSL and their repetitions.

    A repetition needs another number, since the peer may have seen the first and discarded the
    record nonetheless: OpenSSL does so with a ChangeCipherSpec that overtakes what precedes it.
    """

    def __init__(self) -> None:
        self._next = 0

    def renew(self, records: bytes) -> bytes:
        """Give the records that are not encrypted their next numbers."""
        renewed = bytearray(records)
        for begin, _ in _places(records):
            if not any(records[begin + 3 : begin + 5]):
                renewed[begin + 5 : begin + 11] = self._next.to_bytes(6, "big")
                self._next += 1
        return bytes(renewed)


def is_one_record_of_data(datagram: bytes | memoryview) -> bool:
    """Return whether a datagram is a single record of the application."""
    return (
        len(datagram) > HEADER
        and datagram[0] == APPLICATION_DATA
        and (datagram[11] << 8 | datagram[12]) + HEADER == len(datagram)
    )


def datagrams_of(records: bytes, size: int) -> Iterator[bytes]:
    """Pack records, which OpenSSL has written one after the other, into datagrams of up to `size`
    bytes."""
    first = last = 0
    for begin, end in _places(records):
        if end - first > size and begin > first:
            yield records[first:begin]
            first = begin
        last = end
    if first < last:
        yield records[first:last]


def _places(records: bytes) -> Iterator[tuple[int, int]]:
    """The begin and the end of each record."""
    begin = 0
    while begin < len(records):
        end = begin + HEADER + int.from_bytes(records[begin + 11 : begin + HEADER], "big")
        yield begin, end
        begin = end
