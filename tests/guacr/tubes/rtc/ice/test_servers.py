"""STUN and TURN servers: coturn over UDP, TCP and TLS, and servers that fail in every way."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter
from typing import Any

import pytest
import pytest_asyncio

from guacr.tubes.rtc.ice import relays, selection
from guacr.tubes.rtc.ice.names import resolved
from guacr.tubes.rtc.ice.settings import IceServer, IceState
from tests.support.certificates import Authority
from tests.support.coturn import Coturn, coturn
from tests.support.ice import DATA, LOOPBACK, assert_data_flows, connect, ends, exchange
from tests.support.waiting import free_port, until

KINDS = ("udp", "tcp", "tls")


@pytest_asyncio.fixture(name="server", scope="module", loop_scope="module")
async def _server() -> AsyncIterator[Coturn]:
    async with coturn() as running:
        yield running


@contextmanager
def silent_servers(count: int) -> Iterator[list[tuple[str, int]]]:
    """Servers that take datagrams and connections, and never answer."""
    opened: list[socket.socket] = []
    for _ in range(count):
        tcp = socket.create_server(("127.0.0.1", 0))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened += [tcp, udp]
        udp.bind(tcp.getsockname())
    try:
        yield [one.getsockname() for one in opened[::2]]
    finally:
        for one in opened:
            one.close()


@contextmanager
def translated(server: int) -> Iterator[tuple[int, int]]:
    """A network address translation before a server: the port of the server there, and the port
    that the server sees."""
    loop = asyncio.get_running_loop()
    inner, outer = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    clients: list[tuple[str, int]] = []

    def to_server() -> None:
        data, client = inner.recvfrom(2048)
        clients[:] = [client]
        outer.send(data)

    try:
        inner.bind(("127.0.0.1", 0))
        outer.connect(("127.0.0.1", server))
        loop.add_reader(inner, to_server)
        loop.add_reader(outer, lambda: inner.sendto(outer.recv(2048), clients[0]))
        yield inner.getsockname()[1], outer.getsockname()[1]
    finally:
        for one in (inner, outer):
            loop.remove_reader(one)
            one.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_data_flows_over_a_relay(server: Coturn, kind: str) -> None:
    settings = replace(LOOPBACK, servers=(server.server(kind),), relay_only=True)
    before = server.allocations()
    async with ends(settings, LOOPBACK) as (one, two):
        await connect(one, two)
        relay, end = one.candidates
        assert "typ relay raddr 0.0.0.0 rport 9" in relay
        assert end == ""
        assert "typ relay" in one.transport.stats.local
        await assert_data_flows(one, two)
        one.transport.send(DATA + bytes(1200))
        await two.until_received(DATA + bytes(1200))
        assert server.allocations() == before + 1
    await until(lambda: server.allocations() == before, "released at the server")


async def test_relays_at_both_ends_with_every_kind_at_once(server: Coturn) -> None:
    settings = replace(LOOPBACK, servers=tuple(map(server.server, KINDS)), relay_only=True)
    async with ends(settings) as (one, two):
        await connect(one, two)
        assert [text.split()[7:8] for text in one.candidates] == [["relay"]] * 3 + [[]]
        await assert_data_flows(one, two)


async def test_a_direct_pair_is_preferred(server: Coturn) -> None:
    settings = replace(LOOPBACK, servers=(server.server("udp"),))
    async with ends(settings) as (one, two):
        await connect(one, two)
        assert "typ relay" in one.candidates[2]
        assert "typ host" in one.transport.stats.local
        assert "typ host" in two.transport.stats.local


async def test_a_relay_is_used_if_nothing_else_works(server: Coturn) -> None:
    """The hosts are told, but checks to them go nowhere."""
    settings = replace(LOOPBACK, servers=(server.server("udp"),))
    async with ends(settings) as (one, two):
        for end in (one, two):
            end.route = lambda text: text if "typ host" not in text else None
        await connect(one, two)
        await assert_data_flows(one, two)
        assert "typ relay" in one.transport.stats.local + one.transport.stats.remote


async def test_a_stun_server_tells_the_mapped_address(server: Coturn) -> None:
    """Without an address translation it is that of the host, and not told twice."""
    settings = replace(LOOPBACK, servers=(server.server("stun"),))
    async with ends(settings) as (one, _):
        await one.transport.gather()
        assert [text.split()[4:5] for text in one.candidates] == [["127.0.0.1"], ["::1"], []]


async def test_a_mapped_address_is_a_candidate(server: Coturn) -> None:
    with translated(server.port) as (port, mapped):
        settings = replace(LOOPBACK, servers=(IceServer(f"stun:127.0.0.1:{port}"),))
        async with ends(settings) as (one, _):
            await one.transport.gather()
            host, _, reflexive, end = one.candidates
            assert reflexive.split()[4:6] == ["127.0.0.1", str(mapped)]
            assert reflexive.endswith(f"typ srflx raddr 127.0.0.1 rport {host.split()[5]}")
            assert end == ""


@pytest.mark.parametrize("kind", KINDS)
async def test_wrong_credentials_are_told(
    server: Coturn, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = server.server(kind, "wrong")
    async with ends(replace(LOOPBACK, servers=(wrong,))) as (one, two):
        await connect(one, two)
        assert len(one.candidates) == 3
    assert (
        caplog.messages
        == [  # of each end
            f"ICE: no candidates of {wrong.url}: "
            "it refuses the username or the credential (401 unauthorized)"
        ]
        * 2
    )
    assert "wrong" not in caplog.text.replace(wrong.url, "")


async def test_an_unknown_authority_is_told(
    server: Coturn, caplog: pytest.LogCaptureFixture
) -> None:
    trusted = replace(server.server("tls"), authorities=Authority().certificate)
    name = replace(server.server("tls"), url=f"turns:127.0.0.2:{server.tls_port}")
    async with ends(replace(LOOPBACK, servers=(trusted,), relay_only=True)) as (one, _):
        await one.transport.gather()
        assert one.candidates == [""]
    (message,) = caplog.messages
    assert "its certificate is invalid: " in message
    assert name.host == "127.0.0.2"


async def test_dead_servers_do_not_delay_anything(caplog: pytest.LogCaptureFixture) -> None:
    with silent_servers(3) as addresses:
        (_, stun), (_, turn), (_, tls) = addresses
        servers = (
            IceServer(f"stun:127.0.0.1:{stun}"),
            IceServer(f"turn:127.0.0.1:{turn}", "user", "secret"),
            IceServer(f"turns:127.0.0.1:{tls}", "user", "secret"),
        )
        settings = replace(LOOPBACK, servers=servers, gather_timeout=0.5)
        async with ends(settings) as (one, two):
            begun = perf_counter()
            tasks = [asyncio.ensure_future(end.transport.gather()) for end in (one, two)]
            await until(lambda: len(one.candidates) == 2, "the hosts")
            assert not tasks[0].done()  # it takes 2 ms on an idle machine
            one.transport.set_remote(two.transport.local)
            two.transport.set_remote(one.transport.local)
            await one.until(IceState.CONNECTED)
            assert not tasks[0].done()
            await assert_data_flows(one, two)
            await asyncio.gather(*tasks)
            assert 0.5 <= perf_counter() - begun < 3
            assert one.candidates[2:] == [""]
            one.transport.restart()
            await one.transport.gather()
    expected = [f"ICE: no candidates of {one.url}: no answer within 0.5 s" for one in servers]
    assert sorted(caplog.messages) == sorted(expected * 2)


async def test_a_description_does_not_wait_for_slow_servers(server: Coturn) -> None:
    """A candidate that comes later is told to nobody, and used."""
    slow = server.server("udp")
    settings = replace(LOOPBACK, servers=(slow,), relay_only=True, description_wait=0.1)
    async with ends(settings, LOOPBACK) as (one, two):
        one.other = None
        os.kill(server.pid, signal.SIGSTOP)
        try:
            begun = perf_counter()
            await one.transport.gather_for_description()
            assert 0.1 <= perf_counter() - begun < 2
            assert one.candidates == []
            await two.transport.gather_for_description()
            exchange(one, two)
            two.transport.add_remote_candidate("")
        finally:
            os.kill(server.pid, signal.SIGCONT)
        await one.until(IceState.CONNECTED)
        await two.until(IceState.CONNECTED)
        await assert_data_flows(one, two)
        assert "typ relay" in one.transport.stats.local
        assert "typ prflx" in two.transport.stats.remote


@pytest.mark.parametrize("kind", ["stun", "turn", "turns"])
async def test_each_dead_server_has_its_limit(kind: str) -> None:
    with silent_servers(1) as ((_, port),):
        dead = IceServer(f"{kind}:127.0.0.1:{port}", "user", "secret")
        settings = replace(LOOPBACK, servers=(dead,), description_wait=0.2)
        async with ends(settings) as (one, two):
            begun = perf_counter()
            await one.transport.gather_for_description()
            assert (0.3 if kind == "turns" else 0.2) <= perf_counter() - begun < 2
            assert len(one.candidates) == 2
            waiting = asyncio.ensure_future(two.transport.gather_for_description())
            await asyncio.sleep(0)
            await two.transport.close()
            await waiting


async def test_hosts_can_be_awaited_alone() -> None:
    """For the description; the servers' candidates are trickled."""
    with silent_servers(1) as ((_, port),):
        silent = IceServer(f"stun:127.0.0.1:{port}")
        async with ends(replace(LOOPBACK, servers=(silent,))) as (one, two):
            for _ in range(2):
                await one.transport.gather_hosts()
                assert [text.split()[4] for text in one.candidates] == ["127.0.0.1", "::1"]
            waiting = asyncio.ensure_future(two.transport.gather_hosts())
            await asyncio.sleep(0)
            await two.transport.close()
            await waiting
            await two.transport.gather_hosts()


