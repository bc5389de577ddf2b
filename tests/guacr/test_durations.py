"""Durations in words."""

from guacr.durations import spoken


def test_times_in_words() -> None:
    times = (0.2, 1, 59.6, 90, 3600, 7200, 5400)
    assert [spoken(time) for time in times] == [
        "1 second",
        "1 second",
        "1 minute",
        "90 seconds",
        "1 hour",
        "2 hours",
        "90 minutes",
    ]
