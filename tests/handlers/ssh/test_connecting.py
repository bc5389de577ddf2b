"""Hosts that cannot be connected to, or not be trusted: each has its status and its sentence."""

from __future__ import annotations

import asyncio
import pwd
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from tests.support.openssh import OpenSsh
from tests.support.scripted_host import saying, scripted_host
from tests.support.ssh_desk import desk, ssh_daemon
from tests.support.ssh_questions import Questions, asking_server
from tests.support.waiting import free_port


@asynccontextmanager
async def talking_at_once(server: OpenSsh) -> AsyncIterator[dict[str, str]]:
    """A way to the server on which all that follows its first line comes along with its end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, towards_host = await asyncio.open_connection(server.host, server.port)
        writer.write(await host.readline())

        async def pass_on() -> None:
            while data := await reader.read(4096):
                towards_host.write(data)

        passing = asyncio.create_task(pass_on())
        writer.write(await host.read())
        writer.close()
        passing.cancel()
        towards_host.close()

    between = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with between:
        yield {"hostname": "127.0.0.1", "port": str(between.sockets[0].getsockname()[1])}


async def failure(daemon: Daemon, parameters: dict[str, str]) -> tuple[str, int]:
    values = {"username": "ann", "password": "secret-x"} | parameters
    async with await GuacClient.connect(("127.0.0.1", daemon.port), "ssh", values) as client:
        await client.wait(lambda: client.state.errors, "an error")
        await client.wait_closed()
        ((sentence, status),) = client.state.errors
    assert "secret-x" not in sentence
    assert not sentence.endswith(".")
    return sentence, status


async def test_no_host(daemon: Daemon) -> None:
    sentence, status = await failure(daemon, {})
    assert (sentence, status) == (
        "parameter hostname is empty: name the host to connect to",
        Status.CLIENT_BAD_REQUEST,
    )


async def test_a_closed_port(daemon: Daemon) -> None:
    port = free_port()
    sentence, status = await failure(daemon, {"hostname": "127.0.0.1", "port": str(port)})
    assert status == Status.UPSTREAM_UNAVAILABLE
    assert f"refuses connections to port {port}" in sentence


async def test_an_unknown_name(daemon: Daemon) -> None:
    sentence, status = await failure(daemon, {"hostname": "host.invalid"})
    assert status == Status.UPSTREAM_NOT_FOUND
    assert "'host.invalid' is unknown" in sentence


async def test_a_silent_host() -> None:
    async with ssh_daemon(handshake_timeout=0.3) as daemon, scripted_host(saying(b"")) as silent:
        started = time.monotonic()
        sentence, status = await failure(daemon, silent)
        assert time.monotonic() - started < 2
    assert status == Status.UPSTREAM_TIMEOUT
    assert "no SSH server sent a greeting within 0.3 s" in sentence


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"SSH-1.5-Ancient\r\n", "SSH-1.5-Ancient"),
        (b"\x00\x01\x02\xff\x1b[31m" + b"z" * 500, "�[31mzzz"),
        (b"220 mail.example ESMTP\r\n" * 2000, "220 mail.example ESMTP"),
    ],
)
async def test_another_server(daemon: Daemon, data: bytes, shown: str) -> None:
    async with scripted_host(saying(data, closing=True)) as other:
        sentence, status = await failure(daemon, other)
    assert status == Status.UPSTREAM_ERROR
    assert "is not an SSH server" in sentence
    assert shown in sentence
    assert len(sentence) < 200


async def test_another_server_that_waits() -> None:
    greeting = b"J\x00\x00\x008.0.36"
    async with (
        ssh_daemon(handshake_timeout=0.3) as daemon,
        scripted_host(saying(greeting)) as database,
    ):
        sentence, status = await failure(daemon, database)
    assert status == Status.UPSTREAM_ERROR
    assert "8.0.36" in sentence


async def test_a_host_that_closes_at_once(daemon: Daemon) -> None:
    async with scripted_host(saying(b"", closing=True)) as closed:
        sentence, status = await failure(daemon, closed)
    assert status == Status.UPSTREAM_ERROR
    assert "closed the connection before saying anything" in sentence


async def test_a_host_that_breaks_off_in_the_key_exchange(daemon: Daemon) -> None:
    async with scripted_host(saying(b"SSH-2.0-Broken\r\n", closing=True)) as broken:
        sentence, status = await failure(daemon, broken)
    assert status == Status.UPSTREAM_ERROR
    assert "was lost" in sentence


async def test_a_host_that_sends_nonsense_in_the_key_exchange(daemon: Daemon) -> None:
    async with scripted_host(saying(b"SSH-2.0-Broken\r\n" + b"nonsense" * 100)) as broken:
        _, status = await failure(daemon, broken)
    assert status == Status.UPSTREAM_ERROR


async def test_a_login_that_takes_too_long() -> None:
    questions = Questions([("", [("Password: ", False)], ["right"])])
    async with (
        ssh_daemon(login_timeout=0.5) as daemon,
        asking_server(questions) as address,
        desk(daemon, address) as person,
    ):
        await person.see("Password:")
        sentence, status = await person.failure()
    assert status == Status.UPSTREAM_TIMEOUT
    assert "took longer than 0.5 s" in sentence


async def test_a_cipher_that_does_not_exist(server: OpenSsh) -> None:
    async with ssh_daemon(ciphers=["rot13"]) as daemon:
        sentence, _ = await failure(daemon, server.address)
    assert "rot13" in sentence


async def test_no_common_cipher(server: OpenSsh) -> None:
    async with ssh_daemon(ciphers=["aes128-cbc"]) as daemon:
        sentence, status = await failure(daemon, server.address)
    assert status == Status.UPSTREAM_ERROR
    assert "no matching encryption algorithm" in sentence


async def test_no_common_cipher_and_a_host_that_hangs_up_at_once(server: OpenSsh) -> None:
    async with ssh_daemon(ciphers=["aes128-cbc"]) as daemon, talking_at_once(server) as address:
        sentence, _ = await failure(daemon, address)
    assert "no matching encryption algorithm" in sentence


async def test_a_daemon_whose_user_has_no_name(
    daemon: Daemon, server: OpenSsh, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container that runs under an arbitrary number."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)

    def nobody(number: int) -> pwd.struct_passwd:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    async with desk(daemon, server.address | {"username": server.user, "private-key": key}) as who:
        await who.see("$")


# ---- host keys


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
async def test_a_pinned_host(daemon: Daemon, server: OpenSsh, key: str, kind: str) -> None:
    values = {"username": server.user, "private-key": key, "host-key": server.host_key(kind)}
    async with desk(daemon, server.address | values) as person:
        await person.see("$")
        assert "not verified" not in person.text


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
async def test_another_host_than_the_pinned_one(daemon: Daemon, server: OpenSsh, kind: str) -> None:
    server.make_key("-t", kind, authorize=False)
    newest = max(server.file(".").glob("key_*.pub"), key=lambda path: path.stat().st_mtime_ns)
    other = " ".join(newest.read_text().split()[:2])
    sentence, status = await failure(daemon, server.address | {"host-key": other})
    assert status == Status.UPSTREAM_ERROR
    assert "is not the one expected by parameter host-key" in sentence
    assert f"it shows {server.fingerprint()} instead of SHA256:" in sentence


async def test_a_pinned_key_of_another_host(daemon: Daemon, server: OpenSsh) -> None:
    values = {"host-key": f"elsewhere.example {server.host_key()}"}
    sentence, status = await failure(daemon, server.address | values)
    assert status == Status.UPSTREAM_ERROR
    assert "is not in parameter host-key" in sentence


async def test_a_revoked_key(daemon: Daemon, server: OpenSsh) -> None:
    lines = f"{server.host_key()}\n@revoked * {server.host_key()}"
    sentence, status = await failure(daemon, server.address | {"host-key": lines})
    assert status == Status.UPSTREAM_ERROR
    assert "is revoked" in sentence


async def test_a_host_key_that_is_none(daemon: Daemon, server: OpenSsh) -> None:
    sentence, status = await failure(daemon, server.address | {"host-key": "nonsense"})
    assert status == Status.CLIENT_BAD_REQUEST
    assert "'nonsense'" in sentence


async def test_a_host_in_the_file_of_known_hosts(server: OpenSsh, key: str, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"[127.0.0.1]:{server.port} {server.host_key('rsa')}\n")
    values = server.address | {"username": server.user, "private-key": key}
    async with ssh_daemon(known_hosts=path) as daemon, desk(daemon, values) as person:
        await person.see("$")
        assert "not verified" not in person.text


async def test_a_host_that_is_not_in_the_file(server: OpenSsh, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"elsewhere.example {server.host_key()}\n")
    async with ssh_daemon(known_hosts=path) as daemon:
        sentence, status = await failure(daemon, server.address)
    assert status == Status.UPSTREAM_ERROR
    assert f"is not in known hosts file {path}: it shows {server.fingerprint()}" in sentence


# ---- host certificates


def host_certificate(server: OpenSsh, *options: str) -> tuple[str, str]:
    """The line of sshd's that shows a certificate made with the options, and that which trusts."""
    server.keygen("-s", "authority", "-I", "host", "-h", *options, "host_ed25519.pub")
    authority = " ".join(server.file("authority.pub").read_text().split()[:2])
    return f"HostCertificate {server.file('host_ed25519-cert.pub')}", authority


