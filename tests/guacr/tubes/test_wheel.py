"""Tubes with the published wheel at the other end, in both roles."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from guacr.tubes.connections.listener import Listener
from guacr.tubes.connections.target import FixedTarget
from guacr.tubes.events import CandidateFound, ConversationClosed, TubeEvent
from guacr.tubes.plans import Plan
from guacr.tubes.reasons import CloseReason
from guacr.tubes.registry import TubeRegistry
from guacr.tubes.rtc.peer import PeerSettings
from guacr.tubes.rtc.sdp import parse
from guacr.tubes.settings import CustomSettings
from guacr.tubes.tube import Tube, TubeState
from tests.support.echo_server import echo_server
from tests.support.waiting import until
from tests.support.wheel import Wheel, wheel, wheel_network


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    with wheel_network():
        yield


class Both:
    """The wheel and a registry of ours, with a tube between them."""

    def __init__(self, wheel: Wheel) -> None:
        self.wheel = wheel
        self.ours = TubeRegistry()
        self.events: list[TubeEvent] = []
        self.tube: Tube | None = None
        self.wheel_id = ""
        self._early: list[str] = []
        self._carrying: asyncio.Task[None] | None = None

    def _on_event(self, tube: Tube, event: TubeEvent) -> None:
        self.events.append(event)
        if isinstance(event, CandidateFound):
            self._early.append(event.candidate)

    async def _carry(self) -> None:
        """Carry candidates both ways."""
        told, sent = 0, 0
        while True:
            for candidate in self.wheel.candidates()[told:]:
                assert self.tube is not None
                self.tube.peer.add_candidate(candidate)
                told += 1
            for candidate in self._early[sent:]:
                await self.wheel.call("add_ice_candidate", self.wheel_id, candidate)
                sent += 1
            await asyncio.sleep(0.005)

    async def wheel_offers(
        self, plan: Plan, settings: dict[str, Any], *, trickle: bool = True
    ) -> dict[str, str]:
        """A tube that the wheel offers; the result of its create_tube."""
        created = await self.wheel.create(plan.id, settings, trickle=trickle)
        self.wheel_id = created["tube_id"]
        answered = await self.ours.create(
            plan.id,
            CustomSettings(plan.backend, plan.front),
            PeerSettings(trickle=trickle, keeper_version="2.2.9"),
            fragmented=plan.fragmented,
            offer=created["description"],
            on_event=self._on_event,
        )
        self.tube = answered.tube
        await self.wheel.set_remote(self.wheel_id, answered.description, is_answer=True)
        await self._connected()
        return created

    async def we_offer(self, plan: Plan, settings: dict[str, Any], *, trickle: bool = True) -> None:
        """A tube that we offer."""
        offered = await self.ours.create(
            plan.id,
            CustomSettings(plan.backend, plan.front),
            PeerSettings(trickle=trickle, keeper_version="2.2.9"),
            fragmented=plan.fragmented,
            on_event=self._on_event,
        )
        self.tube = offered.tube
        created = await self.wheel.create(
            plan.id, settings, trickle=trickle, offer=offered.description
        )
        self.wheel_id = created["tube_id"]
        self.tube.peer.set_remote(created["description"], is_answer=True)
        await self._connected()

    async def _connected(self) -> None:
        self._carrying = asyncio.create_task(self._carry())
        tube = self.tube
        assert tube is not None
        await until(lambda: tube.state is TubeState.READY, "our end")

    def closed(self) -> list[ConversationClosed]:
        return [event for event in self.events if isinstance(event, ConversationClosed)]

    async def close(self) -> None:
        if self._carrying is not None:
            self._carrying.cancel()
            await asyncio.wait((self._carrying,))
        await self.ours.close()


@pytest_asyncio.fixture
async def both() -> AsyncIterator[Both]:
    async with wheel() as running:
        ends = Both(running)
        yield ends
        await ends.close()


async def echoed(port: int, size: int) -> int:
    """Bytes that come back through a tunnel."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(bytes(size))
    answer = await reader.readexactly(size)
    writer.close()
    return len(answer)


def target(port: int) -> dict[str, Any]:
    """The wheel's settings of an answerer."""
    return {"conversationType": "tunnel", "target_host": "127.0.0.1", "target_port": port}


LISTENING: dict[str, Any] = {"conversationType": "tunnel", "local_listen_addr": "127.0.0.1:0"}


