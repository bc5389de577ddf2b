"""TCP, Unix sockets and TLS, with clients that are slow, stuck or gone."""

import asyncio
import fcntl
import socket
import ssl
import stat
import struct
import sys
import termios
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from guacr import ticker
from guacr.daemon import Daemon
from guacr.display.geometry import Rect
from guacr.errors import SettingsError
from guacr.net.listeners import close_all, tcp_sockets
from guacr.policy.client import NOBODY, Client
from guacr.protocol.status import Status
from guacr.session.keep_alive import KEEP_ALIVE
from guacr.session.protocols import Protocols
from guacr.session.session import Session
from guacr.settings.models import DisplaySettings, ServerSettings, SessionSettings
from guacr.testing.client import Behaviour, GuacClient
from guacr.testing.daemon import LOCAL, local_settings
from guacr.transport.base import NoReceiver
from guacr.transport.tcp import TcpTransport
from tests.support.loopback import SketchHandler, until

BUFFER = 16384
"""Bytes of a socket's buffers where a picture shall not fit in."""


@asynccontextmanager
async def daemon_with(
    session: SessionSettings | None = None, **server: object
) -> AsyncIterator[Daemon]:
    values = {"hosts": LOCAL, "port": 0} | server
    settings = local_settings(
        server=ServerSettings.model_validate(values),
        session=session or SessionSettings(),
        display=DisplaySettings(image_format="png"),  # whose size does not depend on the lag
    )
    daemon = Daemon(settings, protocols=Protocols({"sketch": SketchHandler}))
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.close()


async def works(client: GuacClient) -> None:
    async with client:
        await client.handshake("sketch")
        await client.wait(lambda: client.state.syncs)


async def test_every_address_is_listened_on() -> None:
    async with daemon_with(hosts=("127.0.0.1", "::1")) as daemon:
        for host in ("127.0.0.1", "::1"):
            await works(await GuacClient.dial(host, daemon.port))


async def test_a_name_stands_for_all_its_addresses() -> None:
    found = await asyncio.get_running_loop().getaddrinfo("localhost", None)
    addresses = {str(address[0]) for *_, address in found}
    assert "127.0.0.1" in addresses
    async with daemon_with(hosts=("localhost",)) as daemon:
        for address in addresses:
            await works(await GuacClient.dial(address, daemon.port))


