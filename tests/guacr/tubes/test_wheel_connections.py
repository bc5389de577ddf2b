"""The kinds of connections with the published wheel at the other end, in both roles."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from guacr.tubes import reading
from guacr.tubes.connections import tcp, udp_relay
from guacr.tubes.connections.allow import AllowRules
from guacr.tubes.connections.handler import Data, Ended, Handler, HandlerEvent, Opened
from guacr.tubes.connections.listener import Listener
from guacr.tubes.connections.socks import Reply, reply
from guacr.tubes.connections.target import FixedTarget, SocksTargets
from guacr.tubes.events import ConnectionEnded
from guacr.tubes.plans import Plan
from guacr.tubes.reasons import CloseReason
from tests.guacr.tubes.connections.test_socks_client import GREETING, request
from tests.guacr.tubes.test_reading import Target
from tests.guacr.tubes.test_wheel import (
    LISTENING,
    Both,
    both,
    echoed,
    network,
    target,
)
from tests.support.conversations import Streams, echo, server
from tests.support.waiting import free_port, until

__all__ = ["both", "network"]  # fixtures

SOCKS_LISTENING: dict[str, Any] = {**LISTENING, "socks_mode": True}
ANYTHING = SocksTargets(AllowRules.parse([], []))


async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Tell how much the client has sent, once it has sent everything."""
    writer.write(b"%d bytes" % len(await reader.read()))


def port_of(created: dict[str, str]) -> int:
    """The port of the wheel's listener."""
    return int(created["actual_local_listen_addr"].rsplit(":", 1)[1])


def port_of_listener(listener: Listener) -> int:
    """The port of our listener."""
    return int(listener.address.rsplit(":", 1)[1])


async def half_closed(port: int) -> bytes:
    """The answer to a client that ends its data first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(bytes(300_000))
    writer.write_eof()
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return answer


async def test_clients_of_the_wheel_may_end_first(both: Both) -> None:
    async with server(count) as port:
        created = await both.wheel_offers(Plan("c", FixedTarget("127.0.0.1", port)), LISTENING)

        for _ in range(3):
            assert await half_closed(port_of(created)) == b"300000 bytes"


async def test_our_clients_may_end_first(both: Both) -> None:
    async with server(count) as port:
        listener = Listener("127.0.0.1", 0)
        await both.we_offer(Plan("c", front=listener), target(port))

        assert await half_closed(port_of_listener(listener)) == b"300000 bytes"


async def test_a_backend_may_end_first_with_the_wheels_client(both: Both) -> None:
    received = asyncio.get_running_loop().create_future()

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"banner")
        writer.write_eof()
        received.set_result(await reader.read())

    async with server(backend) as port:
        created = await both.wheel_offers(Plan("c", FixedTarget("127.0.0.1", port)), LISTENING)
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(created))
        async with asyncio.timeout(20):
            assert await reader.read() == b"banner"
            writer.write(bytes(300_000))
            writer.write_eof()
            assert len(await received) == 300_000
        writer.close()


async def asked(port: int, host: str, target_port: int, command: int = 1) -> tuple[Streams, bytes]:
    """A SOCKS client, and what it was answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GREETING)
    assert await reader.readexactly(2) == b"\x05\x00"
    writer.write(request(host, target_port, command))
    async with asyncio.timeout(20):
        return (reader, writer), await reader.read(10)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_socks_by_the_wheel(both: Both, host: str) -> None:
    async with server(echo) as port:
        created = await both.wheel_offers(Plan("c", ANYTHING), SOCKS_LISTENING)
        (reader, writer), answer = await asked(port_of(created), host, port)
        assert answer == reply(Reply.SUCCEEDED)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.close()

        (_, writer), answer = await asked(port_of(created), host, free_port())
        assert answer == b""
        writer.close()


