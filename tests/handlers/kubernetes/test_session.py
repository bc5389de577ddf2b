"""Whole sessions with a server that speaks the API's endpoints, seen from a client."""

from __future__ import annotations

import asyncio
import errno
import gzip
import ssl
from pathlib import Path
from time import perf_counter

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.turns import TURN
from handlers.kubernetes import websocket
from tests.support.certificates import Authority
from tests.support.kube_api import PATH, KubeApi, kube_api
from tests.support.rounds import Rounds
from tests.support.scripted_host import send_reset
from tests.support.ssh_desk import desk
from tests.support.waiting import free_port, until


async def failure(daemon: Daemon, values: dict[str, str]) -> tuple[str, int]:
    async with await GuacClient.connect(("127.0.0.1", daemon.port), "kubernetes", values) as client:
        await client.wait(lambda: client.state.errors, "an error")
        await client.wait_closed()
        ((sentence, status),) = client.state.errors
    assert not sentence.endswith(".")
    assert "sesame" not in sentence
    return sentence, status


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def tls(authority: Authority, tmp_path: Path) -> ssl.SSLContext:
    return authority.server_context(tmp_path)


@pytest.mark.parametrize("version", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
async def test_a_command_runs(daemon: Daemon, version: str) -> None:
    api = KubeApi(subprotocols=(version,))
    words = {"exec-command": "sh -c 'echo \"$TERM is  $((6*7))\"; exec sh'", "container": "main"}
    async with (
        kube_api(api) as values,
        desk(daemon, values | words, protocol="kubernetes") as person,
    ):
        await person.see("linux is  42\n")
        await until(lambda: person.text.rstrip().endswith("ready>"), "a prompt")
        person.client.type("echo grüße-$((1+1))\n")
        await person.see("\ngrüße-2\n")
        person.client.type("exit 3\n")
        await person.end()
    assert api.agreed == [version]
    assert api.paths == ["/api/v1/namespaces/default/pods/web/exec"]
    assert api.queries == [
        [("stdin", "true"), ("stdout", "true"), ("tty", "true"), ("container", "main"),
         ("command", "sh"), ("command", "-c"), ("command", 'echo "linux is  $((6*7))"; exec sh')]
    ]  # fmt: skip


async def test_attaching_tells_the_size_twice(daemon: Daemon) -> None:
    api = KubeApi()
    async with kube_api(api) as values, desk(daemon, values, protocol="kubernetes") as person:
        await until(lambda: person.text.rstrip().endswith("ready>"), "a prompt")
        columns, rows, _, _ = person.handler.window
        await until(lambda: len(api.sizes) >= 2, "both sizes")
        assert api.sizes == [(columns, rows + 1), (columns, rows)]
        assert api.paths == ["/api/v1/namespaces/default/pods/web/attach"]
        person.client.size(640, 480)
        await until(lambda: person.handler.window[0] < columns, "a smaller window")
        columns, rows, _, _ = person.handler.window
        person.client.type("stty size\n")
        await person.see(f"\n{rows} {columns}\n")


async def test_much_in_both_directions(daemon: Daemon) -> None:
    async with (
        kube_api(KubeApi()) as values,
        desk(daemon, values, protocol="kubernetes") as person,
    ):
        await until(lambda: person.text.rstrip().endswith("ready>"), "a prompt")
        person.client.type("seq 60000; echo all-$((2*2)); stty -echo; wc -c\n")
        await person.see("59999\n60000\nall-4")
        for _ in range(100):
            person.client.type("x" * 99 + "\n")
        person.control("d")
        await person.see("10000\nready>")


async def test_buffered_messages_leave_others_their_turn() -> None:
    api = KubeApi()
    async with kube_api(api) as values:
        path = PATH.format(namespace="default", pod="web", action="attach")
        target = websocket.Target(
            address=f"ws://127.0.0.1:{values['port']}{path}",
            host="127.0.0.1",
            port=int(values["port"]),
            addresses=("127.0.0.1",),
            server_name="",
            tls=None,
            token="",
            timeout=10,
        )
        client = await websocket.connect(target, lambda blocked: None)
        await client.receive()
        seen: list[int] = []
        with Rounds() as rounds:
            for _ in range(8):
                await api.sockets[0].send_bytes(b"\1x")
            while len(seen) < 8:
                await client.receive()
                seen.append(rounds.count)
                end = perf_counter() + 2 * TURN
                while perf_counter() < end:
                    pass
        await client.close()
    assert len(set(seen)) == 8


async def test_tls_with_certificates_on_both_sides(
    daemon: Daemon, authority: Authority, tls: ssl.SSLContext
) -> None:
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(cadata=authority.certificate)
    own = authority.issue("ann")
    api = KubeApi()
    shown = {"client-cert": own.certificate, "client-key": own.key}
    async with kube_api(api, tls) as values:
        trusted = values | {"ca-cert": authority.certificate}
        async with desk(daemon, trusted | shown, protocol="kubernetes") as person:
            await until(lambda: person.text.rstrip().endswith("ready>"), "a prompt")
        assert api.clients == ["ann"]
        _, status = await failure(daemon, trusted)
        assert status == Status.UPSTREAM_ERROR


async def test_a_bearer_token(daemon: Daemon, authority: Authority, tls: ssl.SSLContext) -> None:
    async with kube_api(KubeApi(token="sesame"), tls) as values:
        trusted = values | {"ca-cert": authority.certificate}
        async with desk(daemon, trusted | {"token": "sesame"}, protocol="kubernetes") as person:
            await until(lambda: person.text.rstrip().endswith("ready>"), "a prompt")
        sentence, status = await failure(daemon, trusted | {"token": "sesame-not"})
    assert status == Status.CLIENT_UNAUTHORIZED
    assert "Unauthorized" in sentence


async def test_a_certificate_that_is_not_trusted(daemon: Daemon, tls: ssl.SSLContext) -> None:
    async with kube_api(KubeApi(), tls) as values:
        sentence, status = await failure(daemon, values | {"ca-cert": Authority().certificate})
        assert status == Status.UPSTREAM_ERROR
        assert "is not trusted" in sentence
        ignoring = values | {"ignore-cert": "true"}
        async with desk(daemon, ignoring, protocol="kubernetes") as person:
            await until(lambda: person.text.rstrip().endswith("ready>"), "a prompt")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (400, Status.UPSTREAM_ERROR),
        (401, Status.CLIENT_UNAUTHORIZED),
        (403, Status.CLIENT_FORBIDDEN),
        (404, Status.RESOURCE_NOT_FOUND),
        (500, Status.UPSTREAM_ERROR),
        (503, Status.UPSTREAM_UNAVAILABLE),
    ],
)
async def test_the_servers_own_words(daemon: Daemon, code: int, status: Status) -> None:
    async with kube_api(KubeApi(refusal=(code, "because\nof that"))) as values:
        sentence, told = await failure(daemon, values)
    assert told == status
    assert "'127.0.0.1' refuses: because of that; " in sentence


