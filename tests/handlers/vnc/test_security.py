"""Logins: VeNCrypt with real servers, versions, refusals, and questions that nobody answers."""

from __future__ import annotations

import hashlib
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.session import questions
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.vnc import server
from tests.support.certificates import Authority
from tests.support.freed import freed
from tests.support.rfb_server import RfbPeer, rfb_server
from tests.support.scripted_host import saying, scripted_host
from tests.support.waiting import until
from tests.support.xvnc import Desktop, password_file, xvnc


async def refusal(daemon: Daemon, parameters: dict[str, str]) -> tuple[str, int]:
    """The error of a connection that shows nothing."""
    async with await GuacClient.connect(address(daemon), "vnc", parameters) as client:
        await client.wait_closed()
        assert client.state.syncs == 0
    ((sentence, status),) = client.state.errors
    return sentence, status


async def is_shown(daemon: Daemon, parameters: dict[str, str]) -> None:
    async with await GuacClient.connect(address(daemon), "vnc", parameters) as client:
        await client.wait(lambda: client.state.syncs or client.state.errors, "the desktop")
        assert not client.state.errors


@asynccontextmanager
async def secured(
    directory: Path, kind: str, authority: Authority, *, host: str = ""
) -> AsyncIterator[Desktop]:
    """Xvnc with one security type, the password "secret12" and a certificate of `authority`."""
    pair = authority.issue("server", host=host)
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    certificate.write_text(pair.certificate)
    key.write_text(pair.key)
    options = [
        "-SecurityTypes", kind, "-PasswordFile", str(password_file(directory, "secret12")),
        "-X509Cert", str(certificate), "-X509Key", str(key),
    ]  # fmt: skip
    async with xvnc(*options) as desktop:
        yield desktop


@pytest.mark.parametrize("kind", ["TLSNone", "TLSVnc", "X509None", "X509Vnc"])
async def test_types_with_tls(daemon: Daemon, tmp_path: Path, kind: str) -> None:
    authority = Authority()
    async with secured(tmp_path, kind, authority) as desktop:
        parameters = desktop.parameters | {"ca-cert": authority.certificate}
        await is_shown(daemon, parameters | {"password": "secret12"})
        if kind.endswith("Vnc"):
            sentence, status = await refusal(daemon, parameters | {"password": "wrong"})
            assert status == Status.CLIENT_UNAUTHORIZED
            assert "Authentication failure" in sentence


async def test_a_wrong_authority(daemon: Daemon, tmp_path: Path) -> None:
    async with secured(tmp_path, "X509None", Authority()) as desktop:
        parameters = desktop.parameters | {"ca-cert": Authority().certificate}
        sentence, status = await refusal(daemon, parameters)
        assert status == Status.UPSTREAM_ERROR
        assert "the certificate of host '127.0.0.1' is not trusted" in sentence
        assert "cert-fingerprints to its fingerprint" in sentence
        await is_shown(daemon, parameters | {"ignore-cert": "true"})


async def test_a_certificate_of_another_host(daemon: Daemon, tmp_path: Path) -> None:
    authority = Authority()
    async with secured(tmp_path, "X509None", authority, host="other.example") as desktop:
        parameters = desktop.parameters | {"ca-cert": authority.certificate}
        sentence, status = await refusal(daemon, parameters)
        assert status == Status.UPSTREAM_ERROR
        assert "IP address mismatch" in sentence
        await is_shown(daemon, parameters | {"ignore-cert": "true"})


async def test_a_pinned_certificate(daemon: Daemon, tmp_path: Path) -> None:
    async with secured(tmp_path, "X509Vnc", Authority(), host="other.example") as desktop:
        parameters = desktop.parameters | {"password": "secret12"}
        wrong = {"cert-fingerprints": "00" * 32}
        sentence, status = await refusal(daemon, parameters | wrong)
        assert status == Status.UPSTREAM_ERROR
        assert "is not the one expected by cert-fingerprints" in sentence
        pem = (tmp_path / "certificate.pem").read_text()
        shown = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
        assert shown in sentence
        colons = ":".join(shown[at : at + 2] for at in range(0, 64, 2)).upper()
        await is_shown(daemon, parameters | {"cert-fingerprints": f"{'00' * 32}, SHA256:{colons}"})


async def test_a_pinned_connection_accepts_no_anonymous_tls(daemon: Daemon) -> None:
    async with xvnc("-SecurityTypes", "TLSNone,VncAuth,None") as desktop:
        pinned = desktop.parameters | {"cert-fingerprints": "00" * 32}
        sentence, status = await refusal(daemon, pinned)
    assert status == Status.UNSUPPORTED
    assert "only security types without a key of its own (1, 2, 257)" in sentence


@pytest.mark.parametrize("pins", ["00" * 31, "x" * 64, ",".join(["0" * 62 + f"{n}" for n in "ab"])])
async def test_fingerprints_that_are_none(daemon: Daemon, pins: str) -> None:
    parameters = {"hostname": "127.0.0.1", "cert-fingerprints": pins}
    sentence, status = await refusal(daemon, parameters)
    assert status == Status.CLIENT_BAD_REQUEST
    assert "which is not a SHA-256 fingerprint" in sentence


