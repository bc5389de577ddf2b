"""RSA-AES against a scripted server, and servers that break it."""

from __future__ import annotations

import struct

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from tests.handlers.vnc.test_security import is_shown, refusal
from tests.support.rfb_server import SIZE, RfbPeer, rfb_server
from tests.support.rsa_aes_server import RsaAesServer, RsaAesSession

RA2, RA2NE, RA2_256, RA2NE_256 = 5, 6, 129, 130
INIT = struct.pack(">HH", *SIZE) + bytes(16) + struct.pack(">I", 4) + b"desk"
WHOLE = struct.pack(">HHHHi", 0, 0, *SIZE, 0) + bytes(4 * SIZE[0] * SIZE[1])


async def begin(session: RsaAesSession) -> None:
    """Show a picture in an encrypted session, in messages that end anywhere."""
    session.send(bytes(4))
    seen = await session.read()
    assert seen[:2] == b"\1\2"
    session.send(INIT[:7])
    session.send(INIT[7:])
    seen = b""
    while len(seen) < 20 or seen[-10] != 3:
        seen += await session.read()
    update = struct.pack(">BxH", 0, 1) + WHOLE
    for at in range(0, len(update), 5000):
        session.send(update[at : at + 5000])
    while (await session.read())[-10] != 3:
        pass


@pytest.mark.parametrize("chosen", [RA2, RA2NE, RA2_256, RA2NE_256])
@pytest.mark.parametrize("username", [True, False])
async def test_the_four_types(daemon: Daemon, chosen: int, username: bool) -> None:
    keys = RsaAesServer(username=username)

    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        assert await peer.choose(2, chosen) == chosen
        session = await keys.log_in(peer, wide=chosen in (RA2_256, RA2NE_256))
        assert session.username == (b"ada" if username else b"")
        assert session.password == "gehé".encode()
        if chosen in (RA2, RA2_256):
            await begin(session)
        else:
            peer.send(bytes(4))
            await peer.begin()
        await peer.ended()

    async with rfb_server(script) as server:
        parameters = server.parameters | {"username": "ada", "password": "gehé"}
        await is_shown(daemon, parameters | {"cert-fingerprints": keys.fingerprint})
        await is_shown(daemon, parameters)


async def test_an_unknown_key_gets_no_credentials(daemon: Daemon) -> None:
    keys = RsaAesServer()

    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        assert await peer.choose(2, RA2NE) == RA2NE
        await keys.log_in(peer, wide=False)
        raise AssertionError("the client has logged in")

    async with rfb_server(script) as server:
        pinned = {"password": "x", "cert-fingerprints": "00" * 32}
        sentence, status = await refusal(daemon, server.parameters | pinned)
    assert status == Status.UPSTREAM_ERROR
    assert keys.fingerprint in sentence


async def test_a_refusal_is_encrypted(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(RA2)
        session = await RsaAesServer().log_in(peer, wide=False)
        session.send(b"\0\0\0\1\0\0\0\4nope")
        await peer.ended()

    async with rfb_server(script) as server:
        sentence, status = await refusal(daemon, server.parameters | {"password": "x"})
    assert status == Status.CLIENT_UNAUTHORIZED
    assert "refuses the login: 'nope'; check the password" in sentence


async def test_the_missing_password_is_asked_for(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(RA2NE)
        session = await RsaAesServer().log_in(peer, wide=False)
        assert session.password == b"later"
        peer.send(bytes(4))
        await peer.begin()
        await peer.ended()

    async with (
        rfb_server(script) as server,
        await GuacClient.connect(address(daemon), "vnc", server.parameters) as client,
    ):
        await client.wait(lambda: client.state.required == [("password",)], "the question")
        client.argv("password", "later")
        await client.wait(lambda: client.state.syncs, "the desktop")


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (struct.pack(">I", 512) + bytes(128), "an RSA key of 512 bits"),
        (b"\xff" * 500, "an RSA key of 4294967295 bits"),
        (struct.pack(">I", 1024) + bytes(256), "an RSA key that cannot be used"),
        (struct.pack(">I", 1024) + b"\xff" * 256, "an RSA key that cannot be used"),
        (struct.pack(">I", 8192) + b"\xff" * 1024 + b"\xfe" * 1024, "cannot be used"),
    ],
)
async def test_keys_that_are_none(daemon: Daemon, sent: bytes, told: str) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(RA2)
        peer.send(sent)
        await peer.ended()

    async with rfb_server(script) as server:
        sentence, status = await refusal(daemon, server.parameters | {"password": "x"})
    assert status == Status.UPSTREAM_ERROR
    assert told in sentence


async def test_a_message_that_was_changed(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(RA2)
        await RsaAesServer().log_in(peer, wide=False)
        peer.send(b"\0\4", bytes(4), bytes(16))
        await peer.ended()

    async with rfb_server(script) as server:
        sentence, status = await refusal(daemon, server.parameters | {"password": "x"})
    assert status == Status.UPSTREAM_ERROR
    assert "changed on its way" in sentence


async def test_pinned_connections_use_no_login_without_a_key(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        peer.send(b"\2\1\2")
        await peer.ended()

    async with rfb_server(script) as server:
        pinned = {"password": "x", "cert-fingerprints": "00" * 32}
        sentence, _ = await refusal(daemon, server.parameters | pinned)
    assert "only security types without a key of its own (1, 2)" in sentence
