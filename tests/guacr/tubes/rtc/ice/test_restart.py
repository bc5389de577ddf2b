"""Restarts: under traffic, without the old sockets, refused, repeated, and in both directions."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from guacr.tubes.rtc.ice import transport
from guacr.tubes.rtc.ice.settings import IceState
from guacr.tubes.rtc.ice.transport import EARLY_MAX
from tests.support.ice import (
    DATA,
    LOOPBACK,
    End,
    assert_data_flows,
    connect,
    ends,
    exchange,
    relayed_ends,
)
from tests.support.waiting import until


async def _restarted(*both: End) -> None:
    await until(lambda: not any(end.transport.is_restarting for end in both), "the restart")


async def test_a_restart_has_new_credentials_sockets_and_candidates() -> None:
    async with ends() as (one, two):
        await connect(one, two)
        before = [(end.transport.local, list(end.candidates)) for end in (one, two)]
        offered = one.transport.restart()
        assert offered == one.transport.local
        two.transport.set_remote(offered)  # the answerer restarts by itself
        one.transport.set_remote(two.transport.local)
        await _restarted(one, two)
        for end, (local, candidates) in zip((one, two), before, strict=True):
            assert end.transport.local.ufrag != local.ufrag
            assert end.transport.local.password != local.password
            fresh = end.candidates[len(candidates) :]
            assert len(fresh) == 3
            assert not set(fresh[:2]) & set(candidates)
            assert end.transport.stats.local in fresh
            assert end.states == [IceState.CHECKING, IceState.CONNECTED]
        await assert_data_flows(one, two)
        await until(lambda: one.recoveries == two.recoveries == 1, "told")


async def test_data_flows_during_a_restart() -> None:
    """Each datagram arrives, in whatever step of the restart it is sent."""
    async with ends() as (one, two):
        await connect(one, two)
        sent = 0

        async def send() -> None:
            nonlocal sent
            one.transport.send(DATA + sent.to_bytes(4, "big"))
            two.transport.send(DATA + sent.to_bytes(4, "big"))
            sent += 1
            await asyncio.sleep(0.001)

        for _ in range(3):
            one.transport.restart()
            for _ in range(10):
                await send()
            two.transport.set_remote(one.transport.local)
            for _ in range(10):
                await send()
            one.transport.set_remote(two.transport.local)
            while one.transport.is_restarting or two.transport.is_restarting:
                await send()
        for _ in range(10):
            await send()
        expected = {DATA + number.to_bytes(4, "big") for number in range(sent)}
        await until(lambda: expected <= set(two.received), "all data")
        await until(lambda: expected <= set(one.received), "all data")


async def test_data_on_its_way_over_the_old_pair_arrives() -> None:
    """One end uses the new pair a little later than the other."""
    async with ends() as (one, two):
        await connect(one, two)
        old = two.transport._current.selected
        assert old is not None
        one.transport.restart()
        exchange(one, two)
        await _restarted(one, two)
        old.protocol.transport.sendto(DATA + b"late", old.remote_addr)
        await one.until_received(DATA + b"late")


async def test_candidates_of_the_next_generation_may_come_before_its_credentials() -> None:
    async with ends() as (one, two):
        await connect(one, two)
        one.transport.restart()
        two.transport.restart()
        await asyncio.gather(one.transport.gather(), two.transport.gather())
        exchange(one, two)
        await _restarted(one, two)
        await assert_data_flows(one, two)


async def test_a_late_candidate_of_the_old_generation_goes_there() -> None:
    async with ends() as (one, two):
        await connect(one, two)
        old = one.transport._current
        one.transport.restart()
        text = "candidate:9 1 udp 9 127.0.0.1 9 typ host ufrag "
        one.transport.add_remote_candidate(text + two.transport.local.ufrag)
        assert any(found.port == 9 for found in old.remote_candidates)
        one.transport.add_remote_candidate(text.replace("127.0.0.1 9", "127.0.0.1 8") + "other")
        assert not any(found.port == 8 for found in old.remote_candidates)


async def test_candidates_may_come_before_the_restart_that_they_belong_to() -> None:
    """Browsers say to which credentials a candidate belongs."""
    async with ends() as (one, two):
        await connect(one, two)
        known = len(two.transport._current.remote_candidates)
        one.other = None
        begun = len(one.candidates)
        local = one.transport.restart()
        await one.transport.gather()
        for number in range(EARLY_MAX):  # of another restart, to which it does not come
            text = f"candidate:1 1 udp 1 127.0.0.1 {number + 1} typ host ufrag other"
            two.transport.add_remote_candidate(text)
        for text in one.candidates[begun:-1]:
            two.transport.add_remote_candidate(f"{text} ufrag {local.ufrag}")
        assert len(two.transport._current.remote_candidates) == known
        assert len(two.transport._early) == EARLY_MAX
        two.transport.set_remote(local)
        assert two.transport._next is not None
        assert len(two.transport._next.remote_candidates) == len(one.candidates) - begun - 1
        one.transport.set_remote(two.transport.local)
        await _restarted(one, two)
        await assert_data_flows(one, two)


async def test_a_restart_connects_ends_that_have_failed() -> None:
    fast = replace(LOOPBACK, keep_alive=0.1, disconnected_after=0.3, failed_after=0.2)
    async with relayed_ends(fast) as (one, two, relay):
        await connect(one, two)
        relay.is_cut = True
        await one.until(IceState.FAILED)
        await two.until(IceState.FAILED)
        one.transport.restart()
        exchange(one, two)
        assert one.states[-1] is IceState.CHECKING
        relay.is_cut = False
        await one.until(IceState.CONNECTED)
        await two.until(IceState.CONNECTED)
        await assert_data_flows(one, two)


async def test_the_old_pair_stays_if_there_is_no_answer() -> None:
    async with ends(replace(LOOPBACK, connect_timeout=0.2)) as (one, two):
        await connect(one, two)
        before = one.transport.local
        one.transport.restart()
        await _restarted(one)
        assert one.transport.local == before
        assert one.states == [IceState.CHECKING, IceState.CONNECTED]
        await assert_data_flows(one, two)


async def test_the_old_pair_stays_if_no_new_one_works() -> None:
    async with ends(replace(LOOPBACK, connect_timeout=0.2)) as (one, two):
        await connect(one, two)
        one.route = two.route = lambda text: None
        one.transport.restart()
        exchange(one, two)
        await _restarted(one, two)
        assert one.states == two.states == [IceState.CHECKING, IceState.CONNECTED]
        await assert_data_flows(one, two)


async def test_a_restart_of_failed_ends_can_fail() -> None:
    fast = replace(LOOPBACK, keep_alive=0.1, disconnected_after=0.2, failed_after=0.1)
    async with relayed_ends(replace(fast, connect_timeout=0.5)) as (one, two, relay):
        await connect(one, two)
        relay.is_cut = True
        await one.until(IceState.FAILED)
        await two.until(IceState.FAILED)
        one.transport.restart()
        exchange(one, two)
        await _restarted(one, two)
        await until(lambda: one.states[-2:] == [IceState.CHECKING, IceState.FAILED], "failed")


async def test_a_peer_that_does_not_restart_keeps_its_pair() -> None:
    """Its answer has the credentials that it had, as with the wheel's own restarts."""
    async with ends() as (one, two):
        await connect(one, two)
        before = one.transport.local
        one.transport.restart()
        one.transport.set_remote(two.transport.local)
        assert not one.transport.is_restarting
        assert one.transport.local == before
        await assert_data_flows(one, two)


