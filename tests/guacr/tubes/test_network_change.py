"""The network of a tube changes under it, in a namespace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from guacr.tubes.connections.listener import Listener
from guacr.tubes.connections.target import FixedTarget
from guacr.tubes.events import CandidateFound, RestartOffered, TubeEvent
from guacr.tubes.registry import TubeRegistry
from guacr.tubes.rtc.ice.settings import IceSettings
from guacr.tubes.rtc.peer import PeerSettings
from guacr.tubes.settings import CustomSettings
from guacr.tubes.tube import Tube, TubeState
from tests.support.echo_server import echo_server
from tests.support.network_namespace import check_namespaces, inside, ip, namespace, tun_device
from tests.support.waiting import until


@pytest.fixture(name="network")
def _network() -> Iterator[str]:
    check_namespaces()
    with (
        namespace() as name,
        tun_device(name, "one", "10.9.0.1/24"),
        tun_device(name, "far", "10.9.9.1/24"),
        inside(name),
    ):
        yield name


def _settings(*interfaces: str) -> PeerSettings:
    ice = IceSettings(
        interfaces=interfaces, keep_alive=0.05, disconnected_after=0.5, failed_after=20.0
    )
    return PeerSettings(ice=ice)


@contextmanager
def _changed(network: str, change: str) -> Iterator[str]:
    """Take the near address away; there is another one, at the same interface or a new one."""
    if change == "address":
        ip("-n", network, "address", "delete", "10.9.0.1/24", "dev", "one")
        ip("-n", network, "address", "add", "10.9.0.7/24", "dev", "one")
        yield "10.9.0.7"
    else:
        ip("-n", network, "link", "delete", "one")
        with tun_device(network, "other", "10.9.3.1/24"):
            yield "10.9.3.1"


@pytest.mark.parametrize("change", ["address", "interface"])
async def test_a_tube_survives(network: str, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The offerer loses its address, or its interface, and gets another one: it offers a restart by
    itself, and the connections go on."""
    monkeypatch.setattr("guacr.tubes.tube.RESTART_DELAY", 0.01)
    near, far = TubeRegistry(), TubeRegistry()
    offers: list[str] = []

    def on_near(tube: Tube, event: TubeEvent) -> None:
        if isinstance(event, RestartOffered):
            offers.append(event.offer)
        elif isinstance(event, CandidateFound) and "t" in far.tubes:
            far.tubes["t"].peer.add_candidate(event.candidate)

    def on_far(tube: Tube, event: TubeEvent) -> None:
        if isinstance(event, CandidateFound):
            near.tubes["t"].peer.add_candidate(event.candidate)

    async with echo_server() as port:
        listener = Listener("127.0.0.1", 0)
        one, two = _settings("one", "other"), _settings("far")
        offered = await near.create(
            "c", CustomSettings(None, listener), one, token="", tube_id="t", on_event=on_near
        )
        answered = await far.create(
            "c",
            CustomSettings(FixedTarget("127.0.0.1", port)),
            two,
            token="",
            tube_id="t",
            offer=offered.description,
            on_event=on_far,
        )
        offered.tube.peer.set_remote(answered.description, is_answer=True)
        await until(lambda: offered.tube.state is TubeState.READY, "the tube")
        host, _, number = listener.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(number))
        writer.write(b"before")
        assert await reader.readexactly(6) == b"before"

        with _changed(network, change) as address:
            await until(lambda: offers, "the offer of a restart")
            answer = await far.set_remote_description("t", offers[0], is_answer=False)
            assert answer is not None
            await near.set_remote_description("t", answer, is_answer=True)
            writer.write(b"after")
            assert await asyncio.wait_for(reader.readexactly(5), 20) == b"after"
            assert f" {address} " in offered.tube.peer.stats.local
            writer.close()
            await near.close()
            await far.close()
