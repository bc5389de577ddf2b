"""Fragments: long messages of a channel in several short ones, with `enable_multi_channel`.

    offset 0  u8   flags    1 = this is a fragment, 2 = the first one, 4 = the last one
           1  u32  number of the message
           5  u16  index of the fragment
           7  u16  count of fragments
           9       a part of the message

Numbers are big-endian. Messages with an even first byte are no fragments: they begin with a frame,
and conn_no stays below 2**24. (`Fragmenter` sends others as one fragment, and `Reassembler` knows a
frame by its length where the header cannot be that of a fragment.) The format and the limits of
count and time are those of keeper-pam-webrtc-rs 2.2.9, which needs the setting on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct

from guacr.tubes.errors import FragmentError
from guacr.tubes.wire.frames import LENGTH_MAX, OVERHEAD, is_frame

FRAGMENT_MAX = 16384
"""Maximum bytes of a sent message with its header."""
COUNT_MAX = 256
"""Maximum fragments of a message."""
IN_PROGRESS_MAX = 64
"""Maximum incomplete messages."""
BYTES_MAX = LENGTH_MAX + OVERHEAD
"""Maximum bytes of all incomplete messages together."""
AGE_MAX = 30.0
"""Seconds from a message's first fragment to its last."""

_HEADER = Struct(">BIHH")
_FRAGMENT = 1
_FIRST = 2
_LAST = 4


class Fragmenter:
    """Cuts the messages that are sent on one channel."""

    __slots__ = ("_number",)

    def __init__(self) -> None:
        self._number = 0

    def cut(self, message: bytes) -> list[bytes]:
        """Return what to send instead of a message: itself if it is short, otherwise fragments.

        Raises:
            FragmentError: the message would need more than `COUNT_MAX` fragments.
        """
        if len(message) <= FRAGMENT_MAX and not (message and message[0] & _FRAGMENT):
            return [message]
        size = FRAGMENT_MAX - _HEADER.size
        count = -(-len(message) // size)
        if count > COUNT_MAX:
            raise FragmentError(f"message needs {count} fragments, {COUNT_MAX} are allowed")
        number = self._number
        self._number = (number + 1) & 0xFFFFFFFF
        view = memoryview(message)
        return [
            _header(number, index, count) + view[index * size : (index + 1) * size]
            for index in range(count)
        ]


def _header(number: int, index: int, count: int) -> bytes:
    flags = _FRAGMENT | (_FIRST if index == 0 else 0) | (_LAST if index == count - 1 else 0)
    return _HEADER.pack(flags, number, index, count)


@dataclass(slots=True)
class _Incomplete:
    count: int
    expires: float
    parts: dict[int, bytes] = field(default_factory=dict)
    size: int = 0


class Reassembler:
    """Puts the messages together that are received on one channel.

    What it holds is limited in bytes, messages and time. A message that exceeds a limit, or is not
    complete in time, is lost; the others are not.
    """

    __slots__ = ("_incomplete", "_size", "expired")

    def __init__(self) -> None:
        self._incomplete: dict[int, _Incomplete] = {}  # the oldest first
        self._size = 0
        self.expired = 0
        """Messages that were not complete in time."""

    @property
    def held(self) -> int:
        """Bytes of incomplete messages."""
        return self._size

    @property
    def deadline(self) -> float | None:
        """When to call `expire`."""
        return next((one.expires for one in self._incomplete.values()), None)

    def feed(self, message: bytes, now: float) -> bytes | None:
        """Process a message; return it if it is no fragment, or the message that it completes.

        `now` is a monotonic time in seconds. Fragments may arrive in any order, and repeated ones
        are ignored.

        Raises:
            FragmentError: the fragment is invalid, or exceeds a limit. It is lost, and with it the
                message that it belongs to. The reassembler can be used afterwards.
        """
        if not (message and message[0] & _FRAGMENT):
            return message
        if len(message) < _HEADER.size:
            raise FragmentError("fragment without a complete header")
        _, number, index, count = _HEADER.unpack_from(message)
        if not index < count <= COUNT_MAX:
            if is_frame(message):
                return message
            raise FragmentError(f"fragment {index} of {count}, {COUNT_MAX} are allowed")
        self.expire(now)
        try:
            one = self._find(number, count, now)
            return self._add(one, number, index, message[_HEADER.size :])
        except FragmentError:
            self._forget(number)
            raise

    def expire(self, now: float) -> None:
        """Drop the messages that are not complete in time."""
        while (deadline := self.deadline) is not None and deadline <= now:
            self._forget(next(iter(self._incomplete)))
            self.expired += 1

    def _find(self, number: int, count: int, now: float) -> _Incomplete:
        """Return the message that a fragment belongs to, which may be a new one."""
        one = self._incomplete.get(number)
        if one is None:
            if len(self._incomplete) >= IN_PROGRESS_MAX:
                raise FragmentError(f"more than {IN_PROGRESS_MAX} messages are incomplete")
            one = self._incomplete[number] = _Incomplete(count, now + AGE_MAX)
        elif one.count != count:
            raise FragmentError(f"fragment of {count}, the earlier ones were of {one.count}")
        return one

    def _add(self, one: _Incomplete, number: int, index: int, part: bytes) -> bytes | None:
        """Add a fragment; return the message if it is complete."""
        if index in one.parts:
            return None
        if self._size + len(part) > BYTES_MAX:
            raise FragmentError(f"incomplete messages have more than {BYTES_MAX} bytes")
        one.parts[index] = part
        one.size += len(part)
        self._size += len(part)
        if len(one.parts) < one.count:
            return None
        self._forget(number)
        return b"".join([one.parts[at] for at in range(one.count)])

    def _forget(self, number: int) -> None:
        one = self._incomplete.pop(number, None)
        if one is not None:
            self._size -= one.size