async def test_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "guacr.sock"
    async with daemon_with(unix_socket=path, unix_socket_mode="600"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        reader, writer = await asyncio.open_unix_connection(path)
        await works(GuacClient(reader, writer))
        with pytest.raises(SettingsError, match="another program listens there"):
            async with daemon_with(unix_socket=path):
                pass
    assert not path.exists()


async def test_a_file_in_the_place_of_the_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(SettingsError, match="a file that is not a socket"):
        async with daemon_with(unix_socket=path):
            pass
    assert path.read_text() == "data"


async def test_a_port_that_is_taken() -> None:
    async with daemon_with() as daemon:
        with pytest.raises(SettingsError, match=f"127.0.0.1 port {daemon.port}: another program"):
            async with daemon_with(port=daemon.port):
                pass


# ---- TLS


Paths = Callable[[str], Path]


def certificate(tmp_path: Path, name: str) -> Path:
    """A self-signed certificate with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def client_context(server: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=server)
    context.check_hostname = False
    return context


async def test_tls(tmp_path: Path) -> None:
    server = certificate(tmp_path, "server")
    async with daemon_with(tls_certificate=server) as daemon:
        context = client_context(server)
        await works(await GuacClient.dial("127.0.0.1", daemon.port, tls=context))
        plain = await GuacClient.dial("127.0.0.1", daemon.port)
        async with plain:
            plain.send("select", "sketch")
            await plain.wait_closed()
            assert "let it connect with TLS" in plain.state.errors[0][0]


async def test_client_certificates(tmp_path: Path) -> None:
    server, friend = certificate(tmp_path, "server"), certificate(tmp_path, "friend")
    stranger = certificate(tmp_path, "stranger")
    async with daemon_with(tls_certificate=server, tls_client_ca=friend) as daemon:
        context = client_context(server)
        context.load_cert_chain(friend)
        await works(await GuacClient.dial("127.0.0.1", daemon.port, tls=context))
        for wrong in (None, stranger):
            context = client_context(server)
            if wrong is not None:
                context.load_cert_chain(wrong)
            client = await GuacClient.dial("127.0.0.1", daemon.port, tls=context)
            async with client:
                client.send("select", "sketch")
                await client.wait_closed()
                assert client.state.args == []


async def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "server.pem"
    path.write_text("no certificate")
    with pytest.raises(SettingsError, match="for TLS"):
        async with daemon_with(tls_certificate=path):
            pass


@pytest.mark.parametrize("host", ["..", "a" * 100, "\udcff"])
async def test_what_is_no_name_of_a_host(host: str) -> None:
    with pytest.raises(SettingsError, match="this is not a host name"):
        await tcp_sockets([host], 0, 1)


# ---- slow, stuck and gone


async def dial_with_small_buffers(port: int) -> GuacClient:
    """A client for which the system keeps little, however slow the machine is."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=BUFFER)
    return GuacClient(reader, writer, Behaviour(paint=False))


async def test_a_viewer_that_stops_reading_is_bounded_and_dropped() -> None:
    limits = SessionSettings(stuck_timeout=1.5)
    noise = np.random.default_rng(3).integers(0, 256, (2, 700, 1000, 4), dtype=np.uint8)
    async with (
        daemon_with(limits) as daemon,
        await dial_with_small_buffers(daemon.port) as stuck,
        await GuacClient.dial("127.0.0.1", daemon.port, Behaviour(paint=False)) as other,
    ):
        await stuck.handshake("sketch")
        await stuck.wait(lambda: stuck.state.syncs)
        session = next(iter(daemon.registry.sessions.values()))
        (user,) = session.users
        await other.handshake(session.id)
        await other.wait(lambda: other.state.syncs)
        transport, handler = user.link.transport, session.handler
        assert isinstance(transport, TcpTransport)
        assert isinstance(handler, SketchHandler)
        sock = transport._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        stuck.stop_reading()
        most = shown = 0
        async with asyncio.timeout(45):
            while user in session.users:
                handler.surface.blit(Rect(0, 0, 1000, 700), noise[shown % 2])
                session.context.changed()
                user.link.last_received = user.now()  # it is alive, it only does not read
                await other.frame()
                shown += 1
                most = max(most, transport.buffered)
        assert 0 < most < session.settings.session.send_limit
        assert other.state.errors == []
        stuck.resume_reading()
        await stuck.wait_closed()


async def test_a_client_that_vanishes_leaves_nothing() -> None:
    async with daemon_with() as daemon:
        for _ in range(20):
            client = await GuacClient.connect(("127.0.0.1", daemon.port), "sketch")
            await client.close()
        await until(lambda: not daemon.registry.sessions)


async def test_a_client_that_has_left_is_still_known(tmp_path: Path) -> None:
    server, friend = certificate(tmp_path, "server"), certificate(tmp_path, "friend")
    async with daemon_with(tls_certificate=server, tls_client_ca=friend) as daemon:
        context = client_context(server)
        context.load_cert_chain(friend)
        client = await GuacClient.dial("127.0.0.1", daemon.port, tls=context)
        await client.handshake("sketch")
        (session,) = daemon.registry.sessions.values()
        (user,) = session.users
        transport = user.link.transport
        before = transport.peer, transport.client
        await client.close()
        await until(lambda: not daemon.registry.sessions)
        assert (transport.peer, transport.client) == before
        assert before[0].startswith("127.0.0.1:")
        assert before[1] == Client("tcp", "127.0.0.1", ("localhost",))


async def test_a_client_that_left_before_it_was_known_is_not_heard() -> None:
    transports, heard = list[TcpTransport](), list[bytes]()

    class Listening(NoReceiver):
        def data_received(self, data: bytes) -> None:
            heard.append(data)

    def opened(transport: TcpTransport) -> None:
        transports.append(transport)
        transport.receiver = Listening()

    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
    client.send(b"6.select,3.ssh;")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    accepted.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.connect_accepted_socket(lambda: TcpTransport(opened), accepted)
    (transport,) = transports
    await transport.gone
    assert transport.client == NOBODY
    assert heard == []


async def test_shutdown_says_so() -> None:
    async with daemon_with() as daemon:
        client = await GuacClient.connect(("127.0.0.1", daemon.port), "sketch")
        await client.wait(lambda: client.state.syncs)
        await daemon.close()
        await client.wait_closed()
        assert client.state.errors[0][1] == Status.UPSTREAM_UNAVAILABLE
        await client.close()


async def test_a_client_that_resets_is_closed_without_an_error() -> None:
    transports, returned = list[TcpTransport](), list[bool]()

    class Closing(NoReceiver):
        def data_received(self, data: bytes) -> None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            transports[0].close()
            returned.append(True)

    def opened(transport: TcpTransport) -> None:
        transports.append(transport)
        transport.receiver = Closing()

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: TcpTransport(opened), "127.0.0.1", 0)
    async with server:
        client = socket.create_connection(server.sockets[0].getsockname())
        client.send(b"x")
        await until(lambda: bool(transports) and transports[0].gone.done())
    assert returned == [True]


async def test_the_last_words_reach_a_client_that_is_still_sending() -> None:
    async with daemon_with() as daemon:
        for _ in range(20):
            client = await GuacClient.connect(("127.0.0.1", daemon.port), "sketch")
            await client.wait(lambda c=client: c.state.syncs)  # type: ignore[misc]
            for _ in range(200):
                client.send("nop")
            client.send("key", "x", 1)  # breaks the protocol: the rest stays unread
            for _ in range(2000):
                client.send("nop")
            await client.wait_closed()
            assert client.state.errors[0][1] == Status.CLIENT_BAD_REQUEST
            assert client.state.disconnect
            await client.close()


