"""Clients on TCP before they have a session: every way to go wrong has an answer, and an end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.session.protocols import Protocols
from guacr.settings.models import ServerSettings
from guacr.testing.client import GuacClient, Hello
from guacr.testing.daemon import LOCAL, local_settings, running_daemon
from guacr.testing.daemon import address as place
from tests.support.clock import SkippingClock
from tests.support.loopback import SketchHandler

Address = tuple[str, int]


@asynccontextmanager
async def running(handshake_timeout: float) -> AsyncIterator[Address]:
    server = ServerSettings(hosts=LOCAL, port=0, handshake_timeout=handshake_timeout)
    daemon = Daemon(local_settings(server=server), protocols=Protocols({"sketch": SketchHandler}))
    await daemon.start()
    yield "127.0.0.1", daemon.port
    await daemon.close()


@pytest.fixture
async def address() -> AsyncIterator[Address]:
    async with running(0.3) as found:
        yield found


async def refused(address: Address, data: bytes) -> tuple[str, int]:
    client = await GuacClient.dial(*address)
    client.send_raw(data)
    await client.wait_closed()
    await client.close()
    assert len(client.state.errors) == 1
    return client.state.errors[0]


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", Status.CLIENT_BAD_REQUEST, "the client uses HTTP"),
        (b"\x16\x03\x01\x02\x00", Status.CLIENT_BAD_REQUEST, "the client uses TLS"),
        (b"\x16\x03\x01\x02\xfc", Status.CLIENT_BAD_REQUEST, "the client uses TLS"),
        (b"6.select,\x16", Status.CLIENT_BAD_REQUEST, "length is not a number"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Status.CLIENT_BAD_REQUEST, "length is not a number"),
        (b"\xff\xfe", Status.CLIENT_BAD_REQUEST, "not valid UTF-8"),
        (b"9999.", Status.CLIENT_BAD_REQUEST, "9999 characters, 8192 are allowed"),
        (b"6.select,3.ssh:", Status.CLIENT_BAD_REQUEST, "ends with ':'"),
        (b"4.sync,1.0;", Status.CLIENT_BAD_REQUEST, "begins with select"),
        (
            b"6.select,6.sketch;" + b"3.nop;" * 1000 + b"?",
            Status.CLIENT_BAD_REQUEST,
            "more than 64 instructions",  # what follows them is not even parsed
        ),
        (b"6.select;", Status.CLIENT_BAD_REQUEST, "select takes one argument"),
        (b"6.select,0.;", Status.CLIENT_BAD_REQUEST, "select takes one argument"),
        (b"6.select,3.foo;", Status.UNSUPPORTED, "protocol 'foo' is unknown"),
        (b"6.select,4.$foo;", Status.RESOURCE_NOT_FOUND, "unknown connection"),
        (b"6.select,6.sketch;7.connect,0.;", Status.CLIENT_BAD_REQUEST, "connect takes 9 values"),
        (b"6.select,6.sketch;4.size,1.0,1.0;", Status.CLIENT_BAD_REQUEST, "size 0x0"),
        (
            b"6.select,6.sketch;4.size,6.100000,6.100000;",
            Status.CLIENT_BAD_REQUEST,
            "size 100000x100000",
        ),
        (
            b"6.select,6.sketch;7.connect,0.,0.,0.,1.x,0.,0.,0.,0.,0.;",
            Status.CLIENT_BAD_REQUEST,
            "level must be a whole number from 0 to 9, not 'x'",
        ),
    ],
)
async def test_what_goes_wrong_is_said(
    address: Address, data: bytes, status: Status, words: str
) -> None:
    sentence, number = await refused(address, data)
    assert words in sentence
    assert number == status


async def test_a_bug_in_a_handler_is_answered(
    address: Address, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(SketchHandler, "__init__", fail)
    values = b",".join([b"0."] * 9)
    sentence, number = await refused(address, b"6.select,6.sketch;7.connect," + values + b";")
    assert number == Status.SERVER_ERROR
    assert "internal error" in sentence
    assert "a bug" in caplog.text


@pytest.mark.parametrize("data", [b"", b"6.select,6.sketch;", b"6.sel"])
async def test_a_silent_client_is_told_so(address: Address, data: bytes) -> None:
    sentence, number = await refused(address, data)
    assert number == Status.CLIENT_TIMEOUT
    assert "not complete after 0.3 seconds" in sentence


async def test_a_client_may_leave_at_any_time(address: Address) -> None:
    for data in (b"", b"6.select", b"6.select,6.sketch;", b"6.select,6.sketch;4.size,2.10"):
        client = await GuacClient.dial(*address)
        client.send_raw(data)
        await client.close()
    async with await GuacClient.connect(address, "sketch") as client:
        await client.wait(lambda: client.state.syncs)


@pytest.mark.parametrize("version", ["1_0_0", "1_1_0", "1_3_0", "1_5_0"])
async def test_clients_of_every_version(address: Address, version: str) -> None:
    hello = Hello(version=f"VERSION_{version}", width=320, height=200)
    async with await GuacClient.connect(address, "sketch", {"level": "3"}, hello=hello) as client:
        await client.wait(lambda: client.state.syncs)
        assert client.canvas.size == (320, 200)
        assert client.state.args[:2] == ["VERSION_1_5_0", "hostname"]
        client.send("key", 65, 1)
        client.send("disconnect")
        await client.wait_closed()
        assert client.state.disconnect
        assert client.state.errors == []


async def test_everything_in_one_packet(address: Address) -> None:
    client = await GuacClient.dial(*address)
    values = b",".join([b"0."] * 9)
    client.send_raw(
        b"6.select,6.sketch;4.size,2.90,2.60,2.96;7.connect," + values + b";3.key,2.65,1.1;"
    )
    await client.wait(lambda: client.state.syncs)
    assert client.canvas.size == (90, 60)
    await client.close()


async def test_one_byte_at_a_time(address: Address) -> None:
    client = await GuacClient.dial(*address)
    values = b",".join([b"0."] * 9)
    for byte in b"6.select,6.sketch;4.size,2.90,2.60,2.96;7.connect," + values + b";":
        client.send_raw(bytes([byte]))
        await client.drain()
    await client.wait(lambda: client.state.syncs)
    await client.close()


async def test_no_connect_is_lost_in_parallel() -> None:
    gate = asyncio.Semaphore(16)

    async def one(daemon: Daemon) -> None:
        async with gate, await GuacClient.connect(place(daemon), "sketch") as client:
            await client.wait(lambda: client.state.syncs)

    async with running_daemon(SketchHandler) as daemon:
        await asyncio.gather(*(one(daemon) for _ in range(64)))


async def test_a_standstill_during_the_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(15) as address, await GuacClient.dial(*address) as client:
        client.send("select", "sketch")
        await client.wait(lambda: client.state.args)
        SkippingClock(monkeypatch).skip(3600)
        for _ in range(5):
            await asyncio.sleep(0)  # whatever is due
        client.send("size", 90, 60, 96)
        client.send("connect", *[""] * 9)
        await client.wait(lambda: client.state.syncs)