async def test_a_pod_that_is_not_there(daemon: Daemon) -> None:
    async with kube_api(KubeApi()) as values:
        sentence, status = await failure(daemon, values | {"pod": "gone"})
    assert status == Status.RESOURCE_NOT_FOUND
    assert 'pods "gone" not found' in sentence


async def test_a_command_that_cannot_run(daemon: Daemon) -> None:
    broken = 'exec: "nano": executable file not found in $PATH'
    async with kube_api(KubeApi(broken=broken)) as values:
        sentence, status = await failure(daemon, values | {"exec-command": "nano"})
    assert status == Status.UPSTREAM_ERROR
    assert broken in sentence


async def test_a_server_that_speaks_no_version_of_ours(daemon: Daemon) -> None:
    async with kube_api(KubeApi(subprotocols=("channel.k8s.io",))) as values:
        sentence, status = await failure(daemon, values)
    assert status == Status.UPSTREAM_ERROR
    assert "v4.channel.k8s.io" in sentence


@pytest.mark.parametrize("how", ["FIN", "RST", "goodbye"])
@pytest.mark.parametrize("secure", [False, True])
async def test_a_server_that_hangs_up(
    daemon: Daemon, authority: Authority, tls: ssl.SSLContext, how: str, secure: bool
) -> None:
    """On a status that stands for a loss, Apache Guacamole would connect again and again."""
    api = KubeApi()
    async with (
        kube_api(api, tls if secure else None) as values,
        desk(daemon, values | {"ca-cert": authority.certificate}, protocol="kubernetes") as person,
    ):
        await until(lambda: person.text.rstrip().endswith("ready>"), "a prompt")
        transport = api.sockets[0]._req.transport  # type: ignore[union-attr]
        assert transport is not None
        if how == "goodbye":
            await api.sockets[0].close(code=1001, message=b"node\x07 drains")
        elif how == "RST":
            send_reset(transport)
        else:
            transport.abort()
        await person.end()
    said = ": node? drains" if how == "goodbye" else "."
    assert person.text.rstrip().endswith(f"\nThe API server has closed the connection{said}")


