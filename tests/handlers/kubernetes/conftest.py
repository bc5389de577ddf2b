"""A daemon for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from guacr.daemon import Daemon
from guacr.testing.daemon import running_daemon


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    async with running_daemon() as running:
        yield running
