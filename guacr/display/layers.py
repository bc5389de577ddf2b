"""Which layers there are: indices that are used again, and the order in which layers lie."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush


@dataclass(frozen=True, slots=True, order=True)
class LayerId:
    """A layer's index, and its place above the others: no two layers ever have the same `z`."""

    index: int
    z: int


BASE = LayerId(0, 0)


class LayerIds:
    """Gives out the identities of the layers above layer 0: the lowest index that is free, above
    all layers so far."""

    __slots__ = ("_free", "_indices", "_z")

    def __init__(self) -> None:
        self._free: list[int] = []
        self._indices = 0
        self._z = 0

    def take(self) -> LayerId:
        """A new layer's identity."""
        self._z += 1
        if self._free:
            return LayerId(heappop(self._free), self._z)
        self._indices += 1
        return LayerId(self._indices, self._z)

    def release(self, layer: LayerId) -> None:
        """The layer is gone: its index is free."""
        heappush(self._free, layer.index)