async def test_refused_connections_and_unknown_names_are_told_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = free_port()
    servers = (
        IceServer(f"turn:127.0.0.1:{port}", "user", "secret"),
        IceServer(f"turn:127.0.0.1:{port}?transport=tcp", "user", "secret"),
        IceServer("stun:..."),
    )
    async with ends(replace(LOOPBACK, servers=servers)) as (one, _):
        await one.transport.gather()
        assert one.candidates[2:] == [""]
    told = sorted(caplog.messages)
    assert "stun:...: encoding with 'idna' codec failed" in told[0]
    assert told[1:] == [
        f"ICE: no candidates of {server.url}: connection refused" for server in servers[:2]
    ]


async def test_allocations_are_refreshed_and_lost() -> None:
    async with coturn(lifetime=1) as server:
        settings = replace(LOOPBACK, servers=(server.server("udp"),), relay_only=True)
        settings = replace(settings, keep_alive=0.2)
        async with ends(settings, LOOPBACK) as (one, two):
            await connect(one, two)
            refreshed = r"refreshed, realm=<guacr.test>, username=<somebody>, lifetime=1"
            await until(lambda: server.count(refreshed) >= 2, "two refreshes")
            await assert_data_flows(one, two)
            assert server.allocations() == 1
        await until(lambda: server.allocations() == 0, "released at the server")


