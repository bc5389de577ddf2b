"""Interfaces, link-local addresses, multicast DNS, and a network that changes: in a namespace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter

import pytest
from aioice.mdns import MDNS_ADDRESS, create_mdns_protocol

from guacr.tubes.rtc.ice.agent import NAMES_MAX
from guacr.tubes.rtc.ice.settings import IceSettings, IceState
from tests.support.ice import DATA, End, assert_data_flows, begin, connect, ends, exchange
from tests.support.network_namespace import (
    check_namespaces,
    inside,
    ip,
    namespace,
    tun_device,
)
from tests.support.waiting import until

NAME = "0b0b5c9e-8f1a-4b5c-9d0a-7f2a7c3f1c11.local"


@pytest.fixture(name="network")
def _network() -> Iterator[str]:
    """A namespace with the interfaces `lo`, `one` and `two`, in which the test runs."""
    check_namespaces()
    with (
        namespace() as name,
        tun_device(name, "one", "10.9.0.1/24", "169.254.1.1/16", "fd09::1/64 nodad"),
        tun_device(name, "two", "10.9.1.1/24"),
        inside(name),
    ):
        yield name


def _addresses(end: End) -> list[str]:
    return [text.split()[4] for text in end.candidates if text]


@pytest.mark.parametrize(
    ("settings", "addresses"),
    [
        (IceSettings(), ["10.9.0.1", "fd09::1", "10.9.1.1"]),
        (IceSettings(interfaces=("two",)), ["10.9.1.1"]),
        (IceSettings(loopback=True), ["10.9.0.1", "fd09::1", "10.9.1.1", "127.0.0.1", "::1"]),
        (IceSettings(loopback=True, interfaces=("lo", "two")), ["10.9.1.1", "127.0.0.1", "::1"]),
        (IceSettings(relay_only=True), []),
    ],
)
async def test_addresses_of_interfaces(
    network: str, settings: IceSettings, addresses: list[str]
) -> None:
    assert network
    async with ends(settings) as (one, _):
        await one.transport.gather()
        assert sorted(_addresses(one)) == sorted(addresses)
        assert [one.startswith(("127.", "::1")) for one in _addresses(one)] == sorted(
            one.startswith(("127.", "::1")) for one in _addresses(one)
        )


async def test_an_unknown_interface_is_told_once(
    network: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert network
    async with ends(IceSettings(interfaces=("two", "eth7"))) as (one, _):
        await one.transport.gather()
        one.transport.restart()
        await one.transport.gather()
        assert set(_addresses(one)) == {"10.9.1.1"}
    assert caplog.messages == ["ICE: there is no interface 'eth7', which a setting names"]


async def test_ends_at_different_addresses(network: str) -> None:
    assert network
    async with ends(IceSettings(interfaces=("one",)), IceSettings(interfaces=("two",))) as (
        one,
        two,
    ):
        await connect(one, two)
        await assert_data_flows(one, two)
        assert " 10.9.0.1 " in one.transport.stats.local
        assert " 10.9.1.1 " in one.transport.stats.remote


@pytest.mark.parametrize("detected", [False, True])
async def test_a_restart_after_the_network_has_changed(network: str, detected: bool) -> None:
    """The address of one end is gone, and its sockets with it; it has another one."""
    settings = IceSettings(
        interfaces=("one",), keep_alive=0.1, disconnected_after=0.5, failed_after=30.0
    )
    other = replace(settings, interfaces=("two",))
    async with ends(settings, other) as (one, two):
        await connect(one, two)
        for address in ("10.9.0.1/24", "fd09::1/64"):
            ip("-n", network, "address", "delete", address, "dev", "one")
        ip("-n", network, "address", "add", "10.9.0.7/24", "dev", "one")
        for _ in range(10):
            one.transport.send(DATA + b"nowhere")
        if detected:
            await one.until(IceState.DISCONNECTED)
        one.transport.restart()
        exchange(one, two)
        await until(lambda: not one.transport.is_restarting, "the restart")
        await until(lambda: not two.transport.is_restarting, "the restart")
        await assert_data_flows(one, two)
        assert " 10.9.0.7 " in one.transport.stats.local
        assert one.state is two.state is IceState.CONNECTED
        await until(lambda: one.recoveries and two.recoveries, "told")


async def test_names_of_browsers_are_found(network: str) -> None:
    """A peer hides its address behind a name of multicast DNS, as Chromium and Firefox do."""
    ip("-n", network, "route", "add", f"{MDNS_ADDRESS}/32", "dev", "one")
    publisher = await create_mdns_protocol()
    try:
        await publisher.publish(NAME, "10.9.0.1")
        settings = IceSettings(interfaces=("one",))
        async with ends(settings) as (one, two):
            two.route = lambda text: text.replace("10.9.0.1", NAME) if "fd09" not in text else None
            one.route = lambda text: None
            await asyncio.gather(*begin(one, two))
            await one.until(IceState.CONNECTED)
            await two.until(IceState.CONNECTED)
            await assert_data_flows(one, two)
            assert NAME in one.transport.stats.remote
            assert "10.9.0.1" not in one.transport.stats.remote
    finally:
        await publisher.close()


async def test_names_without_multicast_cost_nothing(network: str) -> None:
    """Nobody answers."""
    async with ends(IceSettings(interfaces=("one",))) as (one, two):
        begun = perf_counter()
        for number in range(50):
            one.transport.add_remote_candidate(
                f"candidate:1 1 udp 1 {NAME.replace('0b0b', f'{number:04}')} 9 typ host"
            )
        await connect(one, two)
        await assert_data_flows(one, two)
        assert perf_counter() - begun < 1
        agent = one.transport._current
        assert len(agent._names) == NAMES_MAX
        await until(lambda: agent._remote_candidates_resolving == 0, "the end of look-ups", 5)
    assert network


async def test_names_are_not_looked_up_for_a_relay(network: str) -> None:
    assert network
    async with ends(IceSettings(relay_only=True)) as (one, two):
        one.transport.set_remote(two.transport.local)
        one.transport.add_remote_candidate(f"candidate:1 1 udp 1 {NAME} 9 typ host")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert one.transport._current._remote_candidates_resolving == 0
        assert one.transport._current.remote_candidates == []
