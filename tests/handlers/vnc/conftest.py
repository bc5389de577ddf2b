"""A daemon, and a desktop with something on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from guacr.daemon import Daemon
from guacr.testing.daemon import running_daemon
from handlers.vnc import VncHandler, unfinished
from tests.support.xvnc import Desktop, xvnc


@pytest.fixture(autouse=True)
def no_unfinished_logins() -> None:
    """Ports are used again, and what was begun there in another test must not count."""
    unfinished._begun.clear()


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    async with running_daemon(VncHandler) as running:
        yield running


@pytest.fixture
async def desktop() -> AsyncIterator[Desktop]:
    async with xvnc() as running:
        yield running