@pytest.mark.parametrize(
    ("hosts", "reachable"),
    [
        (("::",), {"127.0.0.1", "::1"}),
        (("::1",), {"::1"}),
        (("0.0.0.0", "::"), {"127.0.0.1", "::1"}),
        (("::", "127.0.0.1"), {"127.0.0.1", "::1"}),
    ],
)
async def test_who_reaches_an_ipv6_host(hosts: tuple[str, ...], reachable: set[str]) -> None:
    sockets = await tcp_sockets(hosts, 0, 5)
    found = set()
    for address in ("127.0.0.1", "::1"):
        with suppress(ConnectionRefusedError):
            socket.create_connection((address, sockets[0].getsockname()[1]), 5).close()
            found.add(address)
    close_all(sockets)
    assert found == reachable


async def test_the_ticker_notices_a_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    async with daemon_with() as daemon:
        noticed: list[float] = []
        monkeypatch.setattr(daemon.registry, "stood_still", noticed.append)
        await asyncio.sleep(0)  # the ticker has begun
        time.sleep(1.8)  # noqa: ASYNC251 - it holds up the event loop on purpose
        await until(lambda: bool(noticed))
    assert 0.5 < noticed[0] < 1.5


# ---- idle clients: Linux does not report a `nop` alone


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="every byte is reported")


@asynccontextmanager
async def idle(
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[GuacClient, Daemon, Session]]:
    """A client that has answered the first picture, in a daemon without a ticker."""
    monkeypatch.setattr(ticker, "TICK", 1000.0)
    async with (
        daemon_with() as daemon,
        await GuacClient.dial("127.0.0.1", daemon.port, Behaviour(nop=False)) as client,
    ):
        await client.handshake("sketch")
        (session,) = daemon.registry.sessions.values()
        (user,) = session.users
        await client.wait(lambda: client.state.syncs)
        await until(lambda: user.pacing.acknowledged)
        yield client, daemon, session


def unread(session: Session) -> int:
    """The bytes that the only user has sent, and that were not read."""
    (user,) = session.users
    assert isinstance(user.link.transport, TcpTransport)
    sock = user.link.transport.connection.get_extra_info("socket")
    size = bytearray(4)
    fcntl.ioctl(sock.fileno(), termios.FIONREAD, size)
    return int.from_bytes(size, sys.byteorder)


@on_linux
async def test_a_nop_alone_is_read_with_the_next_check(monkeypatch: pytest.MonkeyPatch) -> None:
    async with idle(monkeypatch) as (client, daemon, session):
        (user,) = session.users
        link, before = user.link, user.link.traffic.received
        for check in (1, 2):
            client.send("nop")
            await until(lambda: unread(session) == 6)
            assert link.traffic.received == before + 6 * (check - 1)
            daemon.registry.keep_alive(link.now() + KEEP_ALIVE * check + 1)
            assert link.traffic.received == before + 6 * check
            assert unread(session) == 0


@on_linux
async def test_silence_counts_from_the_arrival_of_a_nop_that_was_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with idle(monkeypatch) as (client, daemon, session):
        (user,) = session.users
        user.link.last_received -= 100
        client.send("nop")
        await until(lambda: unread(session) == 6)
        arrived = user.now()
        await until(lambda: user.now() > arrived + 0.05)
        daemon.registry.keep_alive(user.now())
        assert user in session.users, "it was not silent"
        daemon.registry.keep_alive(user.now() + KEEP_ALIVE)
        assert abs(user.link.last_received - arrived) < 0.03
        daemon.registry.keep_alive(user.link.last_received + 15.1)
        assert user not in session.users


@on_linux
async def test_a_standstill_after_a_nop_that_was_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async with idle(monkeypatch) as (client, daemon, session):
        (user,) = session.users
        client.send("nop")
        await until(lambda: unread(session) == 6)
        daemon.registry.keep_alive(user.now())
        daemon.registry.stood_still(100)
        daemon.registry.keep_alive(user.now() + 100)
        assert user.link.last_received > user.now() + 99, "the standstill is not its silence"


@on_linux
async def test_an_instruction_in_pieces_is_not_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with idle(monkeypatch) as (client, _, session):
        handler = session.handler
        assert isinstance(handler, SketchHandler)
        (user,) = session.users
        for keysym in (65, 66):
            received = user.link.traffic.received
            client.send_raw(b"3.key,2.%d," % keysym)
            await until(lambda: user.link.traffic.received > received)  # noqa: B023
            for byte in b"1.1;":
                client.send_raw(bytes([byte]))
            await until(lambda: handler.events[-1] == ("key", keysym, True))  # noqa: B023
            client.send("nop")
            await until(lambda: unread(session) == 6)
            client.key(keysym, False)
            await until(lambda: handler.events[-1] == ("key", keysym, False))  # noqa: B023


@on_linux
async def test_the_end_of_an_idle_client_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with idle(monkeypatch) as (client, _, session):
        client.send("nop")
        await until(lambda: unread(session) == 6)
        await client.close()
        await until(lambda: session.closed)
