"""The Guacamole protocol of the test client: independent of guacr's codec, and stricter."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

INSTRUCTION_CHARACTERS_MAX = 8192
"""Apache Guacamole's limit for a whole instruction."""
ELEMENTS_MAX = 127
"""libguac does not handle a 128th element safely."""


class WireError(AssertionError):
    """The daemon sent something that a client must not accept."""


@dataclass(frozen=True, slots=True)
class Received:
    """An instruction, with its length on the wire."""

    opcode: str
    args: tuple[str, ...]
    size: int


def write(opcode: str, *args: object) -> bytes:
    """Encode an instruction; lengths count code points."""
    return (",".join(f"{len(str(e))}.{e}" for e in (opcode, *args)) + ";").encode()


class Splitter:
    """Cuts a stream of bytes into instructions."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._text = ""

    @property
    def idle(self) -> bool:
        """True if the stream is between two instructions."""
        return not self._text and self._decoder.getstate()[0] == b""

    def feed(self, data: bytes) -> list[Received]:
        """Return all complete instructions.

        Raises:
            WireError: the bytes violate the grammar or a limit.
        """
        try:
            self._text += self._decoder.decode(data)
        except UnicodeDecodeError as error:
            raise WireError("not UTF-8") from error
        done: list[Received] = []
        start = 0
        while taken := self._take(start):
            elements, end = taken
            size = len(self._text[start:end].encode())
            done.append(Received(elements[0], tuple(elements[1:]), size))
            start = end
        self._text = self._text[start:]
        if len(self._text) > INSTRUCTION_CHARACTERS_MAX:
            raise WireError(f"unterminated instruction: {self._text[:80]!r}")
        return done

    def _take(self, start: int) -> tuple[list[str], int] | None:
        """Return the elements of the instruction at `start` and its end, if it is complete."""
        elements: list[str] = []
        position = start
        while True:
            dot = self._text.find(".", position)
            if dot < 0:
                return None
            length = self._text[position:dot]
            if not (length.isascii() and length.isdigit()):
                raise WireError(f"no length: {self._text[start : position + 80]!r}")
            end = dot + 1 + int(length)
            if end >= len(self._text):
                return None
            elements.append(self._text[dot + 1 : end])
            position = end + 1
            if self._text[end] == ";":
                break
            if self._text[end] != ",":
                raise WireError(f"incorrect length: {self._text[start : end + 20]!r}")
        if position - start > INSTRUCTION_CHARACTERS_MAX:
            raise WireError(f"{elements[0]} of {position - start} characters")
        if len(elements) > ELEMENTS_MAX:
            raise WireError(f"{elements[0]} of {len(elements)} elements")
        return elements, position