async def test_a_network_that_falls_silent_is_a_loss(daemon: Daemon) -> None:
    api = KubeApi()
    async with kube_api(api) as values, desk(daemon, values, protocol="kubernetes") as person:
        await until(lambda: person.text.rstrip().endswith("ready>"), "a prompt")
        # what the kernel reports once its retransmissions have run out
        counter = person.handler._socket._counter  # type: ignore[attr-defined]
        counter.connection_lost(TimeoutError(errno.ETIMEDOUT, "timed out"))
        sentence, status = await person.failure()
    assert status == Status.UPSTREAM_TIMEOUT
    assert "has stopped answering" in sentence


async def test_a_server_that_sends_no_messages(daemon: Daemon) -> None:
    api = KubeApi()
    async with kube_api(api) as values, desk(daemon, values, protocol="kubernetes") as person:
        await until(lambda: person.text.rstrip().endswith("ready>"), "a prompt")
        transport = api.sockets[0]._req.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.write(b"\xff\xff\xff\xff")
        sentence, status = await person.failure()
    assert status == Status.UPSTREAM_ERROR
    assert "invalid WebSocket message" in sentence


async def test_a_message_that_comes_slowly_is_a_sign_of_life(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "HEARTBEAT", 1.0)  # less than the message takes
    api = KubeApi()
    async with kube_api(api) as values, desk(daemon, values, protocol="kubernetes") as person:
        await until(lambda: person.text.rstrip().endswith("ready>"), "a prompt")
        transport = api.sockets[0]._req.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.pause_reading()  # so that no ping is answered
        for byte in b"\x82\x10\1" + b"a slow message":
            transport.write(bytes([byte]))
            started = asyncio.get_running_loop().time()
            await until(
                lambda since=started: asyncio.get_running_loop().time() > since + 0.1,  # type: ignore[misc]
                "time to pass",
            )
        transport.write(b"!")
        await person.see("a slow message!")
        transport.abort()  # while the last user leaves, too


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(daemon: Daemon, code: int) -> None:
    """The token would be sent to whom nobody has named."""
    elsewhere = KubeApi()

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = request.split()[1]
        location = f"http://127.0.0.1:{target['port']}{path}"
        writer.write(
            f"HTTP/1.1 {code} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    async with server, kube_api(elsewhere) as target:
        port = str(server.sockets[0].getsockname()[1])
        values = {"hostname": "127.0.0.1", "port": port, "pod": "web", "token": "sesame"}
        sentence, status = await failure(daemon, values)
    assert elsewhere.paths == []
    assert status == Status.UPSTREAM_ERROR
    assert f"redirects to another address (HTTP status {code})" in sentence


async def test_nothing_of_the_daemons_surroundings_counts(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login daemon password sesame\n")
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text("kind: Config\nusers: [{name: a, user: {token: b}}]")
    (tmp_path / "keys").touch()
    proxy = f"http://127.0.0.1:{free_port()}"
    for name in ("http_proxy", "https_proxy", "ws_proxy", "wss_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy)
        monkeypatch.setenv(name.upper(), proxy)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / ".kube" / "config"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    api = KubeApi()
    async with kube_api(api) as values, desk(daemon, values, protocol="kubernetes") as person:
        await until(lambda: person.text.rstrip().endswith("ready>"), "a prompt")
    (headers,) = api.headers
    assert "Authorization" not in headers
    assert "Cookie" not in headers


async def test_a_refusal_that_is_compressed_is_not_unpacked(daemon: Daemon) -> None:
    body = b'{"message": "' + b"x" * 50_000_000 + b'"}'
    bomb = await asyncio.to_thread(gzip.compress, body)

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        head = f"HTTP/1.1 400 Bad\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
        writer.write(head.encode() + bomb)
        await writer.drain()
        writer.close()

    asked: list[bytes] = []
    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        port = str(server.sockets[0].getsockname()[1])
        values = {"hostname": "127.0.0.1", "port": port, "pod": "web"}
        sentence, _ = await failure(daemon, values)
    assert "HTTP status 400" in sentence
    assert b"Accept-Encoding: identity" in asked[0]


async def test_a_server_that_falls_silent(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "HEARTBEAT", 0.2)
    api = KubeApi()
    async with kube_api(api) as values, desk(daemon, values, protocol="kubernetes") as person:
        await until(lambda: person.text.rstrip().endswith("ready>"), "a prompt")
        transport = api.sockets[0]._req.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.pause_reading()
        sentence, status = await person.failure()
        transport.abort()
    assert status == Status.UPSTREAM_TIMEOUT
    assert "has stopped answering" in sentence


async def test_a_server_that_has_to_wait_or_nothing_to_say_is_not_lost(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def beats(number: float) -> None:
        end = loop.time() + number * websocket.HEARTBEAT
        await until(lambda: loop.time() > end, "time to pass")

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(websocket, "HEARTBEAT", 0.2)
    words = {"exec-command": "sh -c 'seq 200000; exec sh'"}
    async with (
        kube_api(KubeApi()) as values,
        desk(daemon, values | words, protocol="kubernetes") as person,
    ):
        person.handler.block_output(True)
        await beats(4)
        person.handler.block_output(False)
        await person.see("\n199999\n200000\nready>")
        await beats(4)
        person.client.type("echo still-$((1+1))\n")
        await person.see("still-2")
        person.client.type("exit\n")
        await person.end()


async def test_a_closed_port(daemon: Daemon) -> None:
    values = {"hostname": "127.0.0.1", "port": str(free_port()), "pod": "web"}
    sentence, status = await failure(daemon, values)
    assert status == Status.UPSTREAM_UNAVAILABLE
    assert f"port {values['port']}" in sentence


async def test_an_unknown_name(daemon: Daemon) -> None:
    _, status = await failure(daemon, {"hostname": "host.invalid", "pod": "web"})
    assert status == Status.UPSTREAM_NOT_FOUND


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_what_is_no_api_server(daemon: Daemon, said: bytes) -> None:
    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = str(server.sockets[0].getsockname()[1])
        _, status = await failure(daemon, {"hostname": "127.0.0.1", "port": port, "pod": "web"})
    assert status == Status.UPSTREAM_ERROR


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"hostname": ""}, "hostname"),
        ({"hostname": "a/b"}, "hostname"),
        ({"pod": ""}, "pod"),
        ({"pod": "../secrets"}, "pod"),
        ({"namespace": "A"}, "namespace"),
        ({"container": "a/b"}, "container"),
        ({"exec-command": "sh -c 'x"}, "exec-command"),
        ({"token": "a\nb"}, "token"),
        ({"use-ssl": "true", "ca-cert": "none"}, "ca-cert"),
        ({"use-ssl": "true", "client-cert": "none"}, "client-cert"),
    ],
)
async def test_what_cannot_be(daemon: Daemon, values: dict[str, str], named: str) -> None:
    usual = {"hostname": "127.0.0.1", "port": "1", "pod": "web"}
    sentence, status = await failure(daemon, usual | values)
    assert status == Status.CLIENT_BAD_REQUEST
    assert named in sentence
