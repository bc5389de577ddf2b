"""The dirty region covers all that was added, with a bounded number of rectangles."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from guacr.display.dirty import RECTS_MAX, DirtyRegion
from guacr.display.geometry import Rect


@pytest.mark.parametrize(("count", "merged"), [(RECTS_MAX, False), (RECTS_MAX + 1, True)])
def test_the_number_of_rectangles_is_bounded(count: int, merged: bool) -> None:
    region = DirtyRegion()
    spots = [Rect(x, y, 30, 30) for y, x in product(range(0, 1200, 120), range(0, 1000, 120))]
    for rect in spots[:count]:
        region.add(rect)
    rects = region.take()
    assert (len(rects) < count) == merged
    assert not any(a.intersection(b) for a, b in combinations(rects, 2))
    assert all(any(rect.contains(spot) for rect in rects) for spot in spots[:count])


@pytest.mark.parametrize(("tolerance", "count"), [(1799, 2), (1800, 1)])
def test_rectangles_are_merged_at_the_tolerance(tolerance: int, count: int) -> None:
    region = DirtyRegion(tolerance)
    region.add(Rect(0, 0, 30, 30))
    region.add(Rect(90, 0, 30, 30))
    assert len(region.take()) == count
