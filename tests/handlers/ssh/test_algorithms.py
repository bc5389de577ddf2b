"""Hosts that know old algorithms only: refused with a sentence that helps, and reached if asked."""

from __future__ import annotations

from typing import Any

import asyncssh
import pytest

from guacr.daemon import Daemon
from guacr.errors import BadRequestError
from guacr.protocol.status import Status
from guacr.settings.models import SshSettings
from handlers.ssh.algorithms import CIPHER, HOST_KEY, KEY_EXCHANGE, MAC, Algorithms
from handlers.ssh.negotiation import NAMES_MAX, Mismatch, explained, mismatches
from handlers.ssh.params import SshParams
from tests.handlers.ssh.test_connecting import failure
from tests.support.openssh import OpenSsh
from tests.support.ssh_desk import desk, ssh_daemon
from tests.support.ssh_device import Process, device

GROUP1 = "diffie-hellman-group1-sha1"
OLD_HOSTS = {
    "group 1": (["KexAlgorithms " + GROUP1], "kex-algorithms", GROUP1),
    "group exchange": (
        ["KexAlgorithms diffie-hellman-group-exchange-sha1"],
        "kex-algorithms",
        "diffie-hellman-group-exchange-sha1",
    ),
    "MD5": (["Ciphers aes128-ctr", "MACs hmac-md5"], "macs", "hmac-md5"),
    "3DES": (["Ciphers 3des-cbc"], "ciphers", "3des-cbc"),
    "AES in CBC": (["Ciphers aes128-cbc,aes256-cbc"], "ciphers", "aes128-cbc"),
    "DSA": (["HostKeyAlgorithms ssh-dss", "HostKey host_dsa"], "host-key-algorithms", "ssh-dss"),
}


def lines_of(server: OpenSsh, name: str) -> list[str]:
    path = server.file("host_dsa")
    if name == "DSA" and not path.exists():
        server.keygen("-t", "dsa", "-f", "host_dsa", "-N", "")
    return [line.replace("host_dsa", str(path)) for line in OLD_HOSTS[name][0]]


@pytest.mark.parametrize("name", OLD_HOSTS)
async def test_an_old_host_is_told_and_reached(
    daemon: Daemon, server: OpenSsh, key: str, name: str
) -> None:
    _, parameter, algorithm = OLD_HOSTS[name]
    user = {"username": server.user, "private-key": key}
    with server.variant(*lines_of(server, name)) as address:
        sentence, status = await failure(daemon, address)
        assert status == Status.UPSTREAM_ERROR
        assert f"it offers {algorithm}" in sentence
        assert "set parameter algorithms to legacy" in sentence
        for setting in ({"algorithms": "legacy"}, {parameter: f"+{algorithm}"}):
            async with desk(daemon, address | user | setting) as person:
                await person.see("$")


async def test_the_settings_reach_an_old_host(server: OpenSsh, key: str) -> None:
    user = {"username": server.user, "private-key": key}
    lines = [f"KexAlgorithms {GROUP1}", "Ciphers 3des-cbc", "MACs hmac-md5"]
    with server.variant(*lines) as address:
        async with ssh_daemon() as daemon:
            sentence, _ = await failure(daemon, address)
            for part in (GROUP1, "3des-cbc", "hmac-md5"):
                assert part in sentence
        several: list[dict[str, Any]] = [
            {"algorithms": "legacy"},
            {"kex_algorithms": [GROUP1], "ciphers": ["+3des-cbc"], "macs": ["hmac-md5"]},
        ]
        for settings in several:
            async with ssh_daemon(**settings) as daemon, desk(daemon, address | user) as person:
                await person.see("$")


@pytest.mark.parametrize("cipher", ["arcfour", "arcfour256", "blowfish-cbc", "cast128-cbc"])
async def test_ciphers_that_no_server_has_any_more(daemon: Daemon, cipher: str) -> None:
    async def greet(process: Process, connection: object) -> None:
        process.stdout.write("old switch# ")
        await process.stdin.read(1)

    options = {"encryption_algs": [cipher], "mac_algs": ["hmac-md5-96"]}
    async with device(greet, **options) as address:
        sentence, _ = await failure(daemon, address)
        assert f"it offers {cipher}" in sentence
        async with desk(daemon, address | {"algorithms": "legacy"}) as person:
            await person.see("old switch#")


