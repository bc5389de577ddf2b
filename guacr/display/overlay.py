"""A layer of translucent rectangles above the picture: selections, scroll bars."""

from __future__ import annotations

from collections.abc import Sequence

from guacr.display.geometry import Rect
from guacr.display.layers import LayerId
from guacr.display.plan import Plan

Fill = tuple[Rect, tuple[int, int, int, int]]
"""A rectangle within the overlay, and its red, green, blue and alpha."""


class Overlay:
    """A layer whose whole content is set each time, and sent only if it differs."""

    __slots__ = (
        "_area",
        "_fills",
        "_sent_area",
        "_sent_fills",
        "_sent_size",
        "_size",
        "id",
        "index",
    )

    def __init__(self, identity: LayerId, area: Rect) -> None:
        self.id = identity
        self.index = identity.index
        self._area = (area.x, area.y)
        self._size = (area.width, area.height)
        self._fills: tuple[Fill, ...] = ()
        self._sent_area: tuple[int, int] | None = None
        self._sent_size: tuple[int, int] | None = None
        self._sent_fills: tuple[Fill, ...] = ()

    def show(self, fills: Sequence[Fill]) -> None:
        """Show only these rectangles."""
        self._fills = tuple(fills)

    def place(self, x: int, y: int) -> None:
        """Move the overlay to (x, y) of layer 0."""
        self._area = (x, y)

    def resize(self, width: int, height: int) -> None:
        """Change the size."""
        self._size = (width, height)

    @property
    def changed(self) -> bool:
        """True if viewers see something else."""
        return (self._area, self._size, self._fills) != (
            self._sent_area,
            self._sent_size,
            self._sent_fills,
        )

    def plan_changes(self, plan: Plan) -> None:
        """Add the differences to the last frame."""
        if self._size != self._sent_size:
            plan.add("size", self.index, *self._size)
        if self._area != self._sent_area:
            plan.add("move", self.index, 0, *self._area, self.id.z)
        if (self._fills, self._size) != (self._sent_fills, self._sent_size):
            self._plan_fills(plan)
        self.skip_changes()

    def skip_changes(self) -> None:
        """Treat the current content as sent."""
        self._sent_area, self._sent_size = self._area, self._size
        self._sent_fills = self._fills

    def plan_full(self, plan: Plan) -> None:
        """Add everything, for viewers that may have anything on this layer."""
        plan.add("size", self.index, *self._size)
        plan.add("move", self.index, 0, *self._area, self.id.z)
        self._plan_fills(plan)

    def _plan_fills(self, plan: Plan) -> None:
        plan.erase(self.index, Rect(0, 0, *self._size))
        for rect, (red, green, blue, alpha) in self._fills:
            plan.fill(self.index, rect, (red, green, blue), alpha)
