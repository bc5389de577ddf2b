"""An application in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from guacr.tubes import PyTubeRegistry, shutdown_runtime_from_python
from tests.guacr.tubes.compat.application import Application


@pytest.fixture(scope="module", autouse=True)
def warmed_up() -> None:
    """The first loop of uvloop in a process opens a pipe for good."""
    PyTubeRegistry().active_tube_count()
    shutdown_runtime_from_python()


@pytest.fixture
def application() -> Iterator[Application]:
    before = set(threading.enumerate())
    yield Application()
    shutdown_runtime_from_python()
    assert set(threading.enumerate()) <= before
