"""The positions of the test card's parts, in proportion to the picture."""

from __future__ import annotations

from dataclasses import dataclass

from guacr.api import Rect

COLUMNS, ROWS = 64, 48
"""Units into which the picture is divided."""
LETTERS_MIN = 8
"""The height in pixels below which letters cannot be read."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Rectangles in pixels for a picture of `width` by `height`."""

    width: int
    height: int

    def area(self, left: float, top: float, right: float, bottom: float) -> Rect:
        """Return the area between an upper left and a lower right corner, in units."""
        x, y = round(left * self.width / COLUMNS), round(top * self.height / ROWS)
        end_x, end_y = round(right * self.width / COLUMNS), round(bottom * self.height / ROWS)
        return Rect(x, y, end_x - x, end_y - y)

    @property
    def unit(self) -> float:
        """The pixels of a unit, in the direction with fewer."""
        return min(self.width / COLUMNS, self.height / ROWS)

    def letters(self, units: float = 0.82) -> int:
        """Return the height in pixels of letters of `units`."""
        return max(LETTERS_MIN, round(units * self.unit))

    @property
    def whole(self) -> Rect:
        """The whole picture."""
        return Rect(0, 0, self.width, self.height)

    @property
    def title(self) -> Rect:
        """The line above the bars."""
        return self.area(3, 2.5, 30, 4.5)

    @property
    def clock(self) -> Rect:
        """The line beside the title."""
        return self.area(31, 2.5, 61, 4.5)

    @property
    def bars(self) -> Rect:
        """Colour bars."""
        return self.area(3, 5, 61, 12)

    @property
    def ramps(self) -> Rect:
        """Gradients."""
        return self.area(3, 12, 61, 16)

    @property
    def gratings(self) -> Rect:
        """Fine lines."""
        return self.area(3, 18.5, 14, 30.5)

    @property
    def zone_plate(self) -> Rect:
        """Circles that become finer towards the edge."""
        return self.area(15, 18.5, 27, 30.5)

    @property
    def lane(self) -> Rect:
        """The area in which the window moves."""
        return self.area(28, 18.5, 48, 30.5)

    @property
    def video(self) -> Rect:
        """Noise."""
        return self.area(49, 18.5, 61, 30.5)

    @property
    def still(self) -> Rect:
        """Text that does not move."""
        return self.area(3, 33, 23, 45)

    @property
    def scroller(self) -> Rect:
        """Text that scrolls."""
        return self.area(24, 33, 42, 45)

    @property
    def input(self) -> Rect:
        """Keys and the pointer."""
        return self.area(43, 33, 61, 45)

    def caption(self, panel: Rect) -> Rect:
        """Return the line above a panel."""
        height = round(1.5 * self.height / ROWS)
        return Rect(panel.x, panel.y - height, panel.width, height)


def inset(rect: Rect, margin: int) -> Rect:
    """Return a rectangle within another one; empty if there is no space."""
    return Rect(
        rect.x + margin,
        rect.y + margin,
        max(0, rect.width - 2 * margin),
        max(0, rect.height - 2 * margin),
    )
