"""The lag of a viewer, measured with the test's own clock."""

from collections import deque

import pytest

from guacr.session.frames.pacing import FRAME_TIME, FRAMES_KEPT, LAG_FULL, WINDOW, Pacing


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
    assert pacing.lag(1.61) == pytest.approx(0.01)


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


def test_a_full_link_is_known_by_its_lag() -> None:
    pacing = Pacing()
    pacing.sent(1, 0.0, 100)
    assert not pacing.is_full(100.0), "it never replied"
    pacing.reply(1, 0.2)
    pacing.sent(2, 1.0, 100)
    assert not pacing.is_full(1.19 + LAG_FULL)
    assert pacing.is_full(1.21 + LAG_FULL)
    pacing.reply(2, 1.4)
    assert not pacing.is_full(1.4)


def test_a_full_link_is_known_by_what_it_holds() -> None:
    pacing = Pacing()
    for frame in range(10):
        pacing.sent(frame, frame, 100_000)
        pacing.reply(frame, frame + 0.4)
    pacing.sent(10, 10.0, 100_000)
    assert not pacing.is_full(10.0), "250,000 bytes a second for 0.4 s"
    pacing.sent(11, 10.1, 20_000)
    assert pacing.is_full(10.1)


def test_the_round_trip_is_measured_anew_on_a_link_that_is_never_empty() -> None:
    pacing = Pacing()
    pacing.sent(0, 0.0)
    for frame in range(1, 200):
        now = frame / 10
        pacing.sent(frame, now)
        pacing.reply(frame - 1, now + 0.01)
        assert pacing.is_full(now + 0.02) == (now + 0.02 > WINDOW)


def test_the_strain_is_what_frames_take_too_long() -> None:
    pacing = Pacing()
    assert pacing.strain == 0
    for frame in range(100):
        pacing.sent(frame, frame, 20_000)
        pacing.reply(frame, frame + 0.2)
    assert pacing.strain == pytest.approx(0.2 - FRAME_TIME, abs=0.001)
    pacing.rate_limit = 10_000
    assert pacing.strain == pytest.approx(2 - FRAME_TIME, abs=0.001)
    pacing.rate_limit = 1_000_000
    assert pacing.strain == pytest.approx(0.2 - FRAME_TIME, abs=0.001)


@pytest.mark.parametrize("rate", [50_000, 250_000, 10_000_000])
@pytest.mark.parametrize("round_trip", [0.001, 0.05, 0.2])
@pytest.mark.parametrize("size", [2_000, 20_000])
def test_no_link_is_filled_to_the_brim(rate: int, round_trip: float, size: int) -> None:
    """A link that carries `rate` bytes a second, and 25 pictures a second to be shown."""
    pacing, replies = Pacing(), deque[tuple[float, int]]()
    free = waits = 0.0
    sent = 0
    for millisecond in range(60_000):
        now = millisecond / 1000
        while replies and replies[0][0] <= now:
            pacing.reply(replies.popleft()[1], now)
        if millisecond % 40 or pacing.is_full(now):
            continue
        sent += 1
        pacing.sent(sent, now, size)
        free = max(free, now) + size / rate
        replies.append((free + round_trip, sent))
        if now > 5:
            waits = max(waits, free - now)
    assert waits < max(0.25, 2 * size / rate + 0.1), "seconds in the link's buffers"
    assert sent * size > 0.75 * 60 * min(rate, 25 * size)


def test_what_is_remembered_is_bounded() -> None:
    pacing = Pacing()
    for frame in range(10 * FRAMES_KEPT):
        pacing.sent(frame, 0.0)
    assert pacing.in_flight == FRAMES_KEPT
