"""The calls of Keeper Commander 18.1.8 in their order, with a gateway of the published wheel or of
ours."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.guacr.tubes.compat.pair import MODULES, Pair, paired
from tests.guacr.tubes.test_wheel import echoed, target
from tests.support.conversations import echo, server
from tests.support.echo_server import echo_server
from tests.support.waiting import until
from tests.support.wheel import WheelError, wheel_network

NORMAL = 0
"""Its CloseConnectionReasons are an IntEnum."""
TUNNEL: dict[str, Any] = {
    "turn_only": False,
    "conversationType": "tunnel",
    "local_listen_addr": "127.0.0.1:0",
    "target_host": "127.0.0.1",
    "target_port": 22,
    "socks_mode": False,
    "callback_token": "bm9uY2U=",
}
TERMINAL: dict[str, Any] = {"conversationType": "python_handler", "callback_token": "bm9uY2U="}


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    with wheel_network():
        yield


@pytest_asyncio.fixture(params=MODULES)
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """Commander is the offerer."""
    async with paired("guacr", request.param) as both:
        yield both


async def start(pair: Pair, port: int, settings: dict[str, Any]) -> None:
    """As `start_rust_tunnel` and `launch`, until the state is "Connected"; and the gateway."""
    end, gateway = pair.ends
    await end.call("set_server_mode", True)
    pair.created = await end.create("c", settings)
    answered = await gateway.create("c", target(port), offer=pair.created["description"])
    pair.tubes = [pair.created["tube_id"], answered["tube_id"]]
    pair.carry()
    assert await end.call("tube_id_from_connection_id", "c") == pair.tubes[0]
    assert await end.call("tube_id_from_connection_id", "c==") is None
    await end.call("set_remote_description", pair.tubes[0], answered["answer"], is_answer=True)
    async with asyncio.timeout(20):
        while await end.call("get_connection_state", pair.tubes[0]) != "Connected":  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_tunnel_is_started_listed_and_stopped(pair: Pair) -> None:
    end = pair.offerer
    async with echo_server() as port:
        await start(pair, port, TUNNEL)
        tube = pair.tubes[0]

        assert await echoed(pair.port, 5000) == 5000
        assert await end.call("has_active_tubes")
        assert await end.call("all_tube_ids") == [tube]
        assert await end.call("get_conversation_ids_by_tube_id", tube) == ["c"]
        assert await end.call("find_tubes", "nothing") == []
        assert await end.call("tube_found", "nothing") is False
        assert await end.call("find_tubes", tube) == [tube]
        await end.call("close_tube", tube, reason=NORMAL)
        assert end.closed()[0]["close_reason"]["name"] == "Normal"
        with pytest.raises(WheelError, match="not found"):
            await end.call("get_connection_state", tube)
        await end.call("cleanup_all")


async def test_the_gateway_restarts_ice(pair: Pair) -> None:
    """`set_remote_description`, whose answer is not used, then `create_answer`."""
    end, gateway = pair.ends
    async with echo_server() as port:
        await start(pair, port, TUNNEL)
        await pair.status(gateway, pair.tubes[1], "ready")

        offer = await gateway.call("restart_ice", pair.tubes[1])
        await end.call("set_remote_description", pair.tubes[0], offer, is_answer=False)
        answer = await end.call("create_answer", pair.tubes[0])
        await gateway.call("set_remote_description", pair.tubes[1], answer, is_answer=True)

        assert await echoed(pair.port, 100_000) == 100_000
        assert await end.call("get_connection_state", pair.tubes[0]) == "Connected"


async def test_commander_restarts_ice_and_hears_twice(pair: Pair) -> None:
    end, gateway = pair.ends
    async with echo_server() as port:
        await start(pair, port, TUNNEL)
        await pair.status(gateway, pair.tubes[1], "ready")

        offer = await end.call("restart_ice", pair.tubes[0])
        answer = await gateway.call("set_remote_description", pair.tubes[1], offer, False)
        await end.call("set_remote_description", pair.tubes[0], answer, is_answer=True)
        with pytest.raises(WheelError, match="Invalid signaling state transition from Stable"):
            await end.call("set_remote_description", pair.tubes[0], answer, is_answer=True)

        assert await echoed(pair.port, 100_000) == 100_000


async def test_a_terminal_is_launched(pair: Pair) -> None:
    """It opens the connection as soon as the state is "Connected", and tries again while the error
    says that the channel is not."""
    end = pair.offerer
    async with server(echo) as port:
        await start(pair, port, TERMINAL)
        for _ in range(100):
            try:
                await end.call("open_handler_connection", "c", 1, None)
                break
            except WheelError as error:
                assert "not opened" in str(error)  # noqa: PT017 - each must say so
                await asyncio.sleep(0.01)
        await until(lambda: end.events, "it is open")
        assert end.events[0]["type"] == "connection_opened"

        data = base64.b64encode(b"4.size,1.1;").decode()
        await end.call("send_handler_data", "c", 1, data)
        await until(lambda: end.events[1:], "the answer")
        assert end.events[1]["payload"] == data
        await end.call("close_tube", pair.tubes[0])
