"""Instructions: an opcode, its arguments, and their form on the wire."""

from binascii import b2a_base64
from dataclasses import dataclass

BLOB_MAX = 6048
"""Raw bytes in one `blob`: its base64 keeps an instruction below Apache Guacamole's 8,192."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction as received."""

    opcode: str
    args: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """The instruction in UTF-8, ready to send."""
        return encode(self.opcode, *self.args)


def encode(opcode: str, *args: str | int) -> bytes:
    """One instruction in UTF-8; the length of an element counts Unicode code points.

    Code points that UTF-8 cannot hold (lone surrogates) are sent as U+FFFD, and a pair of
    surrogates as the one character that it stands for.
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
    """The `blob` instructions that carry `data` on `stream`, each of at most `BLOB_MAX` bytes."""
    index = str(stream)
    head = f"4.blob,{len(index)}.{index},".encode()
    parts: list[bytes] = []
    for start in range(0, len(data), BLOB_MAX):
        encoded = b2a_base64(data[start : start + BLOB_MAX], newline=False)
        parts += (head, b"%d." % len(encoded), encoded, b";")
    return b"".join(parts)


def encode_stream(opening: bytes, stream: int, data: bytes | memoryview) -> bytes:
    """A whole stream at once: the instruction that opens it, its blobs and its `end`."""
    return opening + encode_blobs(stream, data) + encode("end", stream)
