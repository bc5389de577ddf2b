"""Logins with accounts of macOS and Windows, against a scripted server; the choice of a login."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Awaitable, Callable

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES128

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from tests.support.rfb_server import RfbPeer, rfb_server

PRIME = int(  # the second Oakley group (RFC 2409, 6.2)
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404"
    "DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406"
    "B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    16,
)
SMALL_PRIME = 2**61 - 1
SECRET = 0x1234567
ACCOUNT = {"username": "ada", "password": "gehéim"}
FIELDS = [b"ada", "gehéim".encode()]

Login = Callable[[RfbPeer], Awaitable[list[bytes]]]


async def apple_login(peer: RfbPeer) -> list[bytes]:
    """Apple's server side; returns user name and password."""
    prime, public = PRIME.to_bytes(128, "big"), pow(2, SECRET, PRIME).to_bytes(128, "big")
    peer.send(struct.pack(">HH", 2, 128), prime, public)
    encrypted = await peer.read(128)
    shared = pow(int.from_bytes(await peer.read(128), "big"), SECRET, PRIME)
    key = hashlib.md5(shared.to_bytes(128, "big"), usedforsecurity=False).digest()
    decryptor = Cipher(AES128(key), modes.ECB()).decryptor()
    plain = decryptor.update(encrypted)
    return [plain[:64].split(b"\0")[0], plain[64:].split(b"\0")[0]]


async def ms_login(peer: RfbPeer) -> list[bytes]:
    """UltraVNC's server side; returns user name and password."""
    peer.send(struct.pack(">QQQ", 5, SMALL_PRIME, pow(5, SECRET, SMALL_PRIME)))
    shared = pow(int.from_bytes(await peer.read(8), "big"), SECRET, SMALL_PRIME)
    key = shared.to_bytes(8, "big")
    des = bytes(sum(1 << 7 - bit for bit in range(8) if byte >> bit & 1) for byte in key)
    fields = []
    for size in (256, 64):
        decryptor = Cipher(TripleDES(des * 3), modes.CBC(key)).decryptor()
        fields.append(decryptor.update(await peer.read(size)).split(b"\0")[0])
    return fields


@pytest.mark.parametrize(
    ("version", "types", "chosen", "login"),
    [
        (b"003.889", (2, 30, 33, 36, 35), 30, apple_login),
        (b"003.008", (2, 113), 113, ms_login),
        (b"003.008", (113, 30, 2), 30, apple_login),
    ],
)
async def test_a_user_name_selects_a_login_with_accounts(
    daemon: Daemon, version: bytes, types: tuple[int, ...], chosen: int, login: Login
) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(version, b"003.008")
        assert await peer.choose(*types) == chosen
        assert await login(peer) == FIELDS
        peer.send(bytes(4))
        await peer.begin()
        await peer.ended()

    async with (
        rfb_server(script) as server,
        await GuacClient.connect(address(daemon), "vnc", server.parameters | ACCOUNT) as client,
    ):
        await client.wait(lambda: client.state.syncs or client.state.errors, "the desktop")
        assert not client.state.errors


@pytest.mark.parametrize("login", [apple_login, ms_login])
async def test_an_account_is_asked_for_and_refused_once(daemon: Daemon, login: Login) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(30 if login is apple_login else 113)
        assert await login(peer) == FIELDS
        peer.refuse("the account is locked")
        await peer.ended()

    async with rfb_server(script) as server:
        parameters = server.parameters | {"autoretry": "3"}
        async with await GuacClient.connect(address(daemon), "vnc", parameters) as client:
            await client.wait(lambda: client.state.required, "the question")
            assert client.state.required == [("username", "password")]
            for name, value in ACCOUNT.items():
                client.argv(name, value)
            await client.wait_closed()
        ((sentence, status),) = client.state.errors
        assert status == Status.CLIENT_UNAUTHORIZED
        assert "the account is locked" in sentence
        assert server.connections == 1


async def test_without_a_user_name_a_vnc_password_is_preferred(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.889", b"003.008")
        assert await peer.choose(30, 33, 2) == 2
        peer.send(bytes(16))
        await peer.read(16)
        peer.send(bytes(4))
        await peer.begin()
        await peer.ended()

    parameters = {"password": "secret12"}
    async with (
        rfb_server(script) as server,
        await GuacClient.connect(address(daemon), "vnc", server.parameters | parameters) as client,
    ):
        await client.wait(lambda: client.state.syncs or client.state.errors, "the desktop")
        assert not client.state.errors


def numbers(size: int, generator: int, prime: int, key: int) -> bytes:
    """An Apple server's numbers."""
    values = [value.to_bytes(size, "big") for value in (prime, key)]
    return struct.pack(">HH", generator, size) + b"".join(values)


@pytest.mark.parametrize(
    ("kind", "data", "sentence"),
    [
        (30, struct.pack(">HH", 2, 63), "a key of 63 bytes"),
        (30, struct.pack(">HH", 2, 513), "a key of 513 bytes"),
        (30, numbers(64, 2, 0, 0), "protect nothing"),
        (30, numbers(512, 2, PRIME, 1), "protect nothing"),
        (30, numbers(128, 2, PRIME, PRIME - 1), "protect nothing"),
        (30, numbers(128, 1, PRIME, 3), "protect nothing"),
        (113, bytes(24), "protect nothing"),
        (113, struct.pack(">QQQ", 5, SMALL_PRIME, SMALL_PRIME), "protect nothing"),
    ],
)
async def test_numbers_that_protect_nothing_are_refused(
    daemon: Daemon, kind: int, data: bytes, sentence: str
) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(kind)
        peer.send(data)
        assert not await peer.rest()

    async with rfb_server(script) as server:
        parameters = server.parameters | ACCOUNT
        async with await GuacClient.connect(address(daemon), "vnc", parameters) as client:
            await client.wait_closed()
        ((told, status),) = client.state.errors
    assert status == Status.UPSTREAM_ERROR
    assert sentence in told
