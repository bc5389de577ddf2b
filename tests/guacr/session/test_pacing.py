"""How far behind a viewer is, by a clock of the test's own."""

import pytest

from guacr.session.pacing import FRAMES_KEPT, Pacing


def test_no_lag_without_frames() -> None:
    assert Pacing().lag(10.0) == 0.0


def test_a_viewer_that_never_replies_has_no_lag() -> None:
    pacing = Pacing()
    pacing.sent(1, 0.0)
    assert pacing.lag(100.0) == 0.0
    assert pacing.in_flight == 1


def test_the_link_itself_is_no_lag() -> None:
    pacing = Pacing()
    for frame in range(1, 6):
        pacing.sent(frame, frame * 1.0)
        assert pacing.lag(frame + 0.2) == pytest.approx(0.0, abs=0.02)
        assert pacing.reply(frame, frame + 0.2)
    assert pacing.round_trip == pytest.approx(0.2, abs=0.001)


def test_lag_is_what_exceeds_the_round_trip() -> None:
    pacing = Pacing()
    pacing.sent(1, 0.0)
    pacing.reply(1, 0.1)
    pacing.sent(2, 1.0)
    pacing.sent(3, 1.5)
    assert pacing.lag(1.6) == pytest.approx(0.5)
    pacing.reply(2, 1.6)
    assert pacing.in_flight == 1
    assert pacing.lag(1.61) == pytest.approx(0.005, abs=0.002)


def test_one_reply_acknowledges_all_before_it() -> None:
    pacing = Pacing()
    for frame in range(5):
        pacing.sent(frame, frame / 10)
    assert pacing.reply(3, 1.0)
    assert pacing.in_flight == 1


def test_replies_to_what_was_never_sent() -> None:
    pacing = Pacing()
    assert not pacing.reply(0, 0.0)
    pacing.sent(5, 0.0)
    assert not pacing.reply(6, 0.1)
    assert pacing.reply(5, 0.1)
    assert pacing.reply(5, 0.2), "a repeated reply is harmless"
    assert pacing.reply(2, 0.3), "an old one too"


def test_the_round_trip_follows_a_link_that_became_slower() -> None:
    pacing = Pacing()
    pacing.sent(1, 0.0)
    pacing.reply(1, 0.01)
    for frame in range(2, 200):
        pacing.sent(frame, float(frame))
        pacing.reply(frame, frame + 0.3)
    assert pacing.round_trip == pytest.approx(0.3)


def test_what_is_remembered_is_bounded() -> None:
    pacing = Pacing()
    for frame in range(10 * FRAMES_KEPT):
        pacing.sent(frame, 0.0)
    assert pacing.in_flight == FRAMES_KEPT