async def test_a_host_with_a_certificate(daemon: Daemon, server: OpenSsh, key: str) -> None:
    line, authority = host_certificate(server, "-n", "127.0.0.1")
    values = {"username": server.user, "private-key": key}
    values["host-key"] = f"@cert-authority * {authority}"
    with server.variant(line) as address:
        async with desk(daemon, address | values) as person:
            await person.see("$")
            assert "not verified" not in person.text


@pytest.mark.parametrize(
    ("options", "why"),
    [(("-n", "elsewhere.example"), "principal"), (("-V", "20200101:20210101"), "expired")],
)
async def test_a_certificate_that_does_not_count(
    daemon: Daemon, server: OpenSsh, options: tuple[str, ...], why: str
) -> None:
    line, authority = host_certificate(server, *options)
    with server.variant(line) as address:
        values = address | {"host-key": f"@cert-authority * {authority}"}
        sentence, status = await failure(daemon, values)
    assert status == Status.UPSTREAM_ERROR
    assert "an invalid certificate" in sentence
    assert why in sentence


async def test_a_certificate_of_another_authority(daemon: Daemon, server: OpenSsh) -> None:
    line, _ = host_certificate(server, "-n", "127.0.0.1")
    with server.variant(line) as address:
        values = address | {"host-key": f"@cert-authority * {server.host_key('rsa')}"}
        sentence, status = await failure(daemon, values)
    assert status == Status.UPSTREAM_ERROR
    assert "is not the one expected by parameter host-key" in sentence


