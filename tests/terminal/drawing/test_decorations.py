"""Underlines, strikes, overlines and cursor shapes."""

import itertools

import numpy as np
import pytest

from terminal.drawing.decorations import CellMetrics, Decoration, Shape, draw
from terminal.engines.contents import Underline

METRICS = [
    CellMetrics(10, 19, 15, 1),
    CellMetrics(8, 17, 13, 1),
    CellMetrics(19, 38, 30, 2),
    CellMetrics(29, 57, 45, 3),
    CellMetrics(4, 5, 4, 1),
]


@pytest.mark.parametrize("metrics", METRICS)
def test_every_combination_fits_its_cell(metrics: CellMetrics) -> None:
    for underline, strike, overline, shape in itertools.product(
        Underline, (False, True), (False, True), Shape
    ):
        picture = draw(Decoration(underline, strike, overline, shape), metrics)
        assert picture.shape == (metrics.height, metrics.width)
        assert picture.any() == (Decoration(underline, strike, overline, shape) != Decoration())


@pytest.mark.parametrize("metrics", METRICS[:4])
def test_underlines_stand_below_the_baseline_and_differ(metrics: CellMetrics) -> None:
    pictures = [draw(Decoration(underline), metrics) for underline in Underline]
    for picture in pictures:
        assert not picture[: metrics.ascent].any()
    for one, other in itertools.combinations(pictures, 2):
        assert not np.array_equal(one, other)


@pytest.mark.parametrize("metrics", METRICS)
def test_lines_reach_both_edges(metrics: CellMetrics) -> None:
    for decoration in (
        Decoration(Underline.SINGLE),
        Decoration(Underline.DOUBLE),
        Decoration(strike=True),
        Decoration(overline=True),
        Decoration(shape=Shape.UNDERLINE),
    ):
        picture = draw(decoration, metrics)
        assert (picture == picture[:, :1]).all()


@pytest.mark.parametrize("metrics", METRICS[:4])
def test_a_curly_line_goes_on_in_the_next_cell(metrics: CellMetrics) -> None:
    picture = draw(Decoration(Underline.CURLY), metrics).astype(float)
    rows = np.arange(metrics.height)[:, None]
    middles = (picture * rows).sum(axis=0) / picture.sum(axis=0)
    joined = np.concatenate([middles, middles])
    steps = np.abs(np.diff(joined))
    assert steps[metrics.width - 1] <= steps.max() + 1e-9
    assert np.ptp(middles) >= 1


def test_a_hollow_cursor_is_a_frame() -> None:
    picture = draw(Decoration(shape=Shape.HOLLOW), METRICS[0])
    assert (picture[0] == 255).all()
    assert (picture[:, -1] == 255).all()
    assert not picture[1:-1, 1:-1].any()
