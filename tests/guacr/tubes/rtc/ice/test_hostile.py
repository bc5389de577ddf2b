"""Peers and strangers that send floods, forgeries and nonsense."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aioice import stun
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guacr.tubes.rtc.ice.checks import (
    ADDRESSES_MAX,
    CHECKS_AT_ONCE,
    CHECKS_PER_SECOND,
    PAIRS_MAX,
    REMOTE_MAX,
    ROLE_CHANGES_MAX,
)
from guacr.tubes.rtc.ice.datagrams import RECEIVE_MAX
from guacr.tubes.rtc.ice.keep_alive import ASKED_MAX
from guacr.tubes.rtc.ice.settings import IceParameters, IceState
from tests.support.ice import DATA, LOOPBACK, End, assert_data_flows, connect, ends
from tests.support.waiting import until

PEER = IceParameters("peer" * 4, "x" * 32)
FLOOD = 20_000
ATTRIBUTE = st.builds(
    lambda kind, value: kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value,
    st.sampled_from(sorted(stun.ATTRIBUTES_BY_TYPE)),
    st.binary(max_size=24),
)
"""An attribute of STUN with any value."""
MESSAGE = st.builds(
    lambda first, body: bytes([first, 1, 0, len(body)]) + b"\x21\x12\xa4\x42" + bytes(12) + body,
    st.sampled_from([0, 1]),
    st.lists(ATTRIBUTE, max_size=5).map(b"".join),
)
"""A request, or a response to the transaction of zeros."""


class Forger:
    """A socket that sends what it likes to an end, and answers as it likes."""

    def __init__(self, end: End, host: str = "127.0.0.1") -> None:
        self.end = end
        self.asked: list[stun.Message] = []
        self.answers: list[stun.Message] = []
        self.answer: Callable[[stun.Message, tuple[str, int]], None] = lambda *_: None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    @property
    def candidate(self) -> str:
        host, port = self._socket.getsockname()
        return f"candidate:forger 1 udp 2130706431 {host} {port} typ host"

    @property
    def target(self) -> tuple[str, int]:
        """The address of the end."""
        words = self.end.candidates[0].split()
        return words[4], int(words[5])

    def _read(self) -> None:
        data, addr = self._socket.recvfrom(65536)
        message = stun.parse_message(data)
        if message.message_class is stun.Class.REQUEST:
            self.asked.append(message)
            self.answer(message, addr)
        else:
            self.answers.append(message)

    def send(self, data: bytes, addr: tuple[str, int] | None = None) -> None:
        self._socket.sendto(data, addr or self.target)

    def check(self, attributes: dict[str, Any] | None = None, *, password: str = "") -> bytes:
        """A check of the peer, with the right password if none is given."""
        local = self.end.transport.local
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        peer = self.end.transport.remote or PEER
        message.attributes = {
            "USERNAME": f"{local.ufrag}:{peer.ufrag}",
            "PRIORITY": 1,
            "ICE-CONTROLLED": 1,
            **(attributes or {}),
        }
        message.attributes = {k: v for k, v in message.attributes.items() if v != "left out"}
        message.add_message_integrity((password or local.password).encode())
        return bytes(message)

    def reply(
        self, request: stun.Message, *, password: str = PEER.password, **options: Any
    ) -> bytes:
        """A response to a check, with the peer's password if none is given."""
        kind = stun.Class.ERROR if "error" in options else stun.Class.RESPONSE
        transaction = options.get("transaction_id", request.transaction_id)
        message = stun.Message(stun.Method.BINDING, kind, transaction)
        if "error" in options:
            message.attributes["ERROR-CODE"] = (options["error"], "forged")
        else:
            message.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.1", 1)
        message.add_message_integrity(password.encode())
        return bytes(message)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


@asynccontextmanager
async def forged(*, controlling: bool = True) -> AsyncIterator[tuple[End, Forger]]:
    """An end with a forger for its peer, whose password the forger knows."""
    end = End(LOOPBACK, controlling=controlling)
    forger = Forger(end)
    try:
        await end.transport.gather()
        end.transport.set_remote(PEER)
        end.transport.add_remote_candidate(forger.candidate)
        yield end, forger
    finally:
        forger.close()
        await end.transport.close()


async def _settled(end: End) -> None:
    """Wait until the end has taken all that was sent to it."""
    marker = Forger(end)
    try:
        await asyncio.sleep(0)
        marker.send(marker.check())
        await until(lambda: marker.answers, "an answer")
    finally:
        marker.close()


def _sizes(end: End) -> list[int]:
    agent = end.transport._current
    return [
        len(agent._check_list),
        len(agent._remote_candidates),
        len(agent._known),
        len(agent._early),
        sum(len(one.transactions) for one in agent._protocols),
        len(asyncio.all_tasks()),
    ]


