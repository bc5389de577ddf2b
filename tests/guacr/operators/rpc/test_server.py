"""gRPC: a client that grpcio-tools makes of control.proto alone sees and does what HTTP does."""

from __future__ import annotations

import asyncio
import gc
import importlib
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import aiohttp
import grpc
import pytest
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from guacr.access.operator_tokens import Right
from guacr.control.info import Reloaded
from guacr.errors import SettingsError
from guacr.operators.rpc import messages, server, servicer
from guacr.operators.rpc.servicer import address_of
from guacr.protocol.status import Status
from guacr.session.events import OperatorActed, Refused
from guacr.settings.models import Settings
from guacr.testing.daemon import running_daemon
from tests.guacr.operators.conftest import Site, bearer, control_settings, running_site
from tests.support.certificates import Authority, Pair
from tests.support.loopback import SketchHandler, session_of, until

PROTO = Path(messages.__file__).with_name("control.proto")
Metadata = tuple[tuple[str, str], ...]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ModuleType, ModuleType]]:
    """The two modules that grpcio-tools makes of the proto file."""
    directory = tmp_path_factory.mktemp("grpc")
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO.parent}", PROTO.name]
    outputs = [f"--python_out={directory}", f"--grpc_python_out={directory}"]
    compiled = f"--descriptor_set_out={directory / 'control.binpb'}"
    subprocess.run([*command, *outputs, compiled], check=True, timeout=60)
    sys.path.insert(0, str(directory))
    try:
        yield importlib.import_module("control_pb2"), importlib.import_module("control_pb2_grpc")
        assert (directory / "control.binpb").read_bytes() == (
            PROTO.with_suffix(".binpb").read_bytes()
        ), "run `make proto`"
    finally:
        sys.path.remove(str(directory))


@pytest.fixture(scope="module")
def pb(made: tuple[ModuleType, ModuleType]) -> Any:
    """The messages."""
    return made[0]


@pytest.fixture(scope="module")
def stubs(made: tuple[ModuleType, ModuleType]) -> Any:
    """The clients."""
    return made[1]


@pytest.fixture(scope="module", autouse=True)
def library() -> Iterator[None]:
    """gRPC's thread and files, which it would otherwise make and end at times of its own."""

    async def warm_up() -> None:
        grpc.aio.init_grpc_aio()
        server = grpc.aio.server()
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            await channel.channel_ready()
        await server.stop(None)

    asyncio.run(warm_up())
    yield
    grpc.aio.shutdown_grpc_aio()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    settings = control_settings(tmp_path, grpc=True, grpc_port=0, max_streams=1)
    async with running_site(settings) as running:
        yield running


def metadata(*rights: Right) -> Metadata:
    return (("authorization", bearer(rights or list(Right))["Authorization"]),)


@pytest.fixture
def channel(site: Site) -> Iterator[grpc.Channel]:
    """A connection to the site."""
    with grpc.insecure_channel(f"127.0.0.1:{site.daemon.grpc_port}") as channel:
        yield channel


@pytest.fixture
def stub(channel: grpc.Channel, stubs: Any) -> Any:
    """The site's methods."""
    return stubs.ControlStub(channel)


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate of a server, and the authority of its clients, which is its own at first."""

    ours: Authority
    server: Path
    """The file of its certificate and key."""
    ca: Path
    directory: Path

    def settings(self, **control: object) -> Settings:
        """Settings with TLS for gRPC."""
        files = {"tls_certificate": self.server, "tls_client_ca": self.ca}
        return control_settings(self.directory, grpc=True, grpc_port=0, **files, **control)

    def credentials(self, client: Pair | None = None) -> grpc.ChannelCredentials:
        """Those of a client that trusts the server."""
        root = self.ours.certificate.encode()
        if client is None:
            return grpc.ssl_channel_credentials(root)
        return grpc.ssl_channel_credentials(root, client.key.encode(), client.certificate.encode())


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    ours = Authority()
    local = [x509.IPAddress(ip_address(address)) for address in ("127.0.0.1", "::1")]
    pair = ours.issue("server", alternatives=local)
    made = Tls(ours, tmp_path / "server.pem", tmp_path / "ca.pem", tmp_path)
    made.server.write_text(pair.certificate + pair.key)
    made.ca.write_text(ours.certificate)
    return made


async def followed(stub: Any, pb: Any) -> Any:
    """A stream of events that has begun."""
    stream = stub.StreamEvents(pb.StreamEventsRequest(), metadata=metadata(), timeout=20)
    await asyncio.to_thread(stream.initial_metadata)
    return stream


async def called(method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The answer to a call; the client blocks, and so has a thread."""
    return await asyncio.to_thread(method, *arguments, timeout=20, **options)


