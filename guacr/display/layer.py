"""A visible layer: a surface, and the state of the viewers' copy of it."""

from __future__ import annotations

from guacr.display.area import Region
from guacr.display.geometry import Rect
from guacr.display.layers import LayerId
from guacr.display.moves import MoveSearch
from guacr.display.pixels import Array8, BgrxPixels, Pixels, move_within, new_picture
from guacr.display.plan import Plan
from guacr.display.surface import Copy, Damage, Surface
from guacr.display.tiles import TILE, TileGrid, rects_of

FORGET_AFTER = 5.0
"""Seconds without a change after which the copy of what viewers have is freed."""
FORGET_AREA = 1920 * 1200
"""Pixels up to which it is, since the first change afterwards needs another copy."""
REFINE_AREA = 512 * 512
"""Pixels that are resent losslessly in one frame, so that the frame stays short."""
REFINE_AREA_MIN = REFINE_AREA // 8
"""The same if what moves has as many pixels or more, so that it has most of the link."""


class Layer:
    """Turns its surface's damage into the cheapest instructions: moves as `copy`, areas of one
    colour as `cfill`, and images for the rest."""

    __slots__ = (
        "_ahead",
        "_forgotten",
        "_grid",
        "_position",
        "_refine",
        "_search",
        "_sent_position",
        "_sent_size",
        "_shown",
        "_spare",
        "_used_at",
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
        self._search = MoveSearch()
        self._shown: Array8 | None = None
        """The picture that viewers have, for true-colour surfaces: areas that are redrawn
        identically are not sent."""
        self._spare: Array8 | None = None
        """Room for the pixels of a frame while threads encode them; new memory is slower to write
        to than the pixels are to copy."""
        self._forgotten = False
        """True if that copy has been freed: viewers have the picture as of the last damage."""
        self._ahead = False
        """True if that copy contains more than the surface has reported as damage."""
        self._used_at = 0.0

    def place(self, x: int, y: int) -> None:
        """Move the layer to (x, y) of layer 0."""
        self._position = (x, y)

    @property
    def changed(self) -> bool:
        """True if viewers see something else, or could see it better."""
        return (
            self.surface.changed
            or bool(self._refine)
            or self.surface.size != self._sent_size
            or (self.index != 0 and self._position != self._sent_position)
        )

    @property
    def lossy(self) -> bool:
        """True if viewers have parts of it with losses."""
        return self._grid is not None and bool(self._grid.lossy.any())

    @property
    def refined(self) -> bool:
        """True if `refine` has nothing to do."""
        return self._spare is None and not self.lossy and not self._may_forget

    def moves(self, now: float, delay: float) -> bool:
        """Return whether something has changed continuously until `delay` seconds ago or later."""
        return self._grid is not None and self._grid.moving_area(now, delay) > 0

    def refine(self, now: float, delay: float) -> bool:
        """Resend losslessly some areas that have not changed for `delay` seconds, and free memory
        that has not been used for as long. Return whether there are such areas."""
        if now - self._used_at > delay:
            self._spare = None
        if now - self._used_at > FORGET_AFTER and self._may_forget:
            self._shown, self._forgotten = None, True
        if self._grid is None or self._refine:
            return bool(self._refine)
        left = max(REFINE_AREA_MIN, REFINE_AREA - self._grid.moving_area(now, delay))
        for rect in rects_of(self._grid.resting(now, delay), self.surface.size):
            width = min(rect.width, left // (rect.height * TILE) * TILE)
            if width <= 0:
                break
            self._refine.append(Rect(rect.x, rect.y, width, rect.height))
            left -= width * rect.height
        return bool(self._refine)

    def plan_changes(self, plan: Plan, now: float) -> None:
        """Add the differences to the last frame."""
        damage = self.surface.take_damage()
        self._plan_geometry(plan)
        if damage:
            self._used_at = now
        if self._needs_picture or (damage and self._ahead):
            self._plan_shown(plan, self._note_picture(), self._whole)
        elif damage:
            self._plan_damage(plan, damage, now)
        refine, self._refine = self._refine, []
        for rect in refine:
            # What has changed again may have changed once more since it was planned.
            if not any(rect.intersection(changed) for changed in damage.rects):
                self._plan_exact(plan, rect)

    def _plan_exact(self, plan: Plan, rect: Rect) -> None:
        """Add a part of the picture that viewers have, without losses."""
        if self._grid is not None and self._grid.lossy_in(rect):
            shown = self._picture()  # the surface may be held, and then has more than viewers do
            pixels = self.surface.pixels(rect) if shown is None else _part(shown, rect)
            plan.exact(self.index, rect, pixels, self._grid)

    def _plan_damage(self, plan: Plan, damage: Damage, now: float) -> None:
        for copy in damage.copies:
            plan.copy(self.index, copy)
            self._note_shown_copy(copy)
        self._note_copies(damage, now)
        if self._forgotten:
            shown = self._note_picture()
            for rect in damage.rects:
                self._plan_shown(plan, shown, rect)
            return
        for rect in damage.rects:
            self._plan_pixels(plan, rect, self.surface.pixels(rect))

    def skip_changes(self, now: float) -> None:
        """Treat the current picture as sent, without sending it."""
        damage = self.surface.take_damage()
        self._used_at = now
        self._note_geometry()
        self._note_copies(damage, now)
        if self._needs_picture or (damage and self.surface.keeps_pixels):
            self._note_picture()
        if self._grid is not None:
            for rect in damage.rects:
                self._grid.touch(rect, now)

    def plan_full(self, plan: Plan, *, exact: bool = False) -> None:
        """Add everything, for viewers that may have anything on this layer; without losses if it is
        to be `exact`."""
        plan.add("size", self.index, *self.surface.size)
        if self.index:
            plan.add("move", self.index, 0, *self._position, self.id.z)
        shown = self._picture()
        if shown is not None:
            self._plan_shown(plan, shown, self._whole, whole=True, exact=exact)
            return
        for rect in self.surface.parts():
            pixels = self.surface.pixels(rect)
            if pixels.is_known:
                self._plan_known(plan, rect, pixels)
            else:
                grid = self._grid_of_surface()
                region = Region(rect, pixels, grid, whole=True, exact=exact)
                plan.region(self.index, region)

    def _note_picture(self) -> Array8:
        """Copy the present picture, one of true colour: viewers will have it."""
        if self._shown is None:
            self._shown, self._forgotten = new_picture(*self.surface.size), False
        self.surface.pixels(self._whole).bgrx().detached(self._shown)
        self._ahead = self.surface.is_ahead
        return self._shown

    def _picture(self) -> Array8 | None:
        """Return the picture that viewers have, for true-colour surfaces."""
        return self._note_picture() if self._forgotten else self._shown

    @property
    def _needs_picture(self) -> bool:
        """True if viewers must be sent all of a true-colour surface, since they have nothing of
        its size."""
        return self._shown is None and self.surface.keeps_pixels and not self._forgotten

    def _plan_shown(
        self, plan: Plan, shown: Array8, rect: Rect, *, whole: bool = False, exact: bool = False
    ) -> None:
        """Add a part of the picture that viewers have once the preceding parts have been sent."""
        pixels, grid = _part(shown, rect), self._grid_of_surface()
        region = Region(rect, pixels, grid, whole=whole, exact=exact, is_copy=True)
        plan.region(self.index, region)

    @property
    def _whole(self) -> Rect:
        return Rect(0, 0, *self.surface.size)

    @property
    def _may_forget(self) -> bool:
        return self._shown is not None and self._whole.area <= FORGET_AREA and not self.lossy

    def _plan_geometry(self, plan: Plan) -> None:
        if self.surface.size != self._sent_size:
            plan.add("size", self.index, *self.surface.size)
        if self.index and self._position != self._sent_position:
            plan.add("move", self.index, 0, *self._position, self.id.z)
        self._note_geometry()

    def _note_geometry(self) -> None:
        if self.surface.size != self._sent_size:
            self._sent_size = self.surface.size
            self._grid = self._shown = self._spare = None
            self._forgotten = False
            self._refine = []
        self._sent_position = self._position

    def _note_copies(self, damage: Damage, now: float) -> None:
        if self._grid is not None:
            for copy in damage.copies:
                moved = Rect(copy.x, copy.y, copy.source.width, copy.source.height)
                self._grid.moved(copy.source, moved, now)

    def _plan_pixels(self, plan: Plan, rect: Rect, pixels: Pixels) -> None:
        """Add a part of the picture, as far as it differs from what viewers have."""
        if pixels.is_known:
            self._plan_known(plan, rect, pixels)
            if self._grid is not None:
                self._grid.sent(rect, lossy=False)
            return
        if self._spare is None:
            self._spare = new_picture(*self.surface.size)
        wanted = self._shown is not None and pixels.may_move and self._search.next_is_due()
        region = Region(
            rect,
            pixels,
            self._grid_of_surface(),
            shown=self._shown,
            search=self._search if wanted else None,
            room=self._spare[rect.y : rect.bottom, rect.x : rect.right],
        )
        plan.region(self.index, region)

    def _plan_known(self, plan: Plan, rect: Rect, pixels: Pixels) -> None:
        """Add a part of a picture that the surface knows."""
        solid = pixels.solid()
        if solid is None:
            plan.image(self.index, rect.x, rect.y, pixels)
        else:
            plan.fill(self.index, rect, solid)

    def _note_shown_copy(self, copy: Copy) -> None:
        if self._shown is not None:
            move_within(self._shown, copy.source, copy.x, copy.y)

    def _grid_of_surface(self) -> TileGrid:
        if self._grid is None:
            self._grid = TileGrid(*self.surface.size)
        return self._grid


def _part(picture: Array8, rect: Rect) -> BgrxPixels:
    return BgrxPixels(picture).crop(rect)