# ---- keys


async def test_a_certificate(daemon: Daemon, server: OpenSsh) -> None:
    unknown = server.make_key("-t", "rsa", "-b", "2048", authorize=False)
    values = {"username": server.user, "private-key": unknown}
    values["public-key"] = server.certify(unknown)
    async with desk(daemon, server.address | values) as person:
        await person.see("$")


@pytest.mark.parametrize(
    "options", [("-t", "rsa", "-b", "2048", "-m", "PEM"), ("-t", "ecdsa"), ("-t", "ed25519")]
)
async def test_keys_of_every_type(
    daemon: Daemon, server: OpenSsh, options: tuple[str, ...]
) -> None:
    values = {"username": server.user, "private-key": server.make_key(*options)}
    async with desk(daemon, server.address | values) as person:
        await person.see("$")


async def test_a_key_that_the_host_does_not_know(daemon: Daemon, server: OpenSsh) -> None:
    unknown = server.make_key("-t", "ed25519", authorize=False)
    values = {"private-key": unknown, "username": server.user, "password": ""}
    async with ssh_daemon() as other, desk(other, server.address | values) as person:
        await person.see("Password:" if server.password else "$")
        person.control("c")
        _, status = await person.failure()
        assert status == Status.SESSION_CLOSED


async def test_a_key_that_cannot_be_read(daemon: Daemon, server: OpenSsh) -> None:
    sentence, status = await failure(daemon, server.address | {"private-key": "no key"})
    assert status == Status.CLIENT_BAD_REQUEST
    assert "private-key" in sentence
