"""A surface of true-colour pixels, for handlers that receive pixels from a remote desktop."""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from guacr.budget import Budget
from guacr.display.dirty import DirtyRegion
from guacr.display.encoded import SIDE_MAX, EncodedImage, EncodedPixels, EncodedRects
from guacr.display.geometry import Rect
from guacr.display.pixels import (
    Array8,
    BgrxPixels,
    Pixels,
    move_within,
    new_picture,
    without_padding,
)
from guacr.display.surface import Copy, Damage, Surface
from guacr.errors import UnsupportedError

BYTES = 4
"""Bytes per pixel."""
COPIES_OF_PIXELS = 3
"""The picture, what viewers have of it, and what is being sent."""
FEW_PIXELS = 16
"""Pixels up to which it is examined at once whether they are drawn as they are: hosts send one to
show that they are alive."""
DRAWN_MAX = 256
"""Maximum rectangles kept before they are merged."""
DAMAGE_WASTE = 32_768
"""Unchanged pixels that cost less than another rectangle in a frame, where they are found by
comparison."""
SMALLER_AREA_MAX = 1 << 20
"""Pixels of files in a frame up to which they may be replaced by smaller ones: with more, encoding
takes so long that there are fewer frames."""
COPIES_MAX = 32
"""Maximum copies kept between two frames; the results of others are sent as pixels."""
COPY_AREA_MIN = 256
"""Pixels below which a copy is not cheaper than the pixels."""


