"""A pytest plug-in that measures the turns of a user's instructions by the time computed.

Tests send instructions in memory and look at once at what they did. With the clock, a turn also
ends while other processes use the processors, and the rest would be carried out later.
"""

from __future__ import annotations

from collections.abc import Generator
from time import thread_time

import pytest

from guacr.session.input import reader


@pytest.fixture(scope="session", autouse=True)
def _turns_end_by_computing() -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "perf_counter", thread_time)
        yield
