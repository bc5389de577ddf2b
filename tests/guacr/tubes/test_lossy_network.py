"""Tubes over a link that loses, delays, repeats and reorders datagrams of real sockets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest_asyncio

from guacr.tubes.connections.listener import Listener
from guacr.tubes.connections.target import FixedTarget
from guacr.tubes.plans import Plan
from tests.guacr.tubes.test_registry import Registries, both, round_trip
from tests.support.echo_server import echo_server
from tests.support.lossy_relay import LossyRelay
from tests.support.waiting import until

__all__ = ["both"]  # a fixture


@pytest_asyncio.fixture(name="relay")
async def _relay() -> AsyncIterator[LossyRelay]:
    relay = LossyRelay(delay=0.005, loss=0.03, jitter=0.01, repeated=0.03)
    yield relay
    relay.close()


async def test_a_tunnel(relay: LossyRelay, both: Registries) -> None:
    """All bytes arrive in order, on many connections at a time, also while ICE is restarted."""
    data = random.Random(1).randbytes(400_000)
    both.routes[0].route = lambda candidate: None
    both.routes[1].route = lambda candidate: relay.routed(candidate) or None
    async with echo_server() as port:
        listener = Listener("127.0.0.1", 0)
        near, far = await both.connect(
            Plan("c", front=listener), Plan("c", FixedTarget("127.0.0.1", port))
        )
        parts = [data[start : start + 20_000] for start in range(0, len(data), 20_000)]
        assert await asyncio.gather(*(round_trip(listener, part) for part in parts)) == parts

        before = near.peer.stats.local
        running = asyncio.create_task(round_trip(listener, data))
        answer = await both.ends[1].set_remote_description(
            far.id, await both.ends[0].restart_ice(near.id), is_answer=False
        )
        assert answer is not None
        without = "".join(
            line for line in answer.splitlines(True) if not line.startswith("a=candidate")
        )
        await both.ends[0].set_remote_description(near.id, without, is_answer=True)

        assert await running == data
        await until(lambda: near.peer.stats.local not in ("", before), "the new pair")
        assert await round_trip(listener, parts[0]) == parts[0]
    assert relay.lost > 20
