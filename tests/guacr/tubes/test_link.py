"""The link of a tube."""

from __future__ import annotations

import pytest

from guacr.tubes.breaker import FAILURES_MAX
from guacr.tubes.connections.listener import Listener
from guacr.tubes.connections.target import FixedTarget
from guacr.tubes.errors import CircuitOpenError, PeerError
from guacr.tubes.plans import Plan
from tests.guacr.tubes.test_registry import Registries, both, round_trip
from tests.support.echo_server import echo_server

__all__ = ["both"]  # a fixture


async def test_a_tube_that_keeps_failing_is_left_alone_and_no_other(both: Registries) -> None:
    await both.create(0, Plan("c"), tube_id="failing")
    for _ in range(FAILURES_MAX["ice"]):
        with pytest.raises(PeerError, match="the peer has not answered yet"):
            await both.ends[0].restart_ice("failing")

    with pytest.raises(CircuitOpenError, match="failed 8 times in a row: try again in 30 s"):
        await both.ends[0].restart_ice("failing")

    assert not both.ends[0].tube("failing").breaker.is_healthy
    async with echo_server() as port:
        listener = Listener("127.0.0.1", 0)
        answering = Plan("d", FixedTarget("127.0.0.1", port))
        tube, _ = await both.connect(Plan("d", front=listener), answering, tube_id="other")
        assert await tube.restart_ice()
        assert tube.breaker.is_healthy
        assert await round_trip(listener) == b"hello"
