"""The messages between the front, the zygote and the workers, without I/O.

A message is an operation with fields that JSON can represent, bytes, and up to one file descriptor.
It is sent as packets of a SOCK_SEQPACKET socket, which keeps their boundaries:

    packet  = flag piece                  flag: 0 in the last packet of a message, 1 before
    message = JSON LF data                the JSON object contains `op` and the fields

The file descriptor comes with the last packet. Both sides are processes of the same daemon; limits
exist so that one that fails cannot exhaust the other's memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from guacr.errors import GuacrError

PIECE = 60_000
"""Maximum bytes of a piece: a packet fits into the smallest buffer of a socket."""
PACKET_MAX = PIECE + 1
MESSAGE_MAX = 32 * 1024 * 1024
"""Maximum bytes of a message."""
_LAST, _MORE = b"\0", b"\1"


class WireError(GuacrError):
    """A message between processes is not one, or is too large."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that has been received."""

    op: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    data: bytes = field(default=b"", repr=False)
    fd: int | None = None
    """A descriptor that belongs to the receiver."""


def packets(op: str, fields: Mapping[str, Any], data: bytes = b"") -> list[bytes]:
    """Return the packets of a message.

    Raises:
        WireError: it is too large.
    """
    text = json.dumps({"op": op, **fields}, separators=(",", ":")).encode()
    whole = b"%s\n%s" % (text, data)
    if len(whole) > MESSAGE_MAX:
        raise WireError(f"a message between processes has more than {MESSAGE_MAX} bytes")
    pieces = [whole[at : at + PIECE] for at in range(0, len(whole), PIECE)]
    return [*(_MORE + piece for piece in pieces[:-1]), _LAST + pieces[-1]]


class Assembler:
    """Makes messages of the packets of one socket."""

    __slots__ = ("_pieces", "_size")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, packet: bytes, fd: int | None = None) -> Message | None:
        """Process a packet, and return the message that it completes.

        Raises:
            WireError: it is not of a message, or the message is too large.
        """
        self._size += len(packet)
        if self._size > MESSAGE_MAX or packet[:1] not in (_LAST, _MORE):
            raise WireError("a message between processes cannot be read")
        self._pieces.append(packet[1:])
        if packet[:1] == _MORE:
            return None
        text, _, data = b"".join(self._pieces).partition(b"\n")
        self._pieces.clear()
        self._size = 0
        try:
            fields = json.loads(text)  # not `parse_json`: texts of sessions may be anything
            return Message(fields.pop("op"), fields, data, fd)
        except (ValueError, AttributeError, KeyError, TypeError):
            raise WireError("a message between processes cannot be read") from None
