"""One ACME server for all tests of a process."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from acme import client

from guacr.net import acceptor
from guacr.refusals import Refusals
from tests.support.pebble import Pebble, pebble_server


@pytest.fixture(scope="session")
def pebble() -> Iterator[Pebble]:
    with pebble_server() as running:
        yield running


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library waits for a second before it asks whether a certificate is ready."""

    class Time:
        sleep = staticmethod(lambda seconds: time.sleep(min(seconds, 0.02)))

    monkeypatch.setattr(client, "time", Time)


@pytest.fixture(autouse=True)
def every_refusal_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests' refusals do not count towards the lines of this one."""
    monkeypatch.setattr(acceptor, "_untrusted", Refusals(acceptor.log))