async def test_channels_are_bound_again(server: Coturn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "REBIND_EVERY", 0.1)
    bound = r"CHANNEL_BIND processed, success"
    before = server.count(bound)
    settings = replace(LOOPBACK, servers=(server.server("udp"),), relay_only=True)
    async with ends(settings, LOOPBACK) as (one, two):
        await connect(one, two)
        await until(lambda: server.count(bound) >= before + 4, "bindings")
        await assert_data_flows(one, two)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_that_ends_takes_its_pair_along(kind: str) -> None:
    async with coturn(lifetime=2) as server:
        settings = replace(LOOPBACK, servers=(server.server(kind),), relay_only=True)
        settings = replace(settings, keep_alive=0.1, disconnected_after=0.5)
        async with ends(settings, LOOPBACK) as (one, two):
            await connect(one, two)
            assert server.allocations() == 1
            server.kill()
            await one.until(IceState.DISCONNECTED)
            begun = perf_counter()
            await one.transport.close()
            assert perf_counter() - begun < 5  # about 1 s


async def test_addresses_need_no_resolver() -> None:
    assert await resolved("127.0.0.1", 1) == ("127.0.0.1", 1)
    assert await resolved("::1", 1) == ("::1", 1)
    assert (await resolved("localhost", 1))[0] in ("127.0.0.1", "::1")


