"""A quota admits so many reports in a period."""

from guacr.quota import Quota


def test_reports_beyond_the_quota_are_counted() -> None:
    now = 100.0
    quota = Quota(2, 60.0, lambda: now)
    excess: list[int] = []
    assert [quota.admits(excess.append) for _ in range(5)] == [True, True, False, False, False]
    now += 59.9
    assert not quota.admits(excess.append)
    assert excess == []
    now += 0.1
    assert quota.admits(excess.append)
    assert excess == [4]


def test_a_period_without_excess_says_nothing() -> None:
    now = 0.0
    quota = Quota(2, 60.0, lambda: now)
    excess: list[int] = []
    assert quota.admits(excess.append)
    now = 60.0
    assert quota.admits(excess.append)
    assert excess == []
    assert quota.take_excess() == 0


def test_what_is_left_at_the_end() -> None:
    quota = Quota(1, 60.0, lambda: 0.0)
    assert [quota.admits() for _ in range(3)] == [True, False, False]
    assert quota.take_excess() == 2
    assert quota.take_excess() == 0
