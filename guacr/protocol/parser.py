"""The parser of the Guacamole protocol, with its limits.

    instruction = element *( "," element ) ";"
    element     = length "." value            length counts Unicode code points, in decimal

The limits are those of libguac's `parser.c`, except that a length has at most five digits, as
in Apache Guacamole's own parser.
"""

import codecs
from functools import lru_cache

from guacr.errors import ProtocolError
from guacr.protocol.instruction import Instruction

ELEMENT_MAX = 8192
"""Maximum code points in an element."""
ELEMENTS_MAX = 128
"""Maximum elements in an instruction, including the opcode."""
INSTRUCTION_MAX = 32768
"""Maximum code points in an instruction, including lengths and separators."""
LENGTH_DIGITS_MAX = 5
FEED_SIZE = 4096
"""Bytes to feed at a time where many may arrive at once: at most 1,366 instructions, which take
about 2 ms."""
KEY_MESSAGE_MAX = 40
"""Maximum bytes of a message whose instructions are kept: a key that goes down and up."""
KEY_MESSAGES_KEPT = 1024
_KEY = b"3.key,"


class InstructionParser:
    """An incremental parser; its buffer is limited to `INSTRUCTION_MAX`."""

    __slots__ = ("_cut", "_decoder", "_elements", "_read", "_text")

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = ""  # incomplete input
        self._elements: list[str] = []
        self._read = 0  # code points of the current instruction that have left `_text`
        self._cut = False  # True if the decoder has an incomplete character

    @property
    def pending(self) -> bool:
        """True if an instruction is incomplete."""
        return bool(self._text or self._elements or self._cut)

    def feed(self, data: bytes) -> list[Instruction]:
        """Process `data`, and return the instructions that it completes.

        Raises:
            ProtocolError: the bytes are not Guacamole protocol, or exceed a limit. The parser
                cannot be used afterwards.
        """
        if len(data) <= KEY_MESSAGE_MAX and data.startswith(_KEY) and not self.pending:
            instructions = _keys(data)
            if instructions is not None:
                return list(instructions)
        return self._parse(data)

    def _parse(self, data: bytes) -> list[Instruction]:
        try:
            decoded = self._decoder.decode(data)
        except UnicodeDecodeError as error:
            raise ProtocolError("instruction is not valid UTF-8") from error
        self._cut = not data.isascii() and bool(self._decoder.getstate()[0])
        text = self._text + decoded if self._text else decoded
        instructions: list[Instruction] = []
        position = start = 0
        while (end := self._element_end(text, position)) >= 0:
            position = end + 1
            if text[end] == ";":
                self._check_length(position - start)
                opcode, *args = self._elements
                instructions.append(Instruction(opcode, tuple(args)))
                self._elements = []
                self._read = 0
                start = position
        self._read += position - start
        self._text = text[position:]
        self._check_length(len(self._text))
        return instructions

    def _check_length(self, more: int) -> None:
        """Reject an instruction that is too long with `more` code points after those in `_read`."""
        if self._read + more > INSTRUCTION_MAX:
            raise ProtocolError(f"instruction is longer than {INSTRUCTION_MAX} characters")

    def _element_end(self, text: str, position: int) -> int:
        """Parse the element at `position`; return the index of its terminator, or -1 if
        incomplete."""
        dot = text.find(".", position, position + LENGTH_DIGITS_MAX + 1)
        digits = text[position : dot if dot >= 0 else position + LENGTH_DIGITS_MAX + 1]
        if digits and not (digits.isascii() and digits.isdigit()):
            raise ProtocolError(f"element length is not a number: {digits!r}")
        if dot < 0:
            if len(digits) > LENGTH_DIGITS_MAX:
                raise ProtocolError(f"element length has more than {LENGTH_DIGITS_MAX} digits")
            return -1
        if not digits:
            raise ProtocolError("element without a length")
        length = int(digits)
        if length > ELEMENT_MAX:
            raise ProtocolError(f"element of {length} characters, {ELEMENT_MAX} are allowed")
        if len(self._elements) >= ELEMENTS_MAX:
            raise ProtocolError(f"instruction has more than {ELEMENTS_MAX} elements")
        end = dot + 1 + length
        if end >= len(text):
            return -1
        if text[end] not in ",;":
            raise ProtocolError(f"element ends with {text[end]!r} where ',' or ';' belongs")
        self._elements.append(text[dot + 1 : end])
        return end


@lru_cache(maxsize=KEY_MESSAGES_KEPT)
def _keys(data: bytes) -> tuple[Instruction, ...] | None:
    """Parse a message that begins with a key; return None if it is incomplete. People press the
    same few keys again and again, and wait for each of them."""
    parser = InstructionParser()
    instructions = parser._parse(data)
    return None if parser.pending else tuple(instructions)
