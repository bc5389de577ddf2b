"""The streams that a daemon has opened to a client."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass, field

from guacr.testing.wire import WireError

BLOB_MAX = 6048
INDEX_MAX = 1023

OPENERS = {
    "img": 6,
    "audio": 2,
    "video": 3,
    "clipboard": 2,
    "file": 3,
    "pipe": 3,
    "argv": 3,
    "body": 4,
}
"""Opcodes that open a stream, and the number of their arguments. The first argument is the index of
the stream, except in `body`, where it is the second."""


@dataclass(slots=True)
class Stream:
    """A stream: the instruction that opened it, and the bytes so far."""

    opcode: str
    args: tuple[str, ...]
    data: bytearray = field(default_factory=bytearray)


class Streams:
    """The open streams by index."""

    def __init__(self) -> None:
        self.open: dict[int, Stream] = {}

    def begin(self, opcode: str, args: tuple[str, ...]) -> Stream:
        """Open a stream."""
        if len(args) != OPENERS[opcode]:
            raise WireError(f"{opcode} with {len(args)} arguments")
        place = 1 if opcode == "body" else 0
        index = _index(args[place])
        if index in self.open:
            raise WireError(f"{opcode} on stream {index}, which is open")
        self.open[index] = Stream(opcode, (*args[:place], *args[place + 1 :]))
        return self.open[index]

    def blob(self, args: tuple[str, ...]) -> None:
        """Add bytes to an open stream."""
        if len(args) != 2:
            raise WireError(f"blob with {len(args)} arguments")
        index = _index(args[0])
        if index not in self.open:
            raise WireError(f"blob on stream {index}, which is not open")
        try:
            data = b64decode(args[1], validate=True)
        except (Base64Error, ValueError) as error:
            raise WireError("blob is not base64") from error
        if len(data) > BLOB_MAX:
            raise WireError(f"blob of {len(data)} bytes")
        self.open[index].data += data

    def end(self, args: tuple[str, ...]) -> Stream:
        """Complete a stream, and return it."""
        if len(args) != 1:
            raise WireError(f"end with {len(args)} arguments")
        index = _index(args[0])
        if index not in self.open:
            raise WireError(f"end of stream {index}, which is not open")
        return self.open.pop(index)


def _index(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= INDEX_MAX):
        raise WireError(f"stream index {text!r}")
    return int(text)
