"""The hosts that are trusted, tested without connecting to any."""

from __future__ import annotations

from pathlib import Path

import pytest

from guacr.errors import BadRequestError, GuacrError
from handlers.ssh.host_keys import FILE_MAX, HostKeys, known_hosts, pinned
from tests.support.openssh import OpenSsh


def fingerprints(keys: HostKeys, host: str = "host", port: int = 22) -> list[str]:
    return keys.trust(host, "192.0.2.1", port).fingerprints


def test_a_bare_key_is_for_any_host(server: OpenSsh) -> None:
    keys = pinned(server.host_key() + " a comment")
    assert fingerprints(keys) == [server.fingerprint()]
    assert fingerprints(keys, "other", 2222) == [server.fingerprint()]


@pytest.mark.parametrize(
    ("hosts", "host", "port", "trusted"),
    [
        ("host", "host", 22, True),
        ("host", "other", 22, False),
        ("192.0.2.1", "host", 22, True),
        ("192.0.2.2", "host", 22, False),
        ("[host]:2222", "host", 2222, True),
        ("[host]:2222", "host", 22, False),
        ("host", "host", 2222, True),
        ("other,host", "host", 22, True),
        ("*.example,!bad.example", "good.example", 22, True),
        ("*.example,!bad.example", "bad.example", 22, False),
    ],
)
def test_a_line_of_known_hosts_is_for_its_hosts(
    server: OpenSsh, hosts: str, host: str, port: int, trusted: bool
) -> None:
    keys = pinned(f"{hosts} {server.host_key()}")
    assert bool(keys.trust(host, "192.0.2.1", port)) is trusted


def test_hashed_names_are_known(server: OpenSsh, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"host {server.host_key()}\n")
    server.keygen("-H", "-f", str(path))
    assert path.read_text().startswith("|1|")
    assert fingerprints(pinned(path.read_text())) == [server.fingerprint()]


def test_several_lines_comments_authorities_and_revocations(server: OpenSsh) -> None:
    authority = " ".join(server.file("authority.pub").read_text().split()[:2])
    trust = pinned(
        f"# mine\n\n{server.host_key()}\n@cert-authority *.example {authority}\n"
        f"@revoked * {server.host_key('rsa')}\n"
    ).trust("a.example", "192.0.2.1", 22)
    assert (len(trust.keys), len(trust.authorities), len(trust.revoked)) == (1, 1, 1)


@pytest.mark.parametrize(
    "text",
    ["nonsense", "host", "host ssh-ed25519", "ssh-ed25519 AAAA", "host ssh-ed25519 !!!!",
     "@cert-authority ssh-ed25519 AAAA", "SHA256:4nQnmrP4Uqwxd8ccgdG6kZF", "ключ", "host ключ",
     "-----BEGIN [b-a] PRIVATE KEY-----"],
)  # fmt: skip
def test_a_line_without_a_key_is_refused(text: str) -> None:
    with pytest.raises(BadRequestError, match="host-key"):
        pinned(text)


async def test_the_file_of_the_settings_is_read(server: OpenSsh, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"host {server.host_key()}\n")
    keys = await known_hosts(path)
    assert keys is not None
    assert fingerprints(keys) == [server.fingerprint()]
    assert fingerprints(keys, "other") == []


async def test_without_a_file_nothing_is_verified(tmp_path: Path) -> None:
    assert await known_hosts(None) is None
    assert await known_hosts(tmp_path / "none") is None


async def test_a_file_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(GuacrError, match="cannot be read: not text"):
        await known_hosts(path)
    with pytest.raises(GuacrError, match="cannot be read: is a directory"):
        await known_hosts(tmp_path)
    path.write_text("@unknown-marker host ssh-ed25519 AAAA\n")
    keys = await known_hosts(path)
    assert keys is not None
    with pytest.raises(GuacrError, match="known_hosts cannot be used"):
        keys.trust("host", "192.0.2.1", 22)
    with path.open("wb") as file:
        file.truncate(FILE_MAX + 1)
    with pytest.raises(GuacrError, match="larger than"):
        await known_hosts(path)
