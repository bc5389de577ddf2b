"""Reads the messages of clients about touches, by MS-RDPEI 2.2."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

TOUCH = 3
RECTANGLE, ORIENTATION, PRESSURE = 1, 2, 4


@dataclass
class Finger:
    """A contact; what is not sent is None."""

    number: int
    x: int
    y: int
    flags: int
    rectangle: list[int] | None = None
    """Left, top, right, bottom."""
    orientation: int | None = None
    pressure: int | None = None


@dataclass
class Frame:
    """The only frame of a message."""

    elapsed: int
    """Microseconds since the previous one."""
    fingers: list[Finger] = field(default_factory=list)


class Numbers:
    """Numbers with a variable number of bytes, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def byte(self) -> int:
        """An integer of one byte."""
        first, self.left = self.left[0], self.left[1:]
        return first

    def unsigned(self, bits: int) -> int:
        """A number whose first byte has this many bits for the count of further bytes."""
        return self._read(bits)[0]

    def signed(self, bits: int) -> int:
        """The same with a bit for the sign after them."""
        value, places = self._read(bits)
        sign = 1 << (places - 1)
        return -(value - sign) if value & sign else value

    def _read(self, bits: int) -> tuple[int, int]:
        """A number, and the bits that it may have."""
        count = self.left[0] >> (8 - bits)
        data, self.left = self.left[: count + 1], self.left[count + 1 :]
        assert len(data) == count + 1
        places = 8 * (count + 1) - bits
        return int.from_bytes(data, "big") & ((1 << places) - 1), places


def frame_of(message: bytes) -> Frame:
    """The frame of a message with one."""
    event, length = struct.unpack_from("<HI", message)
    assert (event, length) == (TOUCH, len(message))
    numbers = Numbers(message[6:])
    assert numbers.unsigned(2) == 0  # it is encoded at once
    assert numbers.unsigned(1) == 1
    count, elapsed = numbers.unsigned(1), numbers.unsigned(3)
    fingers = [_finger(numbers) for _ in range(count)]
    assert not numbers.left
    return Frame(elapsed, fingers)


def _finger(numbers: Numbers) -> Finger:
    number, present = numbers.byte(), numbers.unsigned(1)
    finger = Finger(number, numbers.signed(2), numbers.signed(2), numbers.unsigned(2))
    if present & RECTANGLE:
        finger.rectangle = [numbers.signed(1) for _ in range(4)]
    if present & ORIENTATION:
        finger.orientation = numbers.unsigned(2)
    if present & PRESSURE:
        finger.pressure = numbers.unsigned(2)
    return finger
