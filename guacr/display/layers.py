"""Identities of layers: reused indices, and the order in which layers lie."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush


@dataclass(frozen=True, slots=True, order=True)
class LayerId:
    """A layer's index and its position above the others; no two layers ever have the same `z`."""

    index: int
    z: int


BASE = LayerId(0, 0)


class LayerIds:
    """Allocates the identities of the layers above layer 0: the lowest free index, above all
    existing layers."""

    __slots__ = ("_free", "_indices", "_z")

    def __init__(self) -> None:
        self._free: list[int] = []
        self._indices = 0
        self._z = 0

    def take(self) -> LayerId:
        """Return a new layer's identity."""
        self._z += 1
        if self._free:
            return LayerId(heappop(self._free), self._z)
        self._indices += 1
        return LayerId(self._indices, self._z)

    def release(self, layer: LayerId) -> None:
        """Free the index of a removed layer."""
        heappush(self._free, layer.index)
