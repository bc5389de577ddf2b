"""Reports of a host's use of files."""

from __future__ import annotations

import pytest

from guacr.session import drive_reports
from guacr.session.drive_reports import PERIOD, DriveReports
from guacr.session.events import DriveFileUsed, Events


def test_uses_beyond_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drive_reports, "REPORTS_MAX", 2)
    events, now = Events(), [0.0]
    reports = DriveReports(events, "$1", lambda: now[0])
    with events.subscribe() as seen:
        for number in range(4):
            reports.used(f"/{number}", "read", size=number)
        now[0] += PERIOD
        reports.used("/old", "renamed", to="/new")
        reports.flush()
        assert list(seen._pending) == [
            DriveFileUsed("$1", "read", "/0", size=0),
            DriveFileUsed("$1", "read", "/1", size=1),
            DriveFileUsed("$1", "more", count=2),
            DriveFileUsed("$1", "renamed", "/old", to="/new"),
        ]


def test_what_is_left_is_counted_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drive_reports, "REPORTS_MAX", 1)
    events = Events()
    reports = DriveReports(events, "$1")
    with events.subscribe() as seen:
        reports.used("/a", "deleted")
        reports.used("/b", "deleted")
        reports.flush()
        reports.flush()
        assert [event.count for event in seen._pending] == [None, 1]  # type: ignore[union-attr]
