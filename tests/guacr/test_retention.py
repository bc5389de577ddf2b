"""The time by which old data are deleted, by clocks that are wrong."""

from __future__ import annotations

import pytest

from guacr.retention import STEADY, RetentionClock

HOUR, YEAR = 3600.0, 365 * 86_400.0
START = 1_800_000_000.0


class Machine:
    """Its clock, at which a daemon looks every hour."""

    def __init__(self, wrong: float = 0.0) -> None:
        self.wrong = wrong
        self.uptime = 50.0
        self.clock = RetentionClock(lambda: self.time + self.wrong, lambda: self.uptime)

    @property
    def time(self) -> float:
        return START + self.uptime

    def run(self, hours: int) -> float:
        """How far the time after some hours is off, that before `now` was known being very far."""
        for _ in range(hours):
            self.uptime += HOUR
            now = self.clock.now()
        return now - self.time

    def is_known(self) -> bool:
        return self.clock.now() > 0


def test_the_time_is_not_known_until_the_clock_has_been_watched_for_a_day() -> None:
    machine = Machine()
    machine.run(24)
    assert not machine.is_known()
    assert machine.run(1) == pytest.approx(0)


def test_a_leap_forward_counts_once_it_has_lasted_for_a_day(
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine = Machine()
    machine.run(30)
    machine.wrong = 12 * YEAR
    assert machine.run(24) == pytest.approx(0)
    assert machine.run(1) == pytest.approx(12 * YEAR)
    assert len([text for text in caplog.messages if "was set forward by 105120 hours" in text]) == 1


def test_a_leap_that_is_put_right_never_counts() -> None:
    machine = Machine()
    machine.run(30)
    for wrong in (12 * YEAR, 0.0):
        machine.wrong = wrong
        assert machine.run(23) == pytest.approx(0)
    assert machine.run(30) == pytest.approx(0)


def test_a_clock_that_is_set_back_counts_at_once() -> None:
    machine = Machine()
    machine.run(30)
    machine.wrong = -YEAR
    assert machine.run(1) == pytest.approx(-YEAR)


def test_a_clock_that_was_wrong_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """A machine without a battery begins in 1970, until it has asked for the time."""
    machine = Machine(-START)
    machine.run(1)
    machine.wrong = 0.0
    assert machine.run(23) < -YEAR
    assert "was set forward" in caplog.text
    assert machine.run(2) == pytest.approx(0)


def test_looks_are_forgotten() -> None:
    machine = Machine()
    machine.run(100)
    assert len(machine.clock._looks) <= STEADY / HOUR + 1
