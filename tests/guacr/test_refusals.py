"""A flood of refusals does not fill the log."""

import logging

import pytest

from guacr.refusals import LINES, PERIOD, Refusals


def test_a_flood_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    refusals = Refusals(logging.getLogger("test"), clock=lambda: now)
    for number in range(LINES + 5):
        refusals.report("refused %d", number)
    assert caplog.messages == [f"refused {number}" for number in range(LINES)]
    now = PERIOD
    refusals.report("refused again")
    assert caplog.messages[LINES:] == [
        "5 more refusals of this kind were not logged",
        "refused again",
    ]
