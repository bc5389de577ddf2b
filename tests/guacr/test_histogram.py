"""Durations are counted in the bucket whose bound they do not exceed."""

from guacr.histogram import BOUNDS, Histogram


def test_a_bound_belongs_to_its_bucket() -> None:
    histogram = Histogram()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] * 1.01, BOUNDS[-1], BOUNDS[-1] * 2):
        histogram.observe(seconds)
    assert histogram.counts == [2, 1, *[0] * (len(BOUNDS) - 3), 1, 1]
    assert round(histogram.total, 6) == round(BOUNDS[0] * 2.01 + BOUNDS[-1] * 3, 6)
