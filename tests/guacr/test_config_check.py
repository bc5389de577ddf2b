"""Findings about settings that a daemon can start with."""

from __future__ import annotations

from guacr.config_check import find
from guacr.session.protocols import Protocols
from guacr.settings.models import Settings

BAD = {"protocol": "testcard", "parameters": {"colour": "red"}}


def test_problems_of_connections_and_remarks_are_found() -> None:
    limits = {"sessions_per_subject": 1}
    values = {"connections": {"bad": BAD, "good": {"protocol": "testcard"}}, "limits": limits}
    found = find(Settings.model_validate(values), Protocols(offered=["testcard"]))
    (problem,) = found.problems
    assert problem.startswith("connections.bad: ")
    assert any("limits.sessions_per_subject has no effect" in one for one in found.remarks)
