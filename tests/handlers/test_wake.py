"""Wake-on-LAN: packets, addresses, and hosts that sleep at first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from guacr.api import BadRequestError, GuacrError, WakeOnLanParams, unrestricted
from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address, running_daemon
from handlers import wake
from handlers.rdp.launcher import launcher
from handlers.wake import PERIODS, Wake, magic_packet, parse_mac, reach, send, wake_of
from tests.support.rfb_server import RfbPeer, rfb_server
from tests.support.waiting import free_port, until

NETWORK = unrestricted()

MAC = bytes.fromhex("00112233aabc")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "RETRY_PAUSE", 0.01)


class Card(asyncio.DatagramProtocol):
    """A network card that receives packets, and wakes its host."""

    def __init__(self, woken: Callable[[], None]) -> None:
        self.packets: list[bytes] = []
        self.port = 0
        self._woken = woken

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.packets.append(data)
        self._woken()


@asynccontextmanager
async def card(
    where: str = "127.0.0.1", woken: Callable[[], None] = lambda: None
) -> AsyncIterator[Card]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: Card(woken), local_addr=(where, 0)
    )
    protocol.port = transport.get_extra_info("sockname")[1]
    try:
        yield protocol
    finally:
        transport.close()


def parameters(card: Card, wait: int = 0) -> dict[str, str]:
    return {
        "wol-send-packet": "true",
        "wol-mac-addr": "00:11:22:33:aa:bc",
        "wol-broadcast-addr": "127.0.0.1",
        "wol-udp-port": str(card.port),
        "wol-wait-time": str(wait),
    }


def wake_by(card: Card, wait: int) -> Wake:
    found = wake_of(WakeOnLanParams.parse(parameters(card, wait)))
    assert found is not None
    return found


def test_a_packet() -> None:
    packet = magic_packet(MAC)
    assert len(packet) == 102
    assert packet == b"\xff" * 6 + MAC * 16


@pytest.mark.parametrize(
    "text",
    [
        "00:11:22:33:aa:bc",
        "0:11:22:33:AA:BC",
        "00-11-22-33-AA-BC",
        "0011.2233.aabc",
        " 00112233aabc ",
    ],
)
def test_addresses_as_people_write_them(text: str) -> None:
    assert parse_mac(text) == MAC


@pytest.mark.parametrize(
    "text",
    [
        "00:11:22:33:44", "00:11:22:33:44:55:66", "00:11:22:33:44:5g", "001:1:2:3:4:5", "x",
        "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "00:00:00:00:00:00", "00:11:22:33:44:５5",
    ],
)  # fmt: skip
def test_addresses_of_no_host(text: str) -> None:
    with pytest.raises(BadRequestError, match="wol-mac-addr is not"):
        parse_mac(text)


@pytest.mark.parametrize("text", ["", "desk.example", "1.2.3", "1.2.3.4/24", "::g"])
def test_broadcast_addresses_that_are_none(text: str) -> None:
    values = {"wol-send-packet": "true", "wol-mac-addr": "00:11:22:33:aa:bc"}
    params = WakeOnLanParams.parse(values | {"wol-broadcast-addr": text or " "})
    with pytest.raises(BadRequestError, match="wol-broadcast-addr is not an address"):
        wake_of(params)


def test_an_address_is_needed() -> None:
    with pytest.raises(BadRequestError, match="wol-mac-addr is empty"):
        wake_of(WakeOnLanParams.parse({"wol-send-packet": "true"}))
    assert wake_of(WakeOnLanParams.parse({"wol-mac-addr": "nonsense"})) is None


@pytest.mark.parametrize(("bound", "target"), [("0.0.0.0", "127.255.255.255"), ("::1", "::1")])
async def test_packets_of_both_families(bound: str, target: str) -> None:
    async with card(bound) as sleeper:
        await send(NETWORK, Wake(magic_packet(MAC), target, sleeper.port, 0))
        await until(lambda: sleeper.packets == [magic_packet(MAC)], "the packet")


@pytest.mark.parametrize("name", ["none9", "x" * 64])
async def test_an_interface_that_does_not_exist(name: str) -> None:
    with pytest.raises(GuacrError, match=f"cannot be sent to 'ff02::1%{name[:50]}"):
        await send(NETWORK, Wake(magic_packet(MAC), f"ff02::1%{name}", 9, 0))


class Sleeper:
    """A host that listens once it is woken."""

    def __init__(self, packets: int = 1) -> None:
        self.port = free_port()
        self.connections = 0
        self._needed = packets
        self._server: asyncio.Server | None = None
        self._starting: asyncio.Task[None] | None = None

    def woken(self) -> None:
        self._needed -= 1
        if not self._needed:
            self._starting = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()

    async def close(self) -> None:
        if self._starting is not None:
            await self._starting
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()


async def test_a_host_is_woken_and_awaited() -> None:
    sleeper, told = Sleeper(), list[str]()
    async with card(woken=sleeper.woken) as its_card:
        sock = await reach(
            NETWORK, "127.0.0.1", sleeper.port, 5, wake_by(its_card, 60), told.append
        )
        sock.close()
        assert its_card.packets == [magic_packet(MAC)]
    assert told == ["Host '127.0.0.1' is being woken. This may take up to 300 s."]
    await sleeper.close()


async def test_a_host_that_is_awake_is_not_woken() -> None:
    sleeper, told = Sleeper(), list[str]()
    sleeper.woken()
    async with card() as its_card:
        await until(lambda: sleeper._server is not None, "the host")
        sock = await reach(
            NETWORK, "127.0.0.1", sleeper.port, 5, wake_by(its_card, 60), told.append
        )
        sock.close()
        assert its_card.packets == []
    assert told == []
    await sleeper.close()


async def test_a_host_that_does_not_wake_up() -> None:
    async with card() as its_card:
        wakes = Wake(magic_packet(MAC), "127.0.0.1", its_card.port, 1)
        object.__setattr__(wakes, "wait", 0.02)
        with pytest.raises(GuacrError, match="packets have not woken it") as caught:
            await reach(NETWORK, "127.0.0.1", free_port(), 5, wakes, lambda text: None)
        assert caught.value.status == Status.UPSTREAM_UNAVAILABLE
        await until(lambda: len(its_card.packets) == PERIODS, "a packet for each period")


async def test_without_a_time_to_wait_it_must_be_awake() -> None:
    async with card() as its_card:
        with pytest.raises(GuacrError, match="refuses connections"):
            await reach(
                NETWORK, "127.0.0.1", free_port(), 5, wake_by(its_card, 0), lambda text: None
            )
        await until(lambda: len(its_card.packets) == 1, "the packet")


# ---- sessions


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    async with running_daemon() as running:
        yield running
    launcher.close()  # the process that forks RDP's workers, if it was started


@pytest.mark.parametrize("protocol", ["ssh", "telnet", "vnc", "rdp"])
async def test_people_see_that_a_host_is_woken(daemon: Daemon, protocol: str) -> None:
    sleeper = Sleeper(packets=-1)
    async with card(woken=sleeper.woken) as its_card:
        values = {"hostname": "127.0.0.1", "port": str(sleeper.port), "username": "ada"}
        values |= parameters(its_card, 60)
        client = await GuacClient.connect(address(daemon), protocol, values)
        await client.wait(lambda: client.state.syncs, "a picture")
        await client.wait(lambda: client.canvas.flatten().any(), "the line")
        await until(lambda: its_card.packets, "the packet")
        sleeper._needed = 1
        sleeper.woken()
        await until(lambda: sleeper.connections, "a connection")
        await client.wait_closed()  # it says nothing
        await client.close()
    await sleeper.close()


@pytest.mark.parametrize("protocol", ["ssh", "telnet", "vnc", "rdp"])
async def test_errors_are_found_before_anyone_is_asked(daemon: Daemon, protocol: str) -> None:
    values = {"hostname": "127.0.0.1", "wol-send-packet": "true", "wol-mac-addr": "desk"}
    async with await GuacClient.connect(address(daemon), protocol, values) as client:
        await client.wait_closed()
    ((sentence, status),) = client.state.errors
    assert status == Status.CLIENT_BAD_REQUEST
    assert "wol-mac-addr is not an Ethernet address ('desk')" in sentence


async def test_a_desktop_that_ends_is_not_woken_again(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.vnc.handler.RETRY_PAUSE", 0.01)

    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(1)
        peer.send(bytes(4))
        await peer.begin()

    async with card() as its_card:
        async with rfb_server(script) as remote:
            values = remote.parameters | parameters(its_card) | {"autoretry": "2"}
            async with await GuacClient.connect(address(daemon), "vnc", values) as client:
                await client.wait_closed()
            assert remote.connections == 3
        assert len(its_card.packets) == 1
