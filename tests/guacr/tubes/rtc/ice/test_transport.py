"""Two ends over real sockets: gathering, candidates in any order, data, roles, the end."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from itertools import permutations

import pytest
import uvloop

from guacr.tubes.errors import CandidateError
from guacr.tubes.rtc.ice.checks import REMOTE_MAX
from guacr.tubes.rtc.ice.settings import IceServer, IceState
from guacr.tubes.rtc.ice.transport import IceTransport
from tests.support.ice import (
    DATA,
    LOOPBACK,
    End,
    assert_data_flows,
    begin,
    connect,
    ends,
    exchange,
)
from tests.support.waiting import free_port, until

CONNECTED = [IceState.CHECKING, IceState.CONNECTED]


async def test_two_ends_connect_and_carry_data() -> None:
    async with ends() as (one, two):
        await connect(one, two)
        assert one.states == two.states == CONNECTED
        await assert_data_flows(one, two)
        stats = one.transport.stats
        assert stats.local.startswith("candidate:")
        assert stats.remote in two.candidates
        assert stats.bytes_sent >= len(DATA)
        assert two.transport.stats.bytes_received <= stats.bytes_sent
        await until(lambda: one.transport.stats.round_trip_time is not None, "a round trip")
        assert 0 < (one.transport.stats.round_trip_time or 0) < 5
    assert one.states == two.states == [*CONNECTED, IceState.CLOSED]


async def test_candidates_are_as_the_wheel_has_them() -> None:
    async with ends() as (one, _):
        await one.transport.gather()
        host, sixth, end = one.candidates
        assert host.split()[1:5] == ["1", "udp", "2130706431", "127.0.0.1"]
        assert host.endswith(" typ host")
        assert sixth.split()[4] == "::1"
        assert end == ""
        await one.transport.gather()
        assert len(one.candidates) == 3


@pytest.mark.parametrize("order", list(permutations(("remote", "candidates", "gather"))))
async def test_any_order(order: tuple[str, ...]) -> None:
    async with ends() as (one, two):
        two.other, one.route = None, lambda text: None  # so that it is `one` which finds the pair
        await two.transport.gather()
        two.transport.set_remote(one.transport.local)
        for step in order:
            if step == "remote":
                one.transport.set_remote(two.transport.local)
            elif step == "gather":
                await one.transport.gather()
            else:
                for text in reversed(two.candidates):
                    one.transport.add_remote_candidate(text)
        await one.until(IceState.CONNECTED)
        await two.until(IceState.CONNECTED)
        await assert_data_flows(one, two)


async def test_the_checks_of_a_peer_may_come_first() -> None:
    """Its answer, with the credentials, may be slower than its packets."""
    async with ends() as (one, two):
        two.route = lambda text: None
        await asyncio.gather(one.transport.gather(), two.transport.gather())
        two.transport.set_remote(one.transport.local)
        await until(lambda: one.transport._current._early, "a check")
        one.transport.set_remote(two.transport.local)
        assert one.transport._current._check_list
        await one.until(IceState.CONNECTED)
        await two.until(IceState.CONNECTED)
        await assert_data_flows(one, two)


async def test_a_peer_without_candidates_is_found_by_its_checks() -> None:
    async with ends() as (one, two):
        two.route = lambda text: None
        begin(one, two)
        await one.until(IceState.CONNECTED)
        await two.until(IceState.CONNECTED)
        assert "typ prflx" in one.transport.stats.remote
        await assert_data_flows(one, two)


async def test_both_ends_may_think_that_they_control() -> None:
    for roles in ((True, True), (False, False)):
        one, two = (End(controlling=role) for role in roles)
        one.other, two.other = two, one
        await connect(one, two)
        await assert_data_flows(one, two)
        assert one.transport.is_controlling != two.transport.is_controlling
        await asyncio.gather(one.transport.close(), two.transport.close())


async def test_duplicates_and_candidates_of_no_use_change_nothing() -> None:
    async with ends() as (one, two):
        await asyncio.gather(one.transport.gather(), two.transport.gather())
        for text in [*two.candidates, *two.candidates]:
            one.transport.add_remote_candidate(text)
            words = text.split(" ")
            words[5:6] = ["9"] if text else []
            elsewhere = " ".join(words)
            one.transport.add_remote_candidate(elsewhere.replace(" 1 udp", " 2 udp"))
            one.transport.add_remote_candidate(elsewhere.replace("udp", "tcp"))
        assert len(one.transport._current.remote_candidates) == 2
        exchange(one, two)
        await one.until(IceState.CONNECTED)


async def test_garbage_is_refused_and_costs_nothing_else() -> None:
    async with ends() as (one, two):
        for text in ("garbage", "candidate:1 1 udp", "\0", "x" * 100_000):
            with pytest.raises(CandidateError):
                one.transport.add_remote_candidate(text)
        await connect(one, two)


async def test_a_thousand_candidates_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    async with ends() as (one, two):
        begun = asyncio.gather(one.transport.gather(), two.transport.gather())
        for index in range(1000):
            one.transport.add_remote_candidate(
                f"candidate:{index} 1 udp {index + 1} 127.0.0.1 {index + 1} typ host"
            )
        await begun
        agent = one.transport._current
        assert len(agent.remote_candidates) == REMOTE_MAX
        exchange(one, two)
        assert len(agent._check_list) <= REMOTE_MAX
        await one.until(IceState.CONNECTED)
        await two.until(IceState.CONNECTED)
        await assert_data_flows(one, two)
    assert caplog.messages == ["ICE: the peer tells too many candidates: the rest is ignored"]


async def test_nothing_works_and_all_is_told() -> None:
    """Checks to a closed port: there is an end, though later than the last candidate."""
    settings = replace(LOOPBACK, connect_timeout=0.3)
    async with ends(settings) as (one, two):
        one.transport.set_remote(two.transport.local)
        one.transport.add_remote_candidate("candidate:1 1 udp 1 127.0.0.1 9 typ host")
        one.transport.add_remote_candidate("")
        await one.transport.gather()
        await one.until(IceState.FAILED)
        one.transport.send(DATA)
        assert one.states == [IceState.CHECKING, IceState.FAILED]
        assert one.transport.failure == "no pair of candidates has worked for 0.3 s"
        assert two.transport.failure == ""


@pytest.fixture(scope="module")
def signals_of_uvloop() -> None:
    """Have it make the pipes that it keeps for the process."""
    uvloop.new_event_loop().close()


@pytest.mark.usefixtures("signals_of_uvloop")
def test_the_event_loop_of_the_daemon() -> None:
    """uvloop, which has transports and sockets of its own."""

    async def run() -> None:
        async with ends() as (one, two):
            await connect(one, two)
            await assert_data_flows(one, two)
            one.transport.restart()
            exchange(one, two)
            await until(lambda: one.recoveries and two.recoveries, "a restart")
            await assert_data_flows(one, two)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


async def test_nothing_is_sent_without_a_pair() -> None:
    async with ends() as (one, _):
        one.transport.send(DATA)
        assert one.transport.stats.bytes_sent == 0
        assert one.transport.stats.local == ""


async def test_hosts_are_told_within_milliseconds() -> None:
    async with ends() as (one, _):
        begun = time.perf_counter()
        task = asyncio.ensure_future(one.transport.gather())
        await until(lambda: one.candidates, "a host")
        assert time.perf_counter() - begun < 0.1  # 2 ms on an idle machine
        await task


async def test_gathering_goes_on_if_its_caller_is_cancelled() -> None:
    silent = IceServer("stun:127.0.0.1:9")
    async with ends(replace(LOOPBACK, servers=(silent,), gather_timeout=0.2)) as (one, _):
        task = asyncio.ensure_future(one.transport.gather())
        await until(lambda: one.candidates, "a host")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await one.transport.gather()
        assert one.candidates[-1] == ""


async def test_ports_of_a_range(caplog: pytest.LogCaptureFixture) -> None:
    """There is one for each family of addresses; a second transport finds none."""
    port = free_port()
    settings = replace(LOOPBACK, ports=(port, port))
    async with ends(settings) as (one, two):
        await one.transport.gather()
        await two.transport.gather()
        assert [text.split()[5:6] for text in one.candidates] == [[str(port)], [str(port)], []]
        assert two.candidates == [""]
        two.transport.restart()
        await two.transport.gather()
    expected = [
        f"ICE: no UDP port from {port} to {port} is free at {a}" for a in ("127.0.0.1", "::1")
    ]
    assert caplog.messages == expected


async def test_a_closed_transport_does_nothing() -> None:
    end = End()
    await end.transport.close()
    await end.transport.close()
    await end.transport.gather()
    end.transport.set_remote(end.transport.local)
    end.transport.add_remote_candidate("")
    end.transport.add_remote_candidate("garbage")
    end.transport.send(DATA)
    with pytest.raises(RuntimeError, match="closed"):
        end.transport.restart()
    assert end.states == [IceState.CLOSED]
    assert end.candidates == []


async def test_a_bug_in_gathering_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: IceTransport, agent: object, text: str) -> None:
        raise LookupError("a bug")

    monkeypatch.setattr(IceTransport, "_candidate", broken)
    async with ends() as (one, _):
        with pytest.raises(LookupError):
            await one.transport.gather()
    assert any("gathering candidates has failed" in text for text in caplog.messages)
