"""The congestion window."""

from __future__ import annotations

import pytest

from guacr.tubes.sctp.congestion import BETA, BETA_UNQUEUED, RENO_GROWTH, CongestionWindow

SEGMENT = 1000


def window(size: int) -> CongestionWindow:
    """A window that has grown to this many segments."""
    one = CongestionWindow(SEGMENT, 10_000_000)
    while one.size < size * SEGMENT:
        one.on_acknowledged(SEGMENT, 0.05, 0.0)
    return one


@pytest.mark.parametrize(("is_queued", "share"), [(True, BETA), (False, BETA_UNQUEUED)])
def test_a_loss_shrinks_it_less_on_a_link_without_a_queue(is_queued: bool, share: float) -> None:
    one = window(100)
    one.on_loss(is_queued=is_queued)

    assert one.size == pytest.approx(100 * SEGMENT * share)


@pytest.mark.parametrize(("is_queued", "growth"), [(True, RENO_GROWTH), (False, 1.0)])
def test_small_windows_grow_in_each_round_trip(is_queued: bool, growth: float) -> None:
    one = window(10)
    one.on_loss(is_queued=is_queued)
    before = one.size
    for _ in range(10):  # of 1 ms, in which CUBIC's own growth is none
        for _ in range(int(one.size / SEGMENT)):
            one.on_acknowledged(SEGMENT, 0.001, 1.0, is_queued=is_queued)

    assert one.size - before == pytest.approx(10 * growth * SEGMENT, rel=0.15)
