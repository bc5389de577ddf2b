"""One visible layer: a surface, and what the viewers have of it."""

from __future__ import annotations

import numpy as np

from guacr.display.geometry import Rect
from guacr.display.layers import LayerId
from guacr.display.pixels import BgrxPixels, Pixels
from guacr.display.plan import Plan
from guacr.display.surface import Damage, Surface
from guacr.display.tiles import TILE, Kind, TileGrid, classify, rects_of

LOSSY_AREA = TILE * TILE * 16
"""Pixels from which even a first picture may be sent with losses, to be quick."""
REFINE_AREA = 512 * 512
"""Pixels that are sent again without losses in one frame, so that it stays short."""


class Layer:
    """Turns its surface's damage into the cheapest instructions: what moved as `copy`, what is
    one colour as `cfill`, and images for the rest."""

    __slots__ = (
        "_grid",
        "_position",
        "_refine",
        "_sent_position",
        "_sent_size",
        "id",
        "index",
        "surface",
    )

    def __init__(self, identity: LayerId, surface: Surface, x: int = 0, y: int = 0) -> None:
        self.id = identity
        self.index = identity.index
        self.surface = surface
        self._position = (x, y)
        self._sent_position: tuple[int, int] | None = None
        self._sent_size = (0, 0)
        self._grid: TileGrid | None = None  # only surfaces in true colour are sent with losses
        self._refine: list[Rect] = []

    def place(self, x: int, y: int) -> None:
        """Move it to (x, y) of layer 0."""
        self._position = (x, y)

    @property
    def changed(self) -> bool:
        """Whether viewers see something else, or could see it better."""
        return (
            self.surface.changed
            or bool(self._refine)
            or self.surface.size != self._sent_size
            or (self.index != 0 and self._position != self._sent_position)
        )

    @property
    def lossy(self) -> bool:
        """Whether viewers have parts of it with losses."""
        return self._grid is not None and bool(self._grid.lossy.any())

    def refine(self, now: float, delay: float) -> None:
        """Have some of what rested for `delay` seconds sent again without losses."""
        if self._grid is None or self._refine:
            return
        area = 0
        for rect in rects_of(self._grid.resting(now, delay), self.surface.size):
            if area and area + rect.area > REFINE_AREA:
                break
            self._refine.append(rect)
            area += rect.area

    def plan_changes(self, plan: Plan, now: float) -> None:
        """Add what differs from the last frame."""
        damage = self.surface.take_damage()
        self._plan_geometry(plan)
        for copy in damage.copies:
            plan.copy(self.index, copy)
        self._note_copies(damage, now)
        for rect in damage.rects:
            pixels = self.surface.pixels(rect)
            if isinstance(pixels, BgrxPixels):
                self._grid_of_surface().touch(rect, now)
            self._plan_pixels(plan, rect, pixels)
        refine, self._refine = self._refine, []
        for rect in refine:
            if self._grid is not None and self._grid.lossy_in(rect):
                self._plan_exact(plan, rect)

    def skip_changes(self, now: float) -> None:
        """Count what it shows as sent, and draw nothing of it."""
        damage = self.surface.take_damage()
        self._note_geometry()
        self._note_copies(damage, now)
        if self._grid is not None:
            for rect in damage.rects:
                self._grid.touch(rect, now)

    def plan_full(self, plan: Plan) -> None:
        """Add everything, for viewers that may have anything on this layer."""
        plan.add("size", self.index, *self.surface.size)
        if self.index:
            plan.add("move", self.index, 0, *self._position, self.id.z)
        # what is exact in this picture may still be lossy for those who do not receive it
        lossy = None if self._grid is None else self._grid.lossy.copy()
        for rect in self.surface.parts():
            self._plan_pixels(plan, rect, self.surface.pixels(rect))
        if self._grid is not None and lossy is not None:
            self._grid.lossy |= lossy

    def _plan_geometry(self, plan: Plan) -> None:
        if self.surface.size != self._sent_size:
            plan.add("size", self.index, *self.surface.size)
        if self.index and self._position != self._sent_position:
            plan.add("move", self.index, 0, *self._position, self.id.z)
        self._note_geometry()

    def _note_geometry(self) -> None:
        if self.surface.size != self._sent_size:
            self._sent_size = self.surface.size
            self._grid = None
            self._refine = []
        self._sent_position = self._position

    def _note_copies(self, damage: Damage, now: float) -> None:
        if self._grid is not None:
            for copy in damage.copies:
                moved = Rect(copy.x, copy.y, copy.source.width, copy.source.height)
                self._grid.moved(copy.source, moved, now)

    def _plan_pixels(self, plan: Plan, rect: Rect, pixels: Pixels) -> None:
        solid = pixels.solid()
        if solid is not None:
            plan.fill(self.index, rect, solid)
            if self._grid is not None:
                self._grid.sent(rect, lossy=False)
        elif isinstance(pixels, BgrxPixels):
            self._plan_tiles(plan, rect, pixels)
        else:
            plan.image(self.index, rect.x, rect.y, pixels)

    def _plan_tiles(self, plan: Plan, rect: Rect, pixels: BgrxPixels) -> None:
        grid = self._grid_of_surface()
        lossy = grid.hot(rect)
        if rect.area >= LOSSY_AREA:
            lossy = np.ones_like(lossy)
        for tile in classify(rect, pixels.words(), lossy):
            part = pixels.crop(tile.rect.moved(-rect.x, -rect.y))
            if tile.kind is Kind.SOLID:
                colour = part.pixel(0, 0)
                plan.fill(self.index, tile.rect, colour)
            else:
                is_lossy = tile.kind is Kind.LOSSY
                plan.image(self.index, tile.rect.x, tile.rect.y, part, lossy=is_lossy)
            grid.sent(tile.rect, lossy=tile.kind is Kind.LOSSY)

    def _plan_exact(self, plan: Plan, rect: Rect) -> None:
        plan.image(self.index, rect.x, rect.y, self.surface.pixels(rect))
        if self._grid is not None:
            self._grid.sent(rect, lossy=False)

    def _grid_of_surface(self) -> TileGrid:
        if self._grid is None:
            self._grid = TileGrid(*self.surface.size)
        return self._grid