@pytest.mark.parametrize("kind", ["garbage", "stranger", "fragment", "password", "response"])
async def test_floods_cost_little_and_get_no_answer(kind: str) -> None:
    async with ends() as (one, two):
        await connect(one, two)
        forger, looked_at = Forger(one), 0
        agent = one.transport._current
        received = agent.request_received

        def counted(*arguments: Any) -> None:
            nonlocal looked_at
            looked_at += 1
            received(*arguments)

        agent.request_received = counted  # type: ignore[assignment,method-assign]
        wrong = forger.check(password="wrong" * 8)
        template = {
            "garbage": secrets.token_bytes(100),
            "stranger": wrong.replace(one.transport.local.ufrag.encode(), b"s" * 16),
            "fragment": wrong[:20] + b"\0\x06\xff\xff" + one.transport.local.ufrag.encode() + b":",
            "password": wrong,
            "response": forger.reply(stun.parse_message(wrong)),
        }[kind]
        before, begun = _sizes(one), asyncio.get_running_loop().time()
        for number in range(FLOOD):
            forger.send(template)
            if number % 100 == 0:
                await asyncio.sleep(0)
        await assert_data_flows(one, two)
        seconds = asyncio.get_running_loop().time() - begun
        assert looked_at <= CHECKS_AT_ONCE + CHECKS_PER_SECOND * seconds + 20
        assert forger.answers == []
        assert all(now <= then + 3 for now, then in zip(_sizes(one), before, strict=True))
        assert one.state is two.state is IceState.CONNECTED
        forger.close()


async def test_an_authentic_peer_cannot_flood_either() -> None:
    """It knows the password, and asks from many addresses."""
    async with forged() as (end, forger):
        forgers = [Forger(end) for _ in range(2 * ADDRESSES_MAX)]
        for one in forgers:
            for _ in range(3):
                one.send(one.check({"USE-CANDIDATE": None}))
            await asyncio.sleep(0)
        await until(lambda: any(one.answers for one in forgers), "answers")
        agent = end.transport._current
        await asyncio.sleep(0.1)
        assert len(agent._known) <= ADDRESSES_MAX
        assert len(agent._remote_candidates) <= ADDRESSES_MAX + REMOTE_MAX
        assert len(agent._check_list) <= PAIRS_MAX
        assert len({pair.remote_addr for pair in agent._check_list}) == len(agent._check_list)
        assert len([task for task in asyncio.all_tasks() if "check" in task.get_name()]) <= 110
        for one in forgers:
            one.close()
        assert forger.asked


async def test_early_checks_are_bounded() -> None:
    """Before the peer's parameters are known."""
    end = End()
    await end.transport.gather()
    forgers = [Forger(end) for _ in range(ADDRESSES_MAX + 20)]
    for one in forgers:
        one.send(one.check())
    await until(lambda: len(end.transport._current._early) >= ADDRESSES_MAX, "checks")
    await asyncio.sleep(0.05)
    assert len(end.transport._current._early) == ADDRESSES_MAX
    for one in forgers:
        one.close()
    await end.transport.close()


async def test_forged_responses_change_nothing() -> None:
    async with forged() as (end, forger):
        elsewhere = Forger(end, "127.0.0.2")

        def answer(request: stun.Message, addr: tuple[str, int]) -> None:
            forger.send(forger.reply(request, transaction_id=secrets.token_bytes(12)), addr)
            forger.send(forger.reply(request, password="wrong" * 8), addr)
            forger.send(forger.reply(request, password="wrong" * 8, error=487), addr)
            forger.send(forger.reply(request)[:-4], addr)
            forger.send(forger.reply(request)[:24] + b"\xff" * 40, addr)

        forger.answer = answer
        await until(lambda: len(forger.asked) >= 2, "a check, sent again")
        assert end.state is IceState.CHECKING
        assert end.transport.is_controlling
        forger.answer = lambda request, addr: forger.send(forger.reply(request), addr)
        await end.until(IceState.CONNECTED)
        elsewhere.close()


@pytest.mark.parametrize("controlling", [True, False])
async def test_a_peer_that_was_not_ready_is_asked_again_when_it_asks(controlling: bool) -> None:
    """A check before it knew our credentials is lost; the next one would be sent after 0.5 s."""
    async with forged(controlling=controlling) as (end, forger):
        await until(lambda: forger.asked, "a check")
        forger.answer = lambda request, addr: forger.send(forger.reply(request), addr)
        role = {"ICE-CONTROLLED": "left out", "ICE-CONTROLLING": 1, "USE-CANDIDATE": None}
        begun = asyncio.get_running_loop().time()
        while end.state is not IceState.CONNECTED:
            forger.send(forger.check({} if controlling else role))
            await asyncio.sleep(0.01)
        first, second = forger.asked[:2]
        assert second.transaction_id == first.transaction_id
        assert asyncio.get_running_loop().time() - begun < 0.4
        assert end.transport.is_controlling is controlling