class Muted:
    """A socket that sends nothing until it may."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.muted = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def sendto(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.muted:
            self._transport.sendto(data, addr)


@pytest.mark.parametrize("direct", [True, False])
async def test_a_direct_pair_is_awaited_for_a_while(
    server: Coturn, monkeypatch: pytest.MonkeyPatch, direct: bool
) -> None:
    """The relay works at once, the direct pair later or never."""
    wait = 5.0 if direct else 0.3
    monkeypatch.setattr(selection, "RELAY_WAIT", wait)
    settings = replace(LOOPBACK, servers=(server.server("udp"),))
    async with ends(settings, LOOPBACK) as (one, two):
        one.route = lambda text: text if "typ relay" in text else None
        await asyncio.gather(one.transport.gather(), two.transport.gather())
        hosts = [end for end in one.transport._current._protocols if not _is_relay(end)]
        muted = [Muted(end.transport) for end in hosts]
        for host, silent in zip(hosts, muted, strict=True):
            host.transport = silent  # type: ignore[assignment]
        begun = perf_counter()
        exchange(one, two)
        pairs = one.transport._current._check_list
        await until(lambda: any(pair.state is pair.State.SUCCEEDED for pair in pairs), "a relay")
        assert one.state is IceState.CHECKING
        for silent in muted:
            silent.muted = not direct
        await one.until(IceState.CONNECTED)
        assert ("typ host" in one.transport.stats.local) is direct
        assert direct or perf_counter() - begun >= wait
        await assert_data_flows(one, two)


def _is_relay(endpoint: Any) -> bool:
    return bool(endpoint.local_candidate.type == "relay")


async def test_a_server_that_does_not_read_costs_no_memory(server: Coturn) -> None:
    """Over TCP: what does not go into the stream is lost, as on any link."""
    settings = replace(LOOPBACK, servers=(server.server("tcp"),), relay_only=True)
    async with ends(settings, LOOPBACK) as (one, two):
        await connect(one, two)
        stream = one.transport._current._protocols[0].transport._client.transport  # type: ignore[attr-defined]
        os.kill(server.pid, signal.SIGSTOP)
        try:
            for _ in range(20_000):
                one.transport.send(DATA + bytes(1199))
            assert stream.get_write_buffer_size() < relays.STREAM_MAX + 2048
        finally:
            os.kill(server.pid, signal.SIGCONT)
        await assert_data_flows(one, two)


async def test_packets_that_wait_for_a_channel_are_bounded(server: Coturn) -> None:
    receiver = asyncio.DatagramProtocol()
    relay = await relays.allocate(server.server("udp"), receiver)
    for port in range(1, relays.CHANNELS_MAX + 50):
        for _ in range(20):
            relay.sendto(DATA, ("127.0.0.1", port))
    assert len(relay._waiting) == relays.CHANNELS_MAX
    assert max(map(len, relay._waiting.values())) == relays.WAITING_MAX
    await until(lambda: not relay._waiting, "channels")
    relay.close()
    await relay.wait_closed()


async def test_a_hostile_server_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """It sends nonsense over TCP, and messages whose attributes are cut."""
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readexactly(20)
        writer.write(b"\x40\0\0\1x\0\0\0")  # data of an unknown channel
        writer.write(b"\0\x17\0\4" + request[4:8] + bytes(12) + b"\0\x12\0\0")
        writer.write(b"\1\x13\0\x08" + request[4:] + b"\0\x09\0\1\4\0\0\0")
        writer.write(b"\1\3\0\4" + request[4:] + b"\0\x0d\0\0")  # a lifetime without a number
        writer.write(secrets.token_bytes(1 << 16))
        await writer.drain()
        await closed.wait()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    turn = IceServer(f"turn:127.0.0.1:{port}?transport=tcp", "user", "secret")
    async with ends(replace(LOOPBACK, servers=(turn,), gather_timeout=0.5)) as (one, two):
        await connect(one, two)
        await assert_data_flows(one, two)
    assert {text.startswith("ICE: no candidates of turn:") for text in caplog.messages} == {True}
    closed.set()
    listening.close()
    await listening.wait_closed()