async def test_socks_by_us(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    async with server(echo) as port:
        listener = Listener("127.0.0.1", 0, socks=True)
        rules = {"allowed_hosts": "127.0.0.1, localhost", "allowed_ports": f"{port},1"}
        settings = {"conversationType": "tunnel", **rules}
        await both.we_offer(Plan("c", front=listener), settings)
        ours = port_of_listener(listener)
        for host in ("127.0.0.1", "localhost"):
            (reader, writer), answer = await asked(ours, host, port)
            assert answer == reply(Reply.SUCCEEDED)
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            writer.close()

        monkeypatch.setattr(tcp, "OPEN_TIMEOUT", 0.5)
        monkeypatch.setattr(udp_relay, "ASSOCIATE_TIMEOUT", 0.5)
        for host, other, command, code in (
            ("127.0.0.2", port, 1, Reply.NOT_ALLOWED),
            ("127.0.0.1", 1, 1, Reply.CONNECTION_REFUSED),
            ("127.0.0.1", 2, 1, Reply.TTL_EXPIRED),
            ("127.0.0.1", 2, 3, Reply.COMMAND_NOT_SUPPORTED),
        ):
            (_, writer), answer = await asked(ours, host, other, command)
            assert answer == reply(code)
            writer.close()


@pytest.mark.parametrize("we_offer", [True, False])
async def test_fragments(both: Both, we_offer: bool) -> None:
    async with server(echo) as port:
        if we_offer:
            listener = Listener("127.0.0.1", 0)
            plan = Plan("c", front=listener, fragmented=True)
            created = both.wheel.create

            async def create(*arguments: Any, **named: Any) -> dict[str, str]:
                return await created(*arguments, enable_multi_channel=True, **named)

            both.wheel.create = create  # type: ignore[method-assign]
            await both.we_offer(plan, target(port))
            ours = port_of_listener(listener)
        else:
            created = both.wheel.create

            async def create(*arguments: Any, **named: Any) -> dict[str, str]:
                return await created(*arguments, enable_multi_channel=True, **named)

            both.wheel.create = create  # type: ignore[method-assign]
            plan = Plan("c", FixedTarget("127.0.0.1", port), fragmented=True)
            ours = port_of(await both.wheel_offers(plan, LISTENING))

        assert await echoed(ours, 3_000_000) == 3_000_000


async def test_the_wheels_handler(both: Both) -> None:
    async with server(echo) as port:
        await both.wheel_offers(
            Plan("c", FixedTarget("127.0.0.1", port)), {"conversationType": "python_handler"}
        )
        await until(lambda: both.tube and both.tube.conversations["c"], "the conversation")
        await both.wheel.call("open_handler_connection", "c", 1)
        await until(lambda: both.wheel.events, "the connection")
        data = base64.b64encode(bytes(100_000)).decode()
        await both.wheel.call("send_handler_data", "c", 1, data)

        def received() -> int:
            found = [event for event in both.wheel.events if event["type"] == "data"]
            return sum(len(base64.b64decode(event["payload"])) for event in found)

        await until(lambda: received() == 100_000, "the echo")


async def test_our_handler(both: Both) -> None:
    events: list[HandlerEvent] = []
    async with server(echo) as port:
        handler = Handler(events.extend)
        await both.we_offer(Plan("c", front=handler), target(port))
        await until(lambda: both.tube and both.tube.conversations["c"], "the conversation")
        handler.connect(1)
        handler.send(1, bytes(100_000))

        def received() -> int:
            return sum(len(event.payload) for event in events if isinstance(event, Data))

        await until(lambda: received() == 100_000, "the echo")
        assert events[0] == Opened(1)

        handler.end_of_data(1)
        await until(lambda: isinstance(events[-1], Ended), "the end")
        assert events[-1] == Ended(1, CloseReason.CONNECTION_LOST, tcp.FIN_TEXT)


@pytest.mark.parametrize("we_offer", [True, False])
async def test_one_that_reads_nothing_is_ended_and_the_others_go_on(
    both: Both, we_offer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wheel cannot stop one connection alone."""
    monkeypatch.setattr(reading, "STALL_MAX", 1.0)
    monkeypatch.setattr(reading, "CHECK", 0.1)
    target_server = Target()
    async with server(target_server) as port:
        if we_offer:
            listener = Listener("127.0.0.1", 0)
            await both.we_offer(Plan("c", front=listener), target(port))
            ours = port_of_listener(listener)
        else:
            ours = port_of(
                await both.wheel_offers(Plan("c", FixedTarget("127.0.0.1", port)), LISTENING)
            )
        reader, writer = await asyncio.open_connection("127.0.0.1", ours)
        writer.write(b"echo")
        assert await reader.readexactly(4) == b"echo"

        (_, stalled), before = await asyncio.open_connection("127.0.0.1", ours, limit=1024), 0
        if we_offer:
            stalled.write(b"d")  # the wheel sends without end; nobody reads
        else:
            stalled.write(b"s" * 40_000_000)  # the wheel sends it; our target does not read

        def ended() -> list[ConnectionEnded]:
            return [event for event in both.events if isinstance(event, ConnectionEnded)]

        while not ended():
            writer.write(b"echo")
            async with asyncio.timeout(20):
                assert await reader.readexactly(4) == b"echo"
            before += 1

        assert before > 10
        assert [event.reason for event in ended()] == [CloseReason.TIMEOUT]
        target_server.release.set()
        stalled.transport.abort()
        assert await echoed(ours, 300_000) == 300_000
        writer.close()