async def test_a_response_from_elsewhere_does_not_count() -> None:
    async with forged() as (end, forger):
        elsewhere = Forger(end, "127.0.0.2")
        forger.answer = lambda request, addr: elsewhere.send(forger.reply(request), addr)
        (pair,) = end.transport._current._check_list
        await until(lambda: pair.state is pair.State.FAILED, "a failed pair")
        assert end.states == [IceState.CHECKING]
        elsewhere.close()


async def test_data_from_elsewhere_is_dropped() -> None:
    async with ends() as (one, two):
        await connect(one, two)
        forger = Forger(one)
        forger.send(DATA + b"forged")
        await _settled(one)
        assert one.received == []
        forger.close()


async def test_role_conflicts_without_end() -> None:
    """The peer contradicts each check, whatever the role."""
    async with forged() as (end, forger):
        forger.answer = lambda request, addr: forger.send(forger.reply(request, error=487), addr)
        (pair,) = end.transport._current._check_list
        await until(lambda: pair.state is pair.State.FAILED, "a failed pair")
        roles = ["ICE-CONTROLLING" in request.attributes for request in forger.asked]
        assert roles == [True, False] * (ROLE_CHANGES_MAX // 2)


async def test_a_peer_that_conflicts_with_a_lower_number_has_to_give_way() -> None:
    async with forged() as (end, forger):
        forger.send(forger.check({"ICE-CONTROLLED": "left out", "ICE-CONTROLLING": 0}))
        await until(lambda: forger.answers, "an answer")
        assert forger.answers[0].error_code == 487
        assert end.transport.is_controlling
        highest = (1 << 64) - 1
        forger.send(forger.check({"ICE-CONTROLLED": "left out", "ICE-CONTROLLING": highest}))
        await until(lambda: not end.transport.is_controlling, "the role")


@pytest.mark.parametrize(
    "attributes",
    [
        {"PRIORITY": "left out"},
        {"USERNAME": "left out"},
        {"USERNAME": ":"},
        {"USERNAME": "peer"},
    ],
)
async def test_incomplete_checks_get_no_answer(attributes: dict[str, Any]) -> None:
    async with forged() as (end, forger):
        forger.send(forger.check(attributes))
        forger.send(forger.check()[:-8])
        bare = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        bare.attributes = stun.parse_message(forger.check()).attributes
        for name in ("MESSAGE-INTEGRITY", "FINGERPRINT"):
            del bare.attributes[name]
        forger.send(bytes(bare))
        await _settled(end)
        assert forger.answers == []


async def test_huge_datagrams() -> None:
    async with ends() as (one, two):
        await connect(one, two)
        forger = Forger(one)
        forger.send(forger.check() + bytes(60_000))
        padded = forger.check().ljust(1600, b"\0")  # with empty attributes, and so valid
        forger.send(padded[:2] + (len(padded) - 20).to_bytes(2, "big") + padded[4:])
        forger.send(DATA + bytes(60_000))
        two.transport.send(DATA + bytes(60_000))  # cut, and so of no use to DTLS
        two.transport.send(DATA + bytes(70_000))  # not taken by the system
        await until(lambda: one.received, "data")
        assert list(map(len, one.received)) == [RECEIVE_MAX]
        await _settled(one)
        assert forger.answers == []
        await assert_data_flows(one, two)
        forger.close()


async def test_questions_without_answers_are_bounded() -> None:
    fast = replace(LOOPBACK, keep_alive=0.001)
    async with ends(fast) as (one, two):
        await connect(one, two)
        agent = one.transport._current
        agent.keep_alive.answered = lambda *_: None  # type: ignore[method-assign]
        await until(lambda: len(agent.keep_alive._questions) == ASKED_MAX, "questions")
        await asyncio.sleep(0.05)
        assert sum(len(one.transactions) for one in agent._protocols) <= ASKED_MAX + 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.binary(max_size=200) | MESSAGE)
def test_no_datagram_raises(data: bytes) -> None:
    """Whoever it is from, and even if it has the right username and transaction."""

    async def run() -> None:
        end = End()
        await end.transport.gather()
        endpoint = end.transport._current._protocols[0]
        transaction = stun.Transaction(
            stun.Message(stun.Method.BINDING, stun.Class.REQUEST), ("127.0.0.1", 9), endpoint
        )
        endpoint.transactions[bytes(12)] = transaction
        endpoint._fragment = b""  # type: ignore[attr-defined]
        endpoint.datagram_received(data, ("127.0.0.1", 9))
        endpoint.datagram_received(data, ("::1", 9, 0, 0))
        await end.transport.close()

    asyncio.run(run())