async def refused(method: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, str]:
    with pytest.raises(grpc.RpcError) as caught:
        await called(method, *arguments, **options)
    return caught.value.code(), caught.value.details()


async def test_it_sees_and_acts(site: Site, stub: Any, pb: Any) -> None:
    transport, user = site.connect(hostname="example.com", subject="ann")
    site.connect(hostname="other")
    session = session_of(user)
    read, act = metadata(Right.READ), metadata(Right.ACT)
    status = await called(stub.GetStatus, pb.GetStatusRequest(), metadata=read)
    assert (status.ready, status.workers[0].sessions) == (True, 2)
    request = pb.ListSessionsRequest(subject="ann", limit=5)
    listed = await called(stub.ListSessions, request, metadata=read)
    (one,) = listed.sessions
    assert (one.id, one.host, one.users[0].owner) == (session.id, "example.com", True)
    request = pb.GetSessionRequest(id=session.id[1:])
    assert (await called(stub.GetSession, request, metadata=read)).id == session.id
    with site.daemon.registry.events.subscribe() as events:
        request = pb.EndSessionRequest(id=session.id, message="so long")
        await called(stub.EndSession, request, metadata=act)
        assert await anext(events) == OperatorActed(
            "ann", "127.0.0.1", "end", session.id, "so long"
        )
    assert transport.all("error") == [("so long", str(int(Status.SESSION_CLOSED)))]
    await called(stub.Drain, pb.DrainRequest(), metadata=act)
    assert site.is_draining()
    await called(stub.Resume, pb.ResumeRequest(), metadata=act)
    assert not site.is_draining()
    watch = pb.WatchSessionRequest(id=next(iter(site.daemon.registry.sessions)))
    link = await called(stub.WatchSession, watch, metadata=metadata(Right.WATCH))
    assert link.path == f"/#token={link.token}"


async def test_refusals_have_a_code_and_a_sentence(site: Site, stub: Any, pb: Any) -> None:
    codes = grpc.StatusCode
    for method, request, given, code in (
        (stub.GetStatus, pb.GetStatusRequest(), (), codes.UNAUTHENTICATED),
        (stub.Drain, pb.DrainRequest(), metadata(Right.READ), codes.PERMISSION_DENIED),
        (stub.GetSession, pb.GetSessionRequest(id="x"), metadata(), codes.NOT_FOUND),
        (
            stub.ListSessions,
            pb.ListSessionsRequest(limit=-1),
            metadata(),
            codes.INVALID_ARGUMENT,
        ),
        (stub.Reload, pb.ReloadRequest(), metadata(), codes.FAILED_PRECONDITION),
        (
            stub.EndSession,
            pb.EndSessionRequest(id="x", message="y" * 20000),
            metadata(),
            codes.RESOURCE_EXHAUSTED,
        ),
    ):
        found, sentence = await refused(method, request, metadata=given)
        assert found is code
        assert sentence
    assert not site.is_draining()