async def test_known_credentials_change_nothing() -> None:
    """A renegotiation repeats them."""
    async with ends() as (one, two):
        await connect(one, two)
        exchange(one, two)
        assert not one.transport.is_restarting
        one.transport.restart()
        exchange(one, two)
        exchange(one, two)
        await _restarted(one, two)
        await assert_data_flows(one, two)


async def test_both_ends_may_restart_at_once() -> None:
    async with ends() as (one, two):
        await connect(one, two)
        for end in (one, two, two, one):
            end.transport.restart()
        exchange(one, two)
        await _restarted(one, two)
        await assert_data_flows(one, two)


async def test_many_restarts_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guards of every test look for sockets and tasks at its end; here, while it lives."""
    monkeypatch.setattr(transport, "OLD_PAIR_FOR", 0.05)
    async with ends() as (one, two):
        await connect(one, two)
        tasks = len(asyncio.all_tasks())
        sockets = len(one.transport._current._protocols)
        for number in range(20):
            one.transport.restart()
            if number % 3 == 0:
                one.transport.restart()
            exchange(one, two)
            await _restarted(one, two)
            await assert_data_flows(one, two)
        transports = (one.transport, two.transport)
        await until(lambda: not any(one._retiring for one in transports), "the end of old agents")
        await until(lambda: len(asyncio.all_tasks()) <= tasks, "the end of tasks")
        for end in (one, two):
            assert len(end.transport._gatherings) == 1
            assert len(end.transport._current._protocols) == sockets