async def test_a_short_host_key_that_signs_with_sha1_is_taken(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    server.keygen("-t", "rsa", "-b", "1024", "-f", "host_short", "-N", "")
    lines = ("HostKeyAlgorithms ssh-rsa", f"HostKey {server.file('host_short')}")
    values = {"username": server.user, "private-key": key, "host-key": server.host_key("short")}
    with server.variant(*lines) as address:
        async with desk(daemon, address | values) as person:
            await person.see("$")


async def test_a_host_that_knows_no_other_signatures_of_rsa_keys(
    daemon: Daemon, server: OpenSsh
) -> None:
    async def greet(process: Process, connection: object) -> None:
        process.stdout.write("old switch# ")
        await process.stdin.read(1)

    rsa = server.make_key("-t", "rsa", "-b", "2048")
    public = asyncssh.import_private_key(rsa).export_public_key().decode()
    options = {
        "signature_algs": ["ssh-rsa"],
        "server_factory": asyncssh.SSHServer,
        "authorized_client_keys": asyncssh.import_authorized_keys(public),
    }
    async with (
        device(greet, **options) as address,
        desk(daemon, address | {"private-key": rsa}) as person,
    ):
        await person.see("old switch#")


@pytest.mark.parametrize("name", ["rot13", "+rot13", "3des-cbc,,rot13"])
async def test_an_algorithm_that_does_not_exist_is_named(
    daemon: Daemon, server: OpenSsh, name: str
) -> None:
    sentence, status = await failure(daemon, server.address | {"ciphers": name})
    assert status == Status.CLIENT_BAD_REQUEST
    assert "parameter ciphers has 'rot13'" in sentence


def chosen(value: str, **settings: object) -> list[str]:
    params = SshParams.parse({"macs": value})
    return MAC.chosen(params, SshSettings.model_validate(settings))


def test_lists_are_as_opensshs() -> None:
    usual = list(MAC.modern)
    assert chosen("") == usual
    assert chosen("hmac-md5, hmac-sha1") == ["hmac-md5", "hmac-sha1"]
    assert chosen("+hmac-md5") == [*usual, "hmac-md5"]
    assert chosen("^hmac-md5,hmac-sha1")[:2] == ["hmac-md5", "hmac-sha1"]
    assert chosen("-hmac-sha1") == [name for name in usual if name != "hmac-sha1"]
    assert chosen("", macs=["hmac-sha1"], algorithms="legacy") == ["hmac-sha1", *MAC.old[0:]]
    assert chosen("hmac-sha1", algorithms="legacy") == ["hmac-sha1"]


def test_a_connection_may_be_stricter_than_the_settings() -> None:
    params = SshParams.parse({"algorithms": "modern"})
    assert MAC.chosen(params, SshSettings(algorithms="legacy")) == list(MAC.modern)


def test_the_default_has_nothing_old() -> None:
    for kind in (KEY_EXCHANGE, HOST_KEY, CIPHER, MAC):
        assert not {"diffie-hellman-group1-sha1", "ssh-dss", "hmac-md5"} & set(kind.modern)
        assert not [name for name in kind.modern if "cbc" in name or "arcfour" in name]
        assert set(kind.old) <= kind.known


def test_a_setting_that_names_nothing_is_told() -> None:
    with pytest.raises(BadRequestError, match=r"macs under \[ssh\] has 'rot13'"):
        chosen("", macs=["rot13"])


def test_certificates_are_asked_for_only_where_an_authority_is_known() -> None:
    with_authority = Algorithms().host_key_types(["ssh-rsa"], certificates=True)
    assert with_authority[0] == "ssh-rsa-cert-v01@openssh.com"
    assert with_authority.index("ssh-ed25519-cert-v01@openssh.com") < with_authority.index(
        "ssh-rsa"
    )
    assert not [n for n in Algorithms().host_key_types([], certificates=False) if "cert" in n]


# ---- hostile hosts


def message(*lists: bytes) -> bytes:
    return b"\x14" + bytes(16) + b"".join(len(text).to_bytes(4, "big") + text for text in lists)


def exchange(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def test_what_a_host_offers_is_shown_escaped_and_in_part() -> None:
    strange = [f"\x1b[2J{number}" for number in range(100)] + ["x" * 5000]
    sentence = explained("host", [Mismatch(KEY_EXCHANGE, strange)])
    assert "\x1b" not in sentence
    assert len(sentence) < 1000
    assert sentence.count("[2J") == NAMES_MAX
    assert "none of these key exchange algorithms" in sentence


@pytest.mark.parametrize("theirs", [b"", b"\x14", message(b"a"), message(b"\xff\xff" * 6)[:40]])
def test_a_broken_message_of_a_host_does_no_harm(theirs: bytes) -> None:
    ours = message(*[b"a,b"] * 6)
    for entry in mismatches(exchange(b"SSH-2.0-us", b"SSH-2.0-them", ours, theirs)):
        assert explained("host", [entry])


def test_a_cipher_that_authenticates_needs_no_mac() -> None:
    gcm = b"aes128-gcm@openssh.com"
    ours = message(b"k", b"h", gcm, gcm, b"m", b"m")
    theirs = message(b"k", b"h", gcm, gcm, b"other", b"other")
    assert mismatches(exchange(b"", b"", ours, theirs)) == []
    theirs = message(b"k", b"h", gcm, b"x", b"other", b"other")
    assert [entry.kind for entry in mismatches(exchange(b"", b"", ours, theirs))] == [CIPHER, MAC]