@pytest.mark.parametrize("name", ["GetSession", "StreamEvents"])
async def test_messages_that_are_none(
    site: Site, caplog: pytest.LogCaptureFixture, name: str, channel: grpc.Channel
) -> None:
    codes = grpc.StatusCode
    make = channel.unary_unary if name == "GetSession" else channel.unary_stream
    method = make(f"/{messages.SERVICE}/{name}")

    def call(data: bytes, **options: Any) -> None:
        list(method(data, **options))

    for given, code in ((), codes.UNAUTHENTICATED), (metadata(), codes.INVALID_ARGUMENT):
        assert (await refused(call, b"\xff" * 10, metadata=given))[0] is code
    assert "Traceback" not in caplog.text


async def test_messages_to_the_health_service_that_are_none(
    site: Site, caplog: pytest.LogCaptureFixture, channel: grpc.Channel
) -> None:
    check = channel.unary_unary(server.CHECK_METHOD)
    assert (await refused(check, b"\xff" * 10))[0] is grpc.StatusCode.UNKNOWN
    assert "Traceback" not in caplog.text


async def test_events_are_streamed_and_limited(site: Site, stub: Any, pb: Any) -> None:
    events = site.daemon.registry.events
    stream = await followed(stub, pb)
    _, user = site.connect(hostname="example.com")
    opened = await asyncio.to_thread(next, stream)
    assert (opened.event, opened.session) == ("session-opened", session_of(user).id)
    assert opened.fields["host"] == "example.com"
    second = stub.StreamEvents(pb.StreamEventsRequest(), metadata=metadata(), timeout=20)
    code, sentence = await refused(lambda timeout: next(second))
    assert (code, "control.max_streams" in sentence) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        True,
    )
    stream.cancel()
    await until(lambda: not events._subscriptions)
    stream = await followed(stub, pb)
    settings = site.daemon.settings
    control = settings.control.model_copy(update={"announce_watchers": False})
    site.daemon.reload(settings.model_copy(update={"control": control}))
    assert await asyncio.to_thread(list, stream) == []


async def test_a_stream_can_be_ended_at_any_moment(site: Site, stub: Any, pb: Any) -> None:
    for number in range(20):
        stream = await followed(stub, pb)
        for _ in range(number * 10):
            site.daemon.registry.events.publish(Refused("x", "y" * 400))
        site.daemon._operators.operations.end_streams()
        await asyncio.to_thread(list, stream)  # without an error


async def test_streams_of_clients_that_leave_at_once(
    site: Site, caplog: pytest.LogCaptureFixture, stub: Any, pb: Any
) -> None:
    for number in range(200):
        stream = stub.StreamEvents(pb.StreamEventsRequest(), metadata=metadata(), timeout=20)
        await asyncio.sleep(number / 50_000)
        stream.cancel()
    await called(stub.GetStatus, pb.GetStatusRequest(), metadata=metadata())
    await until(lambda: not site.daemon.registry.events._subscriptions)
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_a_stream_that_is_not_read_ends(
    site: Site, monkeypatch: pytest.MonkeyPatch, stub: Any, pb: Any
) -> None:
    monkeypatch.setattr(servicer, "READ_TIMEOUT", 0.05)
    events = site.daemon.registry.events
    stream = await followed(stub, pb)

    def is_ended() -> bool:
        for _ in range(50):
            events.publish(Refused("x", "y" * 4000))
        return not events._subscriptions

    await until(is_ended)
    _, sentence = await refused(lambda timeout: list(stream))
    assert "not read in time" in sentence


async def test_health_is_for_everybody_and_reflection_for_operators(
    site: Site, channel: grpc.Channel
) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", messages.SERVICE):
        request = health_pb2.HealthCheckRequest(service=service)
        answer = await called(health.Check, request)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
    ask = reflection_pb2.ServerReflectionRequest(file_containing_symbol=messages.SERVICE)

    def reflected(given: Metadata) -> Any:
        return next(reflection(iter([ask]), metadata=given, timeout=20))

    answer = await asyncio.to_thread(reflected, metadata())
    assert answer.file_descriptor_response.file_descriptor_proto
    with pytest.raises(grpc.RpcError, match="a token is required"):
        await asyncio.to_thread(reflected, ())