@pytest.mark.parametrize("pins", [" ", ","])
async def test_an_empty_list_of_fingerprints_does_not_accept_every_host(
    daemon: Daemon, tmp_path: Path, pins: str
) -> None:
    async with secured(tmp_path, "X509None", Authority()) as desktop:
        empty = desktop.parameters | {"cert-fingerprints": pins}
        sentence, status = await refusal(daemon, empty)
    assert status == Status.CLIENT_BAD_REQUEST
    assert "cert-fingerprints contains no fingerprint" in sentence


async def test_a_server_that_breaks_off_tls(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        assert await peer.choose(19) == 19
        peer.send(b"\0\2")
        assert await peer.read(2) == b"\0\2"
        peer.send(b"\0\1", struct.pack(">I", 260))
        assert await peer.read(4) == struct.pack(">I", 260)
        peer.send(b"\1")
        await peer.read(10)
        peer.send(b"this is no TLS at all")

    async with rfb_server(script) as server:
        sentence, status = await refusal(daemon, server.parameters)
    assert status == Status.UPSTREAM_ERROR
    assert "TLS with host '127.0.0.1' has failed" in sentence


async def test_name_and_password_in_the_clear(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(19)
        peer.send(b"\0\2")
        await peer.read(2)
        peer.send(b"\0\2", struct.pack(">II", 2, 256))
        assert await peer.read(4) == struct.pack(">I", 256)
        assert await peer.read(8) == struct.pack(">II", 3, 5)
        assert await peer.read(8) == b"ada" + "gehé".encode()
        peer.send(bytes(4))
        await peer.begin()
        await peer.ended()

    async with rfb_server(script) as server:
        await is_shown(daemon, server.parameters | {"username": "ada", "password": "gehé"})


async def test_a_refusal_in_the_form_of_no_security_types(daemon: Daemon) -> None:
    """As neatvnc 0.5 sends it, whose reason is uninitialized memory."""

    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(2)
        peer.send(bytes(16))
        await peer.read(16)
        peer.send(b"\0\0\0\0\x1c", bytes(28))
        await peer.ended()

    async with rfb_server(script) as server:
        sentence, status = await refusal(daemon, server.parameters | {"password": "wrong"})
    assert status == Status.CLIENT_UNAUTHORIZED
    assert sentence.startswith("the VNC server refuses the login; check the password")


@pytest.mark.parametrize("parting", [b"", b"\0\0\0\1", b"\0\0\0\1\0\0\0\x09broken"])
@pytest.mark.parametrize("resets", [False, True])
async def test_servers_that_close_the_connection_as_their_refusal(
    daemon: Daemon, parting: bytes, resets: bool
) -> None:
    """As x11vnc sometimes does with TLS."""

    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(2)
        peer.send(bytes(16))
        await peer.read(16)
        peer.send(parting)
        if resets:
            peer.reset()

    async with rfb_server(script) as server:
        parameters = server.parameters | {"password": "wrong", "autoretry": "5"}
        sentence, status = await refusal(daemon, parameters)
        assert server.connections == 1
    assert status == Status.CLIENT_UNAUTHORIZED
    assert "closed the connection instead of accepting the login" in sentence


@pytest.mark.parametrize("inner", [18, 19])
async def test_tls_within_tls(daemon: Daemon, inner: int) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        assert await peer.choose(18, 1) == 18
        await peer.start_tls()
        await peer.choose(inner)

    async with rfb_server(script) as server:
        sentence, status = await refusal(daemon, server.parameters)
    assert status == Status.UPSTREAM_ERROR
    assert sentence == "the VNC server sent TLS within TLS"


async def test_version_3_3(daemon: Daemon) -> None:
    """The server alone decides how the client logs in; without a login there is no result."""

    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.003", b"003.003")
        peer.send(struct.pack(">I", 1))
        await peer.begin()
        await peer.ended()

    async with rfb_server(script) as server:
        await is_shown(daemon, server.parameters)


@pytest.mark.parametrize(("version", "kind"), [(b"003.003", 2), (b"003.007", 2)])
@pytest.mark.parametrize(
    ("result", "told"), [(1, "refuses the login"), (2, "'too many attempts'; check the password")]
)
async def test_refusals_without_a_reason(
    daemon: Daemon, version: bytes, kind: int, result: int, told: str
) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(version, version)
        if version == b"003.003":
            peer.send(struct.pack(">I", kind))
        else:
            assert await peer.choose(kind) == kind
        peer.send(bytes(16))
        await peer.read(16)
        peer.send(struct.pack(">I", result))
        await peer.ended()

    async with rfb_server(script) as server:
        parameters = server.parameters | {"password": "wrong", "autoretry": "5"}
        sentence, status = await refusal(daemon, parameters)
    assert status == Status.CLIENT_UNAUTHORIZED
    assert told in sentence
    assert server.connections == 1


async def test_version_3_7_without_a_login(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.007", b"003.007")
        assert await peer.choose(1) == 1
        await peer.begin()
        await peer.ended()

    async with rfb_server(script) as server:
        await is_shown(daemon, server.parameters)


async def test_too_many_failures_are_told_in_the_servers_words(
    daemon: Daemon, tmp_path: Path
) -> None:
    path = password_file(tmp_path, "secret12")
    options = ["-PasswordFile", str(path), "-BlacklistThreshold", "1"]
    async with xvnc("-SecurityTypes", "VncAuth", *options) as desktop:
        wrong = desktop.parameters | {"password": "wrong", "autoretry": "5"}
        sentences = [await refusal(daemon, wrong) for _ in range(3)]
    assert "Authentication failure" in sentences[0][0]
    told = "'Too many security failures'; check the password, and connect again in half a minute"
    assert told in sentences[-1][0]
    assert {status for _, status in sentences} == {Status.CLIENT_UNAUTHORIZED}


async def ask_for_a_password(peer: RfbPeer) -> None:
    await peer.versions(b"003.008", b"003.008")
    await peer.choose(2)
    peer.send(bytes(16))
    await peer.ended()


async def test_a_question_that_nobody_answers(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions.Questions.ask, "__defaults__", (0.2,))
    async with rfb_server(ask_for_a_password) as server:
        async with await GuacClient.connect(address(daemon), "vnc", server.parameters) as client:
            await client.wait_closed()
        ((sentence, status),) = client.state.errors
        assert client.state.required == [("password",)]
        assert status == Status.CLIENT_TIMEOUT
        assert "password was not entered" in sentence
        assert server.connections == 1


@pytest.mark.parametrize("politely", [True, False])
async def test_a_client_that_leaves_while_it_is_asked(daemon: Daemon, politely: bool) -> None:
    left: list[bool] = []

    async def script(peer: RfbPeer) -> None:
        await ask_for_a_password(peer)
        left.append(True)

    async with rfb_server(script) as server, freed(daemon.registry):
        client = await GuacClient.connect(address(daemon), "vnc", server.parameters)
        await client.wait(lambda: client.state.required, "the question")
        await client.close(politely=politely)
        await until(lambda: left, "the connection's end")


async def cancel(daemon: Daemon, parameters: dict[str, str]) -> None:
    """Leave when asked for the password."""
    async with await GuacClient.connect(address(daemon), "vnc", parameters) as client:
        await client.wait(lambda: client.state.required, "the question")


async def test_cancelled_questions_do_not_lock_the_daemon_out(
    daemon: Daemon, tmp_path: Path
) -> None:
    path = str(password_file(tmp_path, "secret12"))
    options = ("-SecurityTypes", "VncAuth", "-PasswordFile", path, "-BlacklistThreshold", "3")
    async with xvnc(*options) as desktop:
        for _ in range(2):
            for _ in range(4):
                await cancel(daemon, desktop.parameters)
            await is_shown(daemon, desktop.parameters | {"password": "secret12"})


async def test_who_cancels_is_asked_before_the_next_login(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(2)
        peer.send(bytes(16))
        await peer.read(16)
        peer.send(bytes(4))
        await peer.begin()
        await peer.ended()

    async with rfb_server(script) as server:
        for count in (1, 1, 2):
            async with await GuacClient.connect(
                address(daemon), "vnc", server.parameters
            ) as client:
                await client.wait(lambda: client.state.required, "the question")
                assert server.connections == 1
                if count == 2:
                    client.argv("password", "secret12")
                    await client.wait(lambda: client.canvas.size == (64, 48), "the desktop")
            assert server.connections == count
        async with await GuacClient.connect(address(daemon), "vnc", server.parameters) as client:
            await client.wait(lambda: client.state.required, "the question")
            assert server.connections == 3


async def test_a_server_that_leaves_while_somebody_is_asked(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(2)
        peer.send(bytes(16))

    async with (
        rfb_server(script) as server,
        await GuacClient.connect(address(daemon), "vnc", server.parameters) as client,
    ):
        await client.wait(lambda: client.state.required, "the question")
        client.argv("password", "secret12")
        await client.wait_closed()
    ((sentence, status),) = client.state.errors
    assert status == Status.UPSTREAM_ERROR
    assert "closed the connection" in sentence


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", "has sent nothing for 0.1 s, while VNC servers speak first: check host and port"),
        (b"RFB 003.008\n", "the VNC handshake with port"),
    ],
)
async def test_a_server_that_falls_silent(
    said: bytes, reason: str, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HANDSHAKE_TIMEOUT", 0.1)
    async with scripted_host(saying(said)) as parameters:
        sentence, status = await refusal(daemon, parameters)
    assert reason in sentence
    assert status == Status.UPSTREAM_TIMEOUT


async def test_a_server_of_another_protocol(daemon: Daemon) -> None:
    async with scripted_host(saying(b"SSH-2.0-OpenSSH_9.2\r\n")) as parameters:
        sentence, status = await refusal(daemon, parameters)
    assert sentence == (
        "this is not a VNC server: it begins with 'SSH-2.0-Open'; check host and port"
    )
    assert status == Status.UPSTREAM_ERROR
