"""Interruptions: how they are noticed, and how fast data flows again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from time import monotonic

import pytest

from guacr.tubes.rtc.ice import keep_alive
from guacr.tubes.rtc.ice.keep_alive import LOST_INTERVAL
from guacr.tubes.rtc.ice.settings import IceState
from tests.support.ice import DATA, LOOPBACK, End, connect, relayed_ends
from tests.support.waiting import until

FAST = replace(LOOPBACK, keep_alive=0.1, disconnected_after=0.6, failed_after=0.8)


async def _seconds_until_data(one: End, two: End) -> float:
    """Seconds until a datagram has come through, of which one is sent every 20 ms, as by a
    retransmission on `on_recovered`."""
    begun, data = monotonic(), DATA + str(monotonic()).encode()
    while data not in two.received:
        one.transport.send(data)
        await asyncio.sleep(0.02)
    return monotonic() - begun


async def test_the_states_of_a_peer_that_vanishes() -> None:
    async with relayed_ends(FAST) as (one, two, relay):
        await connect(one, two)
        relay.is_cut = True
        begun = monotonic()
        await one.until(IceState.DISCONNECTED)
        assert 0.5 < monotonic() - begun < 3
        one.transport.send(DATA)  # without its consent the peer gets no data (RFC 7675, 5.1)
        assert one.transport.stats.bytes_sent == 0
        await one.until(IceState.FAILED)
        assert 1.3 < monotonic() - begun < 6
        assert one.states[1:] == [IceState.CONNECTED, IceState.DISCONNECTED, IceState.FAILED]
        assert one.transport.failure.startswith("the peer has not answered for ")
        await two.until(IceState.FAILED)
        carried = relay.carried
        relay.is_cut = False
        one.transport.send(DATA)
        assert relay.carried == carried


@pytest.mark.parametrize(("seconds", "interval"), [(3.0, LOST_INTERVAL), (2.0, 0.05)])
async def test_data_flows_at_once_after_an_interruption(
    seconds: float, interval: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the standard timings, and as many questions as in 20 s, more than are remembered."""
    monkeypatch.setattr(keep_alive, "LOST_INTERVAL", interval)
    async with relayed_ends(replace(LOOPBACK, keep_alive=2 * interval)) as (one, two, relay):
        await connect(one, two)
        relay.is_cut = True
        one.recoveries = two.recoveries = 0
        await asyncio.sleep(seconds)
        relay.is_cut = False
        begun = monotonic()
        assert await _seconds_until_data(one, two) < 1
        await until(lambda: one.recoveries == two.recoveries == 1, "told")
        assert monotonic() - begun < 2  # 0.6 s on an idle machine
        assert one.state is two.state is IceState.CONNECTED


async def test_a_disconnected_transport_connects_again_by_itself() -> None:
    async with relayed_ends(replace(FAST, failed_after=60.0)) as (one, two, relay):
        await connect(one, two)
        for _ in range(2):
            relay.is_cut = True
            await one.until(IceState.DISCONNECTED)
            await two.until(IceState.DISCONNECTED)
            relay.is_cut = False
            begun = monotonic()
            await one.until(IceState.CONNECTED)
            await two.until(IceState.CONNECTED)
            assert monotonic() - begun < 2
            assert await _seconds_until_data(one, two) < 1


async def test_data_leads_to_a_question_at_once() -> None:
    """The keep-alives of this end come every 30 s: the peer's data after a silence is quicker."""
    slow = replace(LOOPBACK, keep_alive=30.0)
    async with relayed_ends(slow) as (one, two, _):
        await connect(one, two)
        await until(lambda: one.transport.stats.round_trip_time is not None, "a round trip")
        asking = one.transport._current.keep_alive
        asking.silent, asking._unanswered, asking._asked_at = True, 5, 0.0
        two.transport.send(DATA)
        await until(lambda: one.recoveries == 1, "the answer to a question")


async def test_data_alone_is_no_consent() -> None:
    """Anyone can send data in the peer's name; the peer must answer."""
    async with relayed_ends(FAST) as (one, two, _):
        await connect(one, two)
        two.transport._current.may_answer = lambda addr: False  # type: ignore[method-assign]
        two.transport._current.keep_alive.stop()
        while one.state is IceState.CONNECTED:
            two.transport.send(DATA)
            await asyncio.sleep(0.01)
        assert one.state is IceState.DISCONNECTED


async def test_another_pair_takes_over() -> None:
    """The selected pair dies, and another one has worked: no restart is needed."""
    async with relayed_ends(replace(FAST, disconnected_after=30.0)) as (one, two, relay):
        await connect(one, two)
        one.route = two.route = lambda text: text
        for sender, receiver in ((one, two), (two, one)):
            for text in sender.candidates:
                receiver.transport.add_remote_candidate(text)
        relay.is_cut = True
        await until(lambda: one.recoveries > 0 and two.recoveries > 0, "another pair")
        assert await _seconds_until_data(one, two) < 1
        assert await _seconds_until_data(two, one) < 1
        assert one.state is two.state is IceState.CONNECTED
