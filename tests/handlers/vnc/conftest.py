"""A daemon, and a desktop with something on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from guacr.daemon import Daemon
from guacr.testing.daemon import running_daemon
from handlers.vnc import VncHandler
from tests.support.xvnc import Desktop, xvnc


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    async with running_daemon(VncHandler) as running:
        yield running


@pytest.fixture
async def desktop() -> AsyncIterator[Desktop]:
    async with xvnc() as running:
        yield running