async def test_certificates_are_operators(tls: Tls, pb: Any, stubs: Any) -> None:
    ours, theirs = tls.ours, Authority()
    settings = tls.settings(hosts=("127.0.0.1", "::1"), readers=("ops.example",))
    async with running_daemon(SketchHandler, settings=settings) as daemon:

        async def status(
            signer: Authority,
            given: Metadata = (),
            host: str = "ops.example",
            at: str = "127.0.0.1",
        ) -> Any:
            credentials = tls.credentials(signer.issue("client", host=host))
            with grpc.secure_channel(f"{at}:{daemon.grpc_port}", credentials) as channel:
                stub = stubs.ControlStub(channel)
                try:
                    await called(stub.GetStatus, pb.GetStatusRequest(), metadata=given)
                except grpc.RpcError as error:
                    return error.code()
                return grpc.StatusCode.OK

        assert await status(ours) is grpc.StatusCode.OK
        assert await status(ours, at="[::1]") is grpc.StatusCode.OK
        assert await status(ours, host="other.example") is grpc.StatusCode.UNAUTHENTICATED
        assert await status(ours, metadata(), host="other.example") is grpc.StatusCode.OK
        assert await status(theirs) is grpc.StatusCode.UNAVAILABLE
        tls.ca.write_text(theirs.certificate)
        daemon.reload(settings.model_copy())
        async with asyncio.timeout(20):
            while await status(theirs) is not grpc.StatusCode.OK:
                pass  # the server before may have accepted a connection just when it ended
        assert await status(ours) is grpc.StatusCode.UNAVAILABLE
        assert await status(theirs, at="[::1]") is grpc.StatusCode.OK
        assert await status(ours, at="[::1]") is grpc.StatusCode.UNAVAILABLE


async def test_another_ca_ends_connections(tls: Tls, pb: Any, stubs: Any) -> None:
    trusted = tls.settings(actors=("*",))
    plain = trusted.control.model_copy(update={"tls_client_ca": None})
    anybody, known = tls.credentials(), tls.credentials(tls.ours.issue("client"))
    settings = trusted.model_copy(update={"control": plain})
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        address = f"127.0.0.1:{daemon.grpc_port}"
        with (
            grpc.secure_channel(address, anybody) as without,
            grpc.secure_channel(address, known) as with_certificate,
        ):

            async def becomes(
                wanted: grpc.StatusCode, channel: grpc.Channel, given: Metadata = ()
            ) -> None:
                """A call on a connection that is just ending may still be answered."""
                method, request = stubs.ControlStub(channel).GetStatus, pb.GetStatusRequest()
                found = None
                async with asyncio.timeout(20):
                    while found is not wanted:
                        try:
                            await called(method, request, metadata=given)
                            found = grpc.StatusCode.OK
                        except grpc.RpcError as error:
                            found = error.code()

            await becomes(grpc.StatusCode.OK, without, metadata())
            daemon.reload(trusted)
            await becomes(grpc.StatusCode.UNAVAILABLE, without, metadata())
            await becomes(grpc.StatusCode.OK, with_certificate)
            stub = stubs.ControlStub(with_certificate)
            stream = stub.StreamEvents(pb.StreamEventsRequest(), timeout=20)
            await asyncio.to_thread(stream.initial_metadata)
            daemon.reload(trusted.model_copy())
            assert stream.is_active()

            async def reload() -> Reloaded:
                tls.ca.write_text(Authority().certificate)
                daemon.reload(trusted.model_copy())
                await asyncio.to_thread(list, stream)  # ends
                return Reloaded(changed=("control.tls_client_ca",))

            daemon.control.on_reload = reload
            assert (await called(stub.Reload, pb.ReloadRequest())).changed, "it is answered"
            await becomes(grpc.StatusCode.UNAVAILABLE, with_certificate)
            tls.ca.write_text(tls.ours.certificate)
            daemon.reload(trusted.model_copy())
            await becomes(grpc.StatusCode.OK, with_certificate)


