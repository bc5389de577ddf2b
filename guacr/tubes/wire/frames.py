"""Frames: what the messages of a data channel consist of.

    offset 0   u32  conn_no       0 = control message, otherwise the number of a connection
           4   u64  timestamp     milliseconds since 1970; receivers ignore it
          12   u32  length
          16        payload       `length` bytes
      16+length     ";"

Numbers are big-endian. A channel is a stream of bytes in both directions: a message may have many
frames, and a frame may span many messages. The format is that of keeper-pam-webrtc-rs 2.2.9.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import TypeAlias

from guacr.tubes.errors import FrameTooLongError, WireError

CONTROL = 0
"""The conn_no of control messages."""
OVERHEAD = 17
"""Bytes of a frame besides its payload."""
LENGTH_MAX = 16 * 1024 * 1024
"""Maximum bytes of a received payload."""
PAYLOAD_MAX = 32717
"""Maximum bytes of a sent payload, as in keeper-pam-webrtc-rs."""
MESSAGE_MAX = 65535
"""Maximum bytes of a message to any peer; keeper-pam-webrtc-rs announces this limit."""
MESSAGE_MIN = 1024
"""A peer has to accept messages of this many bytes."""

Frame: TypeAlias = tuple[int, bytes]
"""The conn_no and the payload of a frame; a plain tuple, since a named one takes twice as long."""

Payload: TypeAlias = bytes | bytearray | memoryview
"""Bytes to send; a memoryview has items of one byte."""

_HEADER = Struct(">IQI")
_HEADER_SIZE = _HEADER.size
_TERMINATOR = b";"
_SEMICOLON = _TERMINATOR[0]


class FrameParser:
    """An incremental parser for the messages of one channel.

    It holds one incomplete frame at most, in memory that grows with the bytes received and not with
    the announced length. Its time is linear in the bytes received, however they are cut.

    A frame that does not end with a semicolon is dropped, and its conn_no listed in `damaged`. If a
    whole frame follows in the same message, the lengths are right, and parsing continues with it.
    Otherwise the rest of the message is dropped as well, and parsing continues with the next
    message. (keeper-pam-webrtc-rs always drops the rest, and loses frames of other connections.)
    """

    __slots__ = ("_held", "damaged")

    def __init__(self) -> None:
        self._held = bytearray()  # the beginning of a frame
        self.damaged: list[int] = []
        """Connections of which the last call of `feed` has dropped a frame. The bytes are lost, so
        such a connection should be closed with PROTOCOL_ERROR."""

    @property
    def held(self) -> int:
        """Bytes of an incomplete frame."""
        return len(self._held)

    def feed(self, message: bytes) -> list[Frame]:
        """Process a message, and return the frames that it completes.

        Raises:
            FrameTooLongError: a frame has more than `LENGTH_MAX` bytes. The frames before it in the
                same message are lost, and the parser cannot be used afterwards.
        """
        frames: list[Frame] = []
        if self.damaged:
            self.damaged = []
        at = self._complete(message, frames) if self._held else 0
        size = len(message)
        while size - at >= _HEADER_SIZE:
            conn_no, _, length = _HEADER.unpack_from(message, at)
            start = at + _HEADER_SIZE
            end = start + length
            if length > LENGTH_MAX:
                raise _too_long(length)
            if end >= size:
                break
            if message[end] == _SEMICOLON:
                frames.append((conn_no, message[start:end]))
                at = end + 1
            else:
                at = self._after_damaged(message, conn_no, end + 1)
        if at < size:
            self._held += message if at == 0 else memoryview(message)[at:]
        return frames

    def _complete(self, message: bytes, frames: list[Frame]) -> int:
        """Add to the incomplete frame; return where the next one begins."""
        held, at = self._held, 0
        if len(held) < _HEADER_SIZE:
            at = _HEADER_SIZE - len(held)
            held += message[:at]
            if len(held) < _HEADER_SIZE:
                return len(message)
        conn_no, _, length = _HEADER.unpack_from(held)
        if length > LENGTH_MAX:
            raise _too_long(length)
        missing: int = length + OVERHEAD - len(held)
        held += memoryview(message)[at : at + missing]
        if len(held) < length + OVERHEAD:
            return len(message)
        self._held = bytearray()
        if held[-1] != _SEMICOLON:
            return self._after_damaged(message, conn_no, at + missing)
        frames.append((conn_no, bytes(memoryview(held)[_HEADER_SIZE:-1])))
        return at + missing

    def _after_damaged(self, message: bytes, conn_no: int, at: int) -> int:
        """Note a frame with a wrong terminator that ends at `at`; return where to continue."""
        self.damaged.append(conn_no)
        if len(message) - at < OVERHEAD:
            return len(message)
        end = at + _HEADER_SIZE + int(_HEADER.unpack_from(message, at)[2])
        is_whole = end < len(message) and message[end] == _SEMICOLON
        return at if is_whole else len(message)


def _too_long(length: int) -> FrameTooLongError:
    return FrameTooLongError(f"frame of {length} bytes, {LENGTH_MAX} are allowed")


def is_frame(message: bytes) -> bool:
    """Return whether a message is exactly one frame."""
    if len(message) < OVERHEAD or message[-1] != _SEMICOLON:
        return False
    return bool(_HEADER.unpack_from(message)[2] == len(message) - OVERHEAD)


def message_limit(announced: int) -> int:
    """Return the maximum bytes of a message to a peer with this `max-message-size` in its SDP,
    where 0 means no limit.

    Raises:
        WireError: the peer's limit is below `MESSAGE_MIN`.
    """
    if 0 < announced < MESSAGE_MIN:
        raise WireError(f"peer accepts messages of {announced} bytes, {MESSAGE_MIN} are needed")
    return min(announced or MESSAGE_MAX, MESSAGE_MAX)


def encode(conn_no: int, payload: Payload, now_ms: int) -> bytes:
    """Return a frame; `now_ms` are milliseconds since 1970.

    It is a message as it is if the payload has at most `MESSAGE_MAX - OVERHEAD` bytes.
    """
    return b"".join((_HEADER.pack(conn_no, now_ms, len(payload)), payload, _TERMINATOR))


def encode_split(
    conn_no: int, payload: Payload, now_ms: int, message_max: int = MESSAGE_MAX
) -> list[bytes]:
    """Return messages of one frame each, with at most `message_max` bytes and `PAYLOAD_MAX` in a
    payload; `message_max` comes from `message_limit`. An empty payload gives one frame.

    A character of UTF-8 is not cut, as in keeper-pam-webrtc-rs: a peer may decode payloads one by
    one.
    """
    limit = min(PAYLOAD_MAX, message_max - OVERHEAD)
    if len(payload) <= limit:
        return [encode(conn_no, payload, now_ms)]
    return [encode(conn_no, piece, now_ms) for piece in _pieces(memoryview(payload), limit)]


def _pieces(payload: memoryview, limit: int) -> Iterator[memoryview]:
    start = 0
    while len(payload) - start > limit:
        end = _character_start(payload, start + limit)
        yield payload[start:end]
        start = end
    yield payload[start:]


def _character_start(payload: memoryview, at: int) -> int:
    """Return where the character begins that has the byte at `at`; `at` itself if this is not
    UTF-8, whose characters have four bytes at most."""
    for start in range(at, at - 4, -1):
        if payload[start] & 0xC0 != 0x80:
            return start
    return at
