"""Instructions: an opcode with arguments, and their wire format."""

from binascii import b2a_base64
from dataclasses import dataclass

BLOB_MAX = 6048
"""Maximum raw bytes in a `blob`, whose base64 keeps it below Apache Guacamole's limit of 8,192."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction."""

    opcode: str
    args: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Encode the instruction in UTF-8, ready to send."""
        return encode(self.opcode, *self.args)


def encode(opcode: str, *args: str | int) -> bytes:
    """Encode an instruction in UTF-8; the length of an element counts Unicode code points.

    Code points that UTF-8 cannot encode (lone surrogates) are sent as U+FFFD, and a pair of
    surrogates as the character that it encodes.
    """
    parts = [f"{len(opcode)}.{opcode}"]
    for arg in args:
        text = arg if isinstance(arg, str) else str(int(arg))
        parts.append(f"{len(text)}.{text}")
    line = ",".join(parts) + ";"
    try:
        return line.encode()
    except UnicodeEncodeError:
        return encode(*map(_well_formed, (opcode, *args)))


def _well_formed(element: str | int) -> str:
    text = element if isinstance(element, str) else str(int(element))
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def encode_blobs(stream: int, data: bytes | memoryview) -> bytes:
    """Return `blob` instructions with `data` for `stream`, each of at most `BLOB_MAX` bytes."""
    index = str(stream)
    head = f"4.blob,{len(index)}.{index},".encode()
    parts: list[bytes] = []
    for start in range(0, len(data), BLOB_MAX):
        encoded = b2a_base64(data[start : start + BLOB_MAX], newline=False)
        parts += (head, b"%d." % len(encoded), encoded, b";")
    return b"".join(parts)


def encode_stream(opening: bytes, stream: int, data: bytes | memoryview) -> bytes:
    """Encode a complete stream: the instruction that opens it, its blobs and its `end`."""
    return opening + encode_blobs(stream, data) + encode("end", stream)
