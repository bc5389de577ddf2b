from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.handlers.database.people import Room


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    yield room
    await room.close()
