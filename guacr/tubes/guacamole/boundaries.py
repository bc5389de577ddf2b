"""Finds where Guacamole instructions end in a stream of bytes, without decoding it.

    instruction = element *( "," element ) ";"
    element     = length "." value            length counts characters of UTF-8, in decimal

A value may contain the separators, so that only the lengths tell where an instruction ends.
"""

from __future__ import annotations

import re

from guacr.errors import ProtocolError

INSTRUCTION_MAX = 1 << 20
"""Maximum bytes of an instruction. guacd's have some 8,000 at most, but nothing specifies it."""
LENGTH_DIGITS_MAX = 7

_CONTINUATION = bytes(range(0x80, 0xC0))
"""All bytes of UTF-8 that begin no character."""
_COMMA, _SEMICOLON = b",;"


def _small_value() -> str:
    """Return a pattern for ASCII values of up to 99 characters, as a tree of the digits of their
    lengths: regular expressions cannot count."""
    lengths = [r"0\."]
    for first in range(1, 10):
        longer = "|".join(rf"{second}\.[\0-\x7f]{{{first}{second}}}" for second in range(10))
        lengths.append(rf"{first}(?:\.[\0-\x7f]{{{first}}}|{longer})")
    return "(?:" + "|".join(lengths) + ")"


class Boundaries:
    """Finds the ends of many instructions at once, but not of all kinds.

    `Boundary` finds every one, and is many times slower with small ones.

    Args:
        stop_at: opcodes of instructions that are not passed.
    """

    def __init__(self, *stop_at: str) -> None:
        value = _small_value()
        long = r"([1-9]\d{2,4})\."
        opcodes = "|".join(rf"{len(opcode)}\.{opcode}[,;]" for opcode in stop_at)
        passed = f"(?!{opcodes})" if opcodes else ""
        small = f"(?:{passed}(?:{value},)*+{value};)*+"
        self._small = re.compile(f"({small})(?:{passed}(?:{value},)*+{long})?+".encode())
        """Small instructions, and the beginning of one with a long value."""
        self._rest = re.compile(f"(?:{value},)*+(?:{value};|{long})".encode())
        """The rest of an instruction behind a long value, up to the next one."""

    def last(self, data: bytes, start: int, end: int) -> int:
        """Return where the last instruction ends, at `end` at most, of those that begin at `start`
        and follow one another; `start` if there is none.

        It stops before one with the opcodes `stop_at`, one with a long value that is not ASCII, and
        where the bytes are not of the protocol.
        """
        while (head := self._small.match(data, start, end)) is not None:
            start = head.end(1)
            after = self._after_long(data, head, end)
            if after < 0:
                break
            start = after
        return start

    def _after_long(self, data: bytes, head: re.Match[bytes], end: int) -> int:
        """Return where the instruction ends whose first long value begins behind `head`; -1 if it
        does not end before `end`."""
        length = head[2]
        at = head.end()
        while length:
            start, at = at, at + int(length)
            if at >= end or not data[start:at].isascii():
                return -1
            if data[at] == _SEMICOLON:
                return at + 1
            rest = self._rest.match(data, at + 1, end) if data[at] == _COMMA else None
            if rest is None:
                return -1
            length, at = rest[1], rest.end()
        return at if head[2] else -1


class Boundary:
    """Finds the end of one instruction, whose bytes may come in any pieces.

    Its time is linear in the bytes.
    """

    __slots__ = ("_at", "_missing")

    def __init__(self) -> None:
        self._at = 0  # of the first unprocessed byte, from the instruction's first
        self._missing = -1  # characters of the current value; -1 in a length

    def find(self, data: bytes | bytearray, start: int) -> int:
        """Return where the instruction that begins at `start` ends; -1 if it is incomplete. Then it
        has to be called with its bytes and more, until it is complete.

        Raises:
            ProtocolError: the bytes are not of the protocol, or the instruction is too long.
        """
        at, size = start + self._at, len(data)
        while at < size:
            if self._missing < 0:
                at = self._after_length(data, at)
                if self._missing < 0:
                    break
            at = self._after_value(data, at)
            if at == size:
                break
            self._missing = -1
            if data[at] == _SEMICOLON:
                self._at = 0
                return at + 1
            if data[at] != _COMMA:
                raise ProtocolError(f"not an instruction: {_shown(data, at)} ends a value")
            at += 1
        self._at = at - start
        if max(self._at, size - start) + max(self._missing, 0) > INSTRUCTION_MAX:
            raise ProtocolError(f"an instruction is longer than {INSTRUCTION_MAX} bytes")
        return -1

    def _after_length(self, data: bytes | bytearray, at: int) -> int:
        """Read a length, if it is complete; return where to continue."""
        dot = data.find(b".", at, at + LENGTH_DIGITS_MAX + 1)
        digits = data[at:dot] if dot >= 0 else data[at : at + LENGTH_DIGITS_MAX + 1]
        if not digits.isdigit() or (dot < 0 and len(digits) > LENGTH_DIGITS_MAX):
            raise ProtocolError(f"not an instruction: {_shown(data, at)} is no length")
        if dot < 0:
            return at
        self._missing = int(digits)
        return dot + 1

    def _after_value(self, data: bytes | bytearray, at: int) -> int:
        """Return where the current value ends, or the end of the data."""
        size = len(data)
        while self._missing and at < size:
            part = data[at : at + self._missing]
            at += len(part)
            if part.isascii():
                self._missing -= len(part)
            else:
                self._missing -= len(part.translate(None, _CONTINUATION))
        while at < size and data[at] & 0xC0 == 0x80:  # the rest of the last character
            at += 1
        return at


def _shown(data: bytes | bytearray, at: int) -> str:
    return repr(bytes(data[at : at + 16]))[1:]
