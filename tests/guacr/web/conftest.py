"""Shared by the tests of the page's server."""

import pytest

from guacr.refusals import Refusals
from guacr.web import refused


@pytest.fixture(autouse=True)
def every_refusal_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests' refusals do not count towards the lines of this one."""
    for name in ("_refusals", "_no_http"):
        monkeypatch.setattr(refused, name, Refusals(refused.log))
