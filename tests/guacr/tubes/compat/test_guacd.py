"""Guacamole conversations with the published wheel in each role, and with ours in both."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from guacr.protocol.instruction import encode
from guacr.testing.daemon import address, running_daemon
from guacr.testing.wire import Received, Splitter
from tests.guacr.tubes.compat.pair import PAIRS, Pair, paired
from tests.support.connect_as import Gateway
from tests.support.loopback import SketchHandler
from tests.support.scripted_guacd import GuacdClient, scripted_guacd
from tests.support.waiting import until
from tests.support.wheel import Wheel, wheel_network

HANDLER: dict[str, Any] = {"conversationType": "python_handler"}


class Ssh(SketchHandler):
    """Under a name that the wheel knows."""

    name = "ssh"


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    with wheel_network():
        yield


@pytest_asyncio.fixture(params=PAIRS, ids="-".join)
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    async with paired(*request.param) as both:
        yield both


def guacd(port: int, **settings: Any) -> dict[str, Any]:
    """The answerer's settings."""
    address = {"guacd_host": "127.0.0.1", "guacd_port": port}
    return {"conversationType": "ssh", "guacd": address, **settings}


def instructions(offerer: Wheel, number: int = 1) -> list[Received]:
    """What the host of a connection has sent."""
    splitter = Splitter()
    events = [one for one in offerer.events if one["type"] == "data" and one["conn_no"] == number]
    return [one for event in events for one in splitter.feed(base64.b64decode(event["payload"]))]


def has(offerer: Wheel, opcode: str, number: int = 1) -> Callable[[], bool]:
    """The host of a connection has sent such an instruction."""
    return lambda: any(one.opcode == opcode for one in instructions(offerer, number))


def told(answerer: Wheel) -> list[str]:
    """The instructions of guacd that the application has been told."""
    return [one["data"] for one in answerer.signals if one["kind"] == "guacd_instruction"]


async def send(pair: Pair, opcode: str, *args: str | int) -> None:
    """Send an instruction to the host of connection 1."""
    data = base64.b64encode(encode(opcode, *args)).decode()
    await pair.offerer.call("send_handler_data", "c", 1, data)


async def test_a_session_and_a_watcher(pair: Pair) -> None:
    async with running_daemon(Ssh) as daemon:
        _, port = address(daemon)
        params = {"hostname": "h", "level": 7, "width": 640, "height": 480}
        await pair.connect(HANDLER, guacd(port, guacd_params=params))
        await pair.offerer.call("open_handler_connection", "c", 1)
        await until(has(pair.offerer, "sync"), "a frame")
        (session,) = daemon.registry.sessions.values()
        assert isinstance(session.handler, Ssh)
        handler = session.handler
        assert handler.params.value("level") == "7"
        sizes = [one for one in instructions(pair.offerer) if one.opcode == "size"]
        assert sizes[0].args == ("0", "640", "480")
        if pair.names[1] == "guacr":  # the wheel passes over what comes with `ready`
            await until(lambda: told(pair.answerer), "the instruction for the application")
            assert told(pair.answerer)[0] == "4.size,1.0,3.640,3.480;"
        assert all(data.startswith("4.size,") for data in told(pair.answerer))

        async with paired(*pair.names) as other:
            joining = {"connectionid": session.id, "readonly": True}
            await other.connect(HANDLER, guacd(port, guacd_params=joining))
            await other.offerer.call("open_handler_connection", "c", 1)
            await until(has(other.offerer, "sync"), "the watcher's frame")
            await send(other, "key", 65, 1)
            await send(pair, "key", 66, 1)
            await until(lambda: ("key", 66, True) in handler.events, "the owner's key")
            assert ("key", 65, True) not in handler.events

        handler.end.set_result(None)
        await until(has(pair.offerer, "disconnect"), "the end")
        if pair.names[1] == "guacr":  # the wheel may not notice until something happens
            await until(pair.answerer.closed, "the end of the conversation")


async def test_supplied_credentials(pair: Pair) -> None:
    gateway = Gateway()
    allowed = {"allow_supply_user": True, "allow_supply_host": True}
    settings = {"connect_as_settings": {**allowed, "gateway_private_key": gateway.pem}}
    supplied: dict[str, Any] = {"user": {"username": "alice", "password": "s3cret"}}
    if pair.names[1] == "guacr":  # the wheel takes them for the address of guacd
        supplied |= {"host": "there", "port": 23}
    sent = asyncio.get_running_loop().create_future()

    async def script(client: GuacdClient) -> None:
        sent.set_result(await client.accept("hostname", "port", "username", "password"))
        await client.to_the_end()

    async with scripted_guacd(script) as port:
        params = {"hostname": "here", "port": 22, "password": "ours"}
        await pair.connect(HANDLER, guacd(port, guacd_params=params, **settings))
        block = base64.b64encode(gateway.block(supplied)).decode()
        await pair.offerer.call("open_handler_connection", "c", 1, block)
        await until(sent.done, "the handshake")

        target = b"5.there,2.23" if "host" in supplied else b"4.here,2.22"
        assert (await sent).endswith(target + b",5.alice,6.s3cret;")


async def test_a_guacd_that_refuses(pair: Pair) -> None:
    async def script(client: GuacdClient) -> None:
        await client.until(b";")
        client.send("error", "no such host", 519)
        await client.to_the_end()

    async with scripted_guacd(script) as port:
        await pair.connect(HANDLER, guacd(port, guacd_params={"hostname": "h"}))
        await pair.offerer.call("open_handler_connection", "c", 1)
        await until(lambda: pair.offerer.events, "the refusal")

        assert pair.offerer.events[0]["type"] == "connection_closed"
        assert pair.offerer.events[0]["reason"] == 14  # GuacdError


@pytest.mark.parametrize("offerer", ["wheel", "guacr"])
async def test_a_session_of_the_answering_process(offerer: str) -> None:
    """The wheel has no sessions of its own: it needs a guacd."""

    async def host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(3))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(host, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with paired(offerer, "guacr") as pair:
        params = {"hostname": "127.0.0.1", "port": port, "width": 640, "height": 480}
        settings = {"conversationType": "telnet", "guacd_params": params}
        await pair.connect(HANDLER, settings)
        await pair.offerer.call("open_handler_connection", "c", 1)
        await until(has(pair.offerer, "sync"), "a frame")
        await send(pair, "disconnect")
        await until(pair.answerer.closed, "the end")
    server.close()
