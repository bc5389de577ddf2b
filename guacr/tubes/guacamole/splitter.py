"""Splits what guacd sends into the payloads of frames, each of whole instructions.

Peers may take each frame for a message of its own, as keeper-pam-webrtc-rs makes them.
"""

from __future__ import annotations

from guacr.tubes.guacamole.boundaries import Boundaries, Boundary

BATCH_MAX = 16384
"""Maximum bytes of a payload with several instructions. Longer ones have a payload of their own,
which the conversation divides."""

_NOTICED = ("size", "error", "disconnect")
_PREFIXES = tuple(
    (f"{len(opcode)}.{opcode}{end}".encode(), opcode) for opcode in _NOTICED for end in ",;"
)
_boundaries = Boundaries(*_NOTICED)


class Splitter:
    """Splits one stream.

    Attributes:
        sizes: the `size` instructions of the last call of `feed`, as their texts.
        end: "error" or "disconnect" once the stream has had one, which is the last of it.
    """

    __slots__ = ("_boundary", "_held", "end", "sizes")

    def __init__(self) -> None:
        self.sizes: list[str] = []
        self.end = ""
        self._boundary = Boundary()
        self._held = bytearray()  # the beginning of an instruction

    @property
    def held(self) -> int:
        """Bytes of an incomplete instruction."""
        return len(self._held)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the payloads for the instructions that `data` completes; the last bytes wait, if
        an instruction is incomplete.

        Raises:
            ProtocolError: the bytes are not of the protocol. Nothing more can be split.
        """
        if self.sizes:
            self.sizes = []
        at = 0
        if self._held:
            self._held += data
            at = self._boundary.find(self._held, 0)
            if at < 0:
                return []
            data, self._held = bytes(self._held), bytearray()
            self._notice(data, 0, at)
        return self._payloads(data, at)

    def _payloads(self, data: bytes, at: int) -> list[bytes]:
        """Split `data`, of which the instructions before `at` are known."""
        payloads: list[bytes] = []
        start, size = 0, len(data)
        while at < size and not self.end:
            limit = min(start + BATCH_MAX, size)
            end = _boundaries.last(data, at, limit)
            if end == at and at - start < BATCH_MAX // 2:
                end = self._boundary.find(data, at)
                if end < 0:
                    self._held += memoryview(data)[at:]
                    break
                self._notice(data, at, end)
            if at > start and (end == at or end - start > BATCH_MAX):
                payloads.append(data[start:at])
                start = at
            at = end
        if at > start:
            payloads.append(data[start:at])
        return payloads

    def _notice(self, data: bytes, start: int, end: int) -> None:
        for prefix, opcode in _PREFIXES:
            if data.startswith(prefix, start):
                if opcode == "size":
                    self.sizes.append(data[start:end].decode(errors="replace"))
                else:
                    self.end = opcode