class FrameBuffer(Surface):
    """A `Surface` stored as an array of pixels, whose bytes count towards a budget, if there is
    one; all drawing is clipped to it.

    Invariant: outside the dirty region, a viewer that carries out the recorded copies shows the
    current picture. This holds after every call, and makes `take_damage` correct.
    """

    __slots__ = (
        "_bounds", "_copies", "_dirty", "_drawn_last", "_encoded", "_memory", "_taken", "array",
        "keeps_files",
    )  # fmt: skip

    def __init__(self, width: int, height: int, memory: Budget | None = None) -> None:
        self._memory = memory
        self._encoded = EncodedRects(memory)
        """All of them are within the dirty region until a frame takes them."""
        self._taken = 0
        self._take(width, height)
        self._bounds = Rect(0, 0, width, height)
        self.array: Array8 = new_picture(width, height)
        """(height, width, 4): blue, green, red, and 0. Code that writes to it must keep the 0 and
        call `touch`."""
        self.keeps_files = False
        """True if somebody has chosen the quality of the host's files: they are not replaced by
        smaller ones while the picture moves."""
        self._copies: list[Copy] = []
        self._dirty = DirtyRegion()
        self._drawn_last: list[Rect] = []
        """Part of the dirty region, before it is merged: hosts draw many small rectangles between
        two frames, and only copies need to know at once which."""
        self.touch(self._bounds)

    # ---- Surface

    @property
    @override
    def size(self) -> tuple[int, int]:
        return self._bounds.width, self._bounds.height

    @property
    @override
    def keeps_pixels(self) -> bool:
        return True

    @property
    @override
    def changed(self) -> bool:
        return bool(self._drawn_last or self._dirty or self._copies)

    @override
    def take_damage(self) -> Damage:
        copies, self._copies = self._copies, []
        if copies:
            self._merge_drawn()
            while copies and self._dirty.covers(_target(copies[-1])):
                copies.pop()
        damage = DirtyRegion(DAMAGE_WASTE)
        for rect in self._dirty.take() + self._drawn_last:
            damage.add(rect)
        self._drawn_last.clear()
        return Damage(copies, self._encoded.take(damage.take()))

    @override
    def parts(self) -> list[Rect]:
        return [self._bounds]

    @override
    def pixels(self, rect: Rect) -> Pixels:
        pixels = BgrxPixels(self.array[rect.y : rect.bottom, rect.x : rect.right])
        file = self._encoded.file(rect)
        if file is None:
            return pixels
        kept = self.keeps_files or self._encoded.area > SMALLER_AREA_MAX
        return EncodedPixels(*file, pixels, kept)

    # ---- drawing

    def touch(self, rect: Rect) -> None:
        """Note that `array` was written to within `rect`."""
        if visible := rect.intersection(self._bounds):
            self._drawn(visible)

    def blit(self, rect: Rect, pixels: Array8, *, clean: bool = False) -> None:
        """Draw `pixels`, (rect.height, rect.width, 4) in the order of `array`, at `rect`; their
        fourth byte is 0 if they are `clean`, and may have any value otherwise."""
        visible = rect.intersection(self._bounds)
        if visible is None:
            return
        if visible != rect:
            x, y = visible.x - rect.x, visible.y - rect.y
            pixels = pixels[y : y + visible.height, x : x + visible.width]
        view = self._view(visible)
        if visible.area <= FEW_PIXELS and np.array_equal(pixels[..., :3], view[..., :3]):
            return
        if clean:
            view[:] = pixels
        else:
            without_padding(pixels, view)
        self._drawn(visible)

    def draw_encoded(self, x: int, y: int, image: EncodedImage) -> None:
        """Draw a picture that the host has encoded at (x, y). If nothing else is drawn there before
        the next frame and viewers can show the file, it is sent unchanged."""
        rect = Rect(x, y, *image.size)
        self.blit(rect, image.array)
        if self._bounds.contains(rect):
            self._encoded.add(rect, image.mimetype, image.data)

    def fill(self, rect: Rect, rgb: tuple[int, int, int]) -> None:
        """Fill `rect` with one colour: red, green, blue from 0 to 255."""
        if visible := rect.intersection(self._bounds):
            red, green, blue = rgb
            pixel = np.array([blue, green, red, 0], np.uint8).view(np.uint32)
            words = self._view(visible).view(np.uint32)  # many times faster than by bytes
            if visible.area <= FEW_PIXELS and (words == pixel).all():
                return
            words[:] = pixel
            self._drawn(visible)

    def copy_rect(self, source: Rect, x: int, y: int) -> None:
        """Copy the pixels of `source` to (x, y); the two may overlap."""
        dx, dy = x - source.x, y - source.y
        inside = source.intersection(self._bounds)
        target = inside and inside.moved(dx, dy).intersection(self._bounds)
        if target is None or (dx, dy) == (0, 0):
            return
        self._merge_drawn()
        copy = Copy(target.moved(-dx, -dy), target.x, target.y)
        move_within(self.array, copy.source, target.x, target.y)
        self._encoded.drawn(target)
        if self._is_worth(copy):
            self._record(copy)
        else:
            self._dirty.add(target)

    def resize(self, width: int, height: int) -> None:
        """Change the size; existing pixels stay where they are, and new ones are black.

        Raises:
            UnsupportedError: a side is below 1 or above `SIDE_MAX`.
            OverrunError: the budget would be exceeded; the picture is not changed.
        """
        self._take(width, height)
        before, self.array = self.array, new_picture(width, height)
        self._bounds = Rect(0, 0, width, height)
        rows, columns = min(height, len(before)), min(width, before.shape[1])
        self.array[:rows, :columns] = before[:rows, :columns]
        self._copies.clear()
        self._encoded.clear()
        self._dirty = DirtyRegion()
        self._drawn_last.clear()
        self.touch(self._bounds)

    def __del__(self) -> None:
        if self._memory is not None:
            self._memory.give_back(self._taken)
            self._encoded.clear()

    def _drawn(self, rect: Rect) -> None:
        """Note new pixels in `rect`."""
        self._encoded.drawn(rect)
        self._drawn_last.append(rect)
        if len(self._drawn_last) > DRAWN_MAX:
            self._merge_drawn()

    def _merge_drawn(self) -> None:
        """Add what was drawn last to the dirty region."""
        for rect in self._drawn_last:
            self._dirty.add(rect)
        self._drawn_last.clear()

    def _take(self, width: int, height: int) -> None:
        """Reserve memory for another size."""
        if not (1 <= width <= SIDE_MAX and 1 <= height <= SIDE_MAX):
            raise UnsupportedError(
                f"a picture of {width}x{height} pixels cannot be shown: "
                f"1 to {SIDE_MAX} pixels are allowed in each direction"
            )
        if self._memory is not None:
            size = width * height * BYTES * COPIES_OF_PIXELS
            self._memory.take(size - self._taken, f"a picture of {width}x{height} pixels")
            self._taken = size

    def _view(self, rect: Rect) -> Array8:
        return self.array[rect.y : rect.bottom, rect.x : rect.right]

    # ---- copies

    def _is_worth(self, copy: Copy) -> bool:
        """Return whether a copy is cheaper than sending the pixels that it moved."""
        return (
            copy.source.area >= COPY_AREA_MIN
            and len(self._copies) < COPIES_MAX
            and self._dirty.area_within(copy.source) * 2 <= copy.source.area
            and not self._dirty.covers(_target(copy))
        )

    def _record(self, copy: Copy) -> None:
        """Keep a copy. A viewer copies before it gets the dirty pixels, so copies of dirty areas
        are wrong: their targets become dirty, too. The target of the copy is otherwise no longer
        dirty."""
        dx, dy = _shift(copy)
        carried = self._dirty.within(copy.source)
        self._dirty.remove(_target(copy))
        for rect in carried:
            self._dirty.add(rect.moved(dx, dy))
        joined = self._copies and self._join(self._copies[-1], copy)
        if joined:
            self._copies[-1] = joined
        else:
            self._copies.append(copy)

    def _join(self, first: Copy, second: Copy) -> Copy | None:
        """Return one copy with the effect of two, except for areas that are dirty anyway: text that
        scrolls three times between two frames has scrolled once by more."""
        dx, dy = _shift(second)
        between, last = _target(first), _target(second)
        through = between.moved(dx, dy)
        kept = last.intersection(through)
        different = between.minus(last) + last.minus(through)
        if kept is None or not all(map(self._dirty.covers, different)):
            return None
        first_dx, first_dy = _shift(first)
        return Copy(kept.moved(-dx - first_dx, -dy - first_dy), kept.x, kept.y)


def _target(copy: Copy) -> Rect:
    """Return where the pixels of a copy arrive."""
    return Rect(copy.x, copy.y, copy.source.width, copy.source.height)


def _shift(copy: Copy) -> tuple[int, int]:
    return copy.x - copy.source.x, copy.y - copy.source.y
