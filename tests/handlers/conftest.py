"""Shared by the tests of all handlers."""

import pytest

from guacr.settings.models import Settings
from handlers.terminal.handler import TerminalHandler


@pytest.fixture(scope="session", autouse=True)
def warm() -> None:
    """No test's event loop is held by what the daemon does when it starts."""
    TerminalHandler.warm_up(Settings())
