"""Reports of what was refused to a user."""

from __future__ import annotations

from guacr.errors import ForbiddenError
from guacr.session.events import Events, Refused
from guacr.session.transfer_reports import PERIOD, REFUSALS_MAX, TransferReports


def test_a_flood_of_refusals_is_counted() -> None:
    """A program on the host can have any number of files refused."""
    events, now = Events(), 0.0
    with events.subscribe() as subscriber:
        reports = TransferReports(events, "$1", "@1", "192.0.2.1:7", lambda: now)
        for number in range(REFUSALS_MAX + 3):
            reports.refused(ForbiddenError("not this"), f"/{number}", incoming=False)
        now = PERIOD
        reports.refused(ValueError(), "/later", incoming=False)
        reports.flush()
        found = [one for one in subscriber._pending if isinstance(one, Refused)]
    assert len(found) == REFUSALS_MAX + 2
    assert found[0] == Refused("192.0.2.1:7", "not this", "$1", "@1", "/0", False)
    assert (found[-2].reason, found[-2].name) == ("3 more requests of this user were refused", "")
    assert found[-1].name == "/later"
    assert "ValueError" not in found[-1].reason