async def test_a_reload_has_read_all_files_before_it_takes_effect(
    tls: Tls, pb: Any, stubs: Any
) -> None:
    """With several workers, these start in between, and files may have gone by then."""
    tls.ca.write_text(Authority().certificate)
    settings = tls.settings(actors=("*",))
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        tls.ca.write_text(tls.ours.certificate)
        take_effect = daemon._operators.reload(settings.model_copy())
        tls.server.unlink()
        tls.ca.unlink()
        take_effect()
        rpc = daemon._operators._rpc
        assert rpc is not None
        await until(lambda: not rpc._ending)  # the server before, which might cancel the call
        known = tls.credentials(tls.ours.issue("client"))
        with grpc.secure_channel(f"127.0.0.1:{daemon.grpc_port}", known) as channel:
            stub = stubs.ControlStub(channel)
            await called(stub.GetStatus, pb.GetStatusRequest(), wait_for_ready=True)


async def test_connections_are_limited(tmp_path: Path) -> None:
    settings = control_settings(tmp_path, grpc=True, grpc_port=0, max_connections=2)
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        streams = [await asyncio.open_connection("127.0.0.1", daemon.grpc_port) for _ in range(3)]
        async with asyncio.timeout(20):
            greetings = [await reader.read(1) for reader, _ in streams]
        assert sorted(map(len, greetings)) == [0, 1, 1], "one was closed"
        for _, writer in streams:
            writer.close()


async def test_a_certificate_has_the_same_names_as_over_http(
    tls: Tls, pb: Any, stubs: Any, tmp_path: Path
) -> None:
    file = tmp_path / "client.pem"
    address = x509.IPAddress(ip_address("10.0.0.1"))
    other = x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))
    host, uri = x509.DNSName("10.0.0.2"), x509.UniformResourceIdentifier("spiffe://example/ops")
    async with running_daemon(SketchHandler, settings=tls.settings(actors=("*",))) as daemon:
        url = f"https://127.0.0.1:{daemon.control_port}/v1/drain"
        at = f"127.0.0.1:{daemon.grpc_port}"
        with daemon.registry.events.subscribe() as events:
            for alternatives, expected in (
                ((address,), "10.0.0.1"),
                ((x509.IPAddress(ip_address("2001:db8::1")),), "2001:db8::1"),
                ((other,), "ann"),
                ((address, host), "10.0.0.2"),
                ((uri, x509.RFC822Name("ann@example.com")), "spiffe://example/ops"),
                ((x509.RFC822Name("ann@example.com"), uri), "spiffe://example/ops"),
            ):
                client = tls.ours.issue("ann", alternatives=alternatives)
                file.write_text(client.certificate + client.key)
                known = ssl.create_default_context(cafile=tls.ca)
                known.load_cert_chain(file)
                async with aiohttp.ClientSession() as http, http.post(url, ssl=known) as response:
                    assert response.status == 200
                with grpc.secure_channel(at, tls.credentials(client)) as channel:
                    await called(stubs.ControlStub(channel).Drain, pb.DrainRequest())
                acts = [await anext(events), await anext(events)]
                assert acts == [OperatorActed(expected, "127.0.0.1", "drain")] * 2


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.1:4242", "10.0.0.1"),
        ("ipv6:%5B::1%5D:4242", "::1"),
        ("ipv6:[fe80::1%25eth0]:4242", "fe80::1%eth0"),
        ("ipv6:[::ffff:10.0.0.1]:4242", "10.0.0.1"),
        ("unix:", "unix:"),
    ],
)
def test_peers_have_addresses(peer: str, address: str) -> None:
    assert address_of(SimpleNamespace(peer=lambda: peer)) == address


async def test_a_port_in_use_prevents_the_start(site: Site, tmp_path: Path) -> None:
    port = site.daemon.grpc_port
    settings = control_settings(tmp_path, grpc=True, grpc_port=port, unix_socket=None, http=False)
    with pytest.raises(SettingsError, match="another program"):
        async with running_daemon(SketchHandler, settings=settings):
            pass
