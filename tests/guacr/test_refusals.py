"""A flood of refusals does not fill the log."""

import logging

import pytest

from guacr.errors import UnauthorizedError
from guacr.refusals import LINES, OPERATOR, PERIOD, Refusals, counts


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


def test_what_is_refused_to_operators_is_counted_apart() -> None:
    log = logging.getLogger("test")
    users, operators = Refusals(log), Refusals(log, OPERATOR)
    counts.clear()
    for refusals in (users, operators, operators):
        refusals.refused("127.0.0.1", UnauthorizedError("no"))
    assert counts == {"client_unauthorized": 1, "operator": 2}
