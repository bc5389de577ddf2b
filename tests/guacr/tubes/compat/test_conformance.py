"""The interface, held to the published wheel: every test is run with both."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from tests.guacr.tubes.compat.pair import MODULES, PAIRS, Pair, paired
from tests.guacr.tubes.test_wheel import LISTENING, echoed, target
from tests.support.echo_server import echo_server
from tests.support.waiting import until
from tests.support.wheel import Wheel, WheelError, wheel, wheel_network


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    with wheel_network():
        yield


@pytest_asyncio.fixture(params=MODULES)
async def registry(request: pytest.FixtureRequest) -> AsyncIterator[Wheel]:
    async with wheel(MODULES[request.param]) as running:
        yield running


CLOSED_BY_CLIENT = {
    "channel_id": "c",
    "close_reason": {
        "code": 5,
        "is_critical": False,
        "is_retryable": False,
        "name": "Client",
    },
    "outcome": "normal_exit",
}


@pytest_asyncio.fixture(params=PAIRS, ids=lambda names: "-".join(names))
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    async with paired(*request.param) as both:
        yield both


def has_last_candidate(end: Wheel) -> bool:
    return end.candidates()[-1:] == [""]


@pytest.mark.parametrize("trickle", [True, False])
async def test_a_tunnel(pair: Pair, trickle: bool) -> None:
    async with echo_server() as port:
        await pair.connect(LISTENING, target(port), trickle=trickle)
        assert await echoed(pair.port, 300_000) == 300_000

        for end, tube in ((pair.offerer, pair.tubes[0]), (pair.answerer, pair.tubes[1])):
            assert await end.call("get_connection_state", tube) == "Connected"
            assert await end.call("all_tube_ids") == [tube]
            assert await end.call("tube_id_from_connection_id", "c") == tube
            assert await end.call("get_tube_id_by_conversation_id", "c") == tube
            assert await end.call("get_conversation_ids_by_tube_id", tube) == ["c"]
            assert await end.call("tube_found", tube) is True
            assert await end.call("active_tube_count") == 1
            kinds = [one["kind"] for one in end.signals]
            assert "connection_state_changed" in kinds
            assert ("icecandidate" in kinds) is trickle
            if trickle:
                await until(partial(has_last_candidate, end), "the last candidate")


@pytest.mark.parametrize("closer", [0, 1])
async def test_close_tube(pair: Pair, closer: int) -> None:
    await pair.connect(LISTENING, target(1))
    ends = (pair.offerer, pair.answerer)

    await ends[closer].call("close_tube", pair.tubes[closer])

    await until(ends[closer].closed, "the signal")
    assert ends[closer].closed()[0] == {
        "channel_id": "c",
        "close_reason": {
            "code": 12,
            "is_critical": False,
            "is_retryable": False,
            "name": "AdminClosed",
        },
        "outcome": "tube_closed",
    }
    assert await ends[closer].call("tube_found", pair.tubes[closer]) is False


@pytest.mark.parametrize("closer", [0, 1])
async def test_close_connection(pair: Pair, closer: int) -> None:
    await pair.connect(LISTENING, target(1))
    ends = (pair.offerer, pair.answerer)

    await ends[closer].call("close_connection", "c", 5)

    await until(ends[closer].closed, "the signal here")
    assert ends[closer].closed()[0] == {**CLOSED_BY_CLIENT, "terminates_tube": False}
    await until(ends[1 - closer].closed, "the signal there")
    assert ends[1 - closer].closed()[0] == {**CLOSED_BY_CLIENT, "terminates_tube": True}
    await pair.gone(ends[1 - closer], pair.tubes[1 - closer])


async def test_restart(pair: Pair) -> None:
    async with echo_server() as port:
        await pair.connect(LISTENING, target(port))
        offer = base64.b64decode(await pair.offerer.call("restart_ice", pair.tubes[0])).decode()
        answer = await pair.answerer.set_remote(pair.tubes[1], offer, is_answer=False)
        assert answer is not None
        await pair.offerer.set_remote(pair.tubes[0], answer, is_answer=True)

        assert await echoed(pair.port, 100_000) == 100_000


class TestErrors:
    @pytest.mark.parametrize(
        ("settings", "text"),
        [
            ({}, "No specific protocol defined (conversationType missing)"),
            ({"conversationType": "zzz"}, "Invalid conversationType string: zzz"),
            (
                {"conversationType": "tunnel", "local_listen_addr": "nonsense"},
                "Invalid server address 'nonsense': invalid socket address syntax",
            ),
        ],
    )
    async def test_of_settings(self, registry: Wheel, settings: dict[str, Any], text: str) -> None:
        with pytest.raises(WheelError) as raised:
            await registry.create("c", settings)

        assert str(raised.value).startswith("Failed to create tube: ")
        assert text in str(raised.value)

    async def test_settings_that_are_no_dictionary(self, registry: Wheel) -> None:
        with pytest.raises(WheelError, match="Settings parameter must be a dictionary"):
            await registry.call("create_tube", "c", "x", True, "t", "", client_version="1")

    async def test_an_offer_that_is_no_base64(self, registry: Wheel) -> None:
        with pytest.raises(WheelError, match="Failed to decode initial_offer_sdp from base64"):
            await registry.call(
                "create_tube",
                "c",
                LISTENING,
                True,
                "t",
                "",
                client_version="1",
                ksm_config="",
                offer="===",
            )

    async def test_no_version(self, registry: Wheel) -> None:
        with pytest.raises(WheelError, match="client_version is required and must be provided"):
            await registry.call("create_tube", "c", LISTENING, True, "t", "", ksm_config="")

    @pytest.mark.parametrize(
        ("method", "arguments", "text"),
        [
            ("get_tube_status", ["x"], "Failed to get tube status: Tube not found: x"),
            ("close_tube", ["x"], "Rust: Failed to close tube x: Tube not found: x"),
            ("close_connection", ["x"], "Rust: No tube found for connection ID: x"),
            ("get_tube_id_by_conversation_id", ["x"], "No tube found for conversation: x"),
        ],
    )
    async def test_of_unknown_names(
        self, registry: Wheel, method: str, arguments: list[str], text: str
    ) -> None:
        with pytest.raises(WheelError) as raised:
            await registry.call(method, *arguments)

        assert str(raised.value) == text

    async def test_candidates_never_fail(self, registry: Wheel) -> None:
        created = await registry.create("c", LISTENING)

        for tube in (created["tube_id"], "x"):
            for candidate in ("nonsense", "", "candidate:1 1 udp 1 192.0.2.9 9 typ host"):
                assert await registry.call("add_ice_candidate", tube, candidate) is None

    async def test_the_token_of_another_caller(self, registry: Wheel) -> None:
        created = await registry.create("c", LISTENING)

        with pytest.raises(WheelError, match="Unauthorized: callback_token does not match tube"):
            await registry.call(
                "create_tube",
                "d",
                {"conversationType": "tunnel"},
                True,
                "other",
                "",
                client_version="1",
                ksm_config="",
                tube_id=created["tube_id"],
            )


class TestCreated:
    async def test_an_offer(self, registry: Wheel) -> None:
        created = await registry.create("c", LISTENING)

        assert set(created) == {"tube_id", "offer", "actual_local_listen_addr", "description"}
        assert created["actual_local_listen_addr"].startswith("127.0.0.1:")
        assert created["description"].startswith("v=0\r\n")
        assert created["description"].endswith("a=keeper-webrtc:2.2.9\r\n")
        assert await registry.call("is_server_mode") is True

    async def test_a_tube_with_another_conversation(self, registry: Wheel) -> None:
        created = await registry.create("c", {"conversationType": "tunnel"}, tube_id="mine")
        assert created["tube_id"] == "mine"

        second = await registry.create("d", {"conversationType": "tunnel"}, tube_id="mine")

        assert second == {"tube_id": "mine"}


@pytest.mark.parametrize(
    ("method", "keys"),
    [
        (
            "check_capacity",
            {
                "can_accept_more",
                "active_creates",
                "max_concurrent",
                "queue_depth",
                "avg_create_time_ms",
                "total_creates",
                "total_failures",
                "load_percentage",
                "suggested_delay_ms",
            },
        ),
        ("get_system_stats", {"uptime_seconds", "active_connection_count", "active_tube_count"}),
    ],
)
async def test_numbers(registry: Wheel, method: str, keys: set[str]) -> None:
    assert keys <= set(await registry.call(method))


@pytest.mark.parametrize(
    ("method", "keys"),
    [
        ("get_connection_stats", {"packet_loss_rate", "rtt_ms", "bytes_sent", "bytes_received"}),
        (
            "get_tube_circuit_breaker_stats",
            {
                "tube_id",
                "state",
                "total_requests",
                "successful_requests",
                "failed_requests",
                "circuit_opens",
                "circuit_closes",
                "timeouts",
                "error_type_counts",
                "error_type_triggered_opens",
                "current_error_type_failures",
            },
        ),
        (
            "get_connection_health",
            {
                "tube_id",
                "conversation_id",
                "quality",
                "packet_loss_rate",
                "active_alerts",
                "error_rate",
                "ice_connection_state",
            },
        ),
    ],
)
async def test_numbers_of_a_tube(registry: Wheel, method: str, keys: set[str]) -> None:
    created = await registry.create("c", LISTENING)

    assert keys <= set(await registry.call(method, created["tube_id"]))