@pytest.mark.parametrize("trickle", [True, False])
async def test_a_tunnel_that_the_wheel_offers(both: Both, trickle: bool) -> None:
    async with echo_server() as port:
        plan = Plan("c", FixedTarget("127.0.0.1", port))
        created = await both.wheel_offers(plan, LISTENING, trickle=trickle)
        wheel_port = int(created["actual_local_listen_addr"].rsplit(":", 1)[1])

        assert await echoed(wheel_port, 2_000_000) == 2_000_000
        assert await asyncio.gather(*(echoed(wheel_port, 5000) for _ in range(20))) == [5000] * 20


@pytest.mark.parametrize("trickle", [True, False])
async def test_a_tunnel_that_we_offer(both: Both, trickle: bool) -> None:
    async with echo_server() as port:
        listener = Listener("127.0.0.1", 0)
        await both.we_offer(Plan("c", front=listener), target(port), trickle=trickle)
        our_port = int(listener.address.rsplit(":", 1)[1])

        assert await echoed(our_port, 2_000_000) == 2_000_000
        assert await asyncio.gather(*(echoed(our_port, 5000) for _ in range(20))) == [5000] * 20


async def test_every_end_of_a_backend_reaches_the_wheels_clients(both: Both) -> None:
    """The wheel itself reports only the first of a channel."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    created = await both.wheel_offers(Plan("c", FixedTarget("127.0.0.1", port)), LISTENING)
    wheel_port = int(created["actual_local_listen_addr"].rsplit(":", 1)[1])

    answers = []
    for _ in range(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", wheel_port)
        answers.append(await asyncio.wait_for(reader.read(), 20))
        writer.close()
    server.close()

    assert answers == [b"bye"] * 5


async def test_a_refused_backend_ends_the_wheels_client(both: Both) -> None:
    created = await both.wheel_offers(Plan("c", FixedTarget("127.0.0.1", 1)), LISTENING)
    wheel_port = int(created["actual_local_listen_addr"].rsplit(":", 1)[1])

    reader, writer = await asyncio.open_connection("127.0.0.1", wheel_port)

    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()


async def test_the_wheel_closes_the_tube(both: Both) -> None:
    await both.wheel_offers(Plan("c", FixedTarget("127.0.0.1", 1)), LISTENING)

    await both.wheel.call("close_tube", both.wheel_id)

    await until(lambda: not both.ours.tubes, "our end")
    assert both.closed()[0].reason is CloseReason.ADMIN_CLOSED


@pytest.mark.parametrize("we_offer", [True, False])
async def test_we_close_the_tube(both: Both, we_offer: bool) -> None:
    if we_offer:
        await both.we_offer(Plan("c"), target(1))
    else:
        await both.wheel_offers(Plan("c"), LISTENING)
    assert both.tube is not None

    await both.tube.close(CloseReason.ADMIN_CLOSED)

    await until(both.wheel.closed, "its signal")
    assert both.wheel.closed()[0]["close_reason"]["name"] == "AdminClosed"


async def test_a_restart_by_the_wheel(both: Both) -> None:
    async with echo_server() as port:
        plan = Plan("c", FixedTarget("127.0.0.1", port))
        created = await both.wheel_offers(plan, LISTENING)
        tube = both.tube
        assert tube is not None
        offer = base64.b64decode(await both.wheel.call("restart_ice", both.wheel_id)).decode()
        tube.peer.set_remote(offer, is_answer=False)
        await both.wheel.set_remote(both.wheel_id, await tube.peer.create_answer(), is_answer=True)

        wheel_port = int(created["actual_local_listen_addr"].rsplit(":", 1)[1])
        assert await echoed(wheel_port, 100_000) == 100_000


async def test_a_restart_by_us(both: Both) -> None:
    async with echo_server() as port:
        listener = Listener("127.0.0.1", 0)
        await both.we_offer(Plan("c", front=listener), target(port))
        tube = both.tube
        assert tube is not None
        before = tube.peer._ice.local

        offer = await tube.peer.restart_ice()
        assert parse(offer).ufrag != before.ufrag
        answer = await both.wheel.set_remote(both.wheel_id, offer, is_answer=False)
        assert answer is not None
        tube.peer.set_remote(answer, is_answer=True)

        our_port = int(listener.address.rsplit(":", 1)[1])
        assert await echoed(our_port, 100_000) == 100_000
