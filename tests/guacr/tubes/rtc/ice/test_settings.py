"""URLs of servers, credentials and timings."""

from __future__ import annotations

from typing import Any

import pytest

from guacr.errors import SettingsError
from guacr.tubes.errors import IceError
from guacr.tubes.rtc.ice.settings import (
    SERVERS_MAX,
    IceParameters,
    IceServer,
    IceSettings,
)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("stun:stun.example", ("stun", "stun.example", 3478, "udp")),
        ("stun:[2001:db8::1]:19302", ("stun", "2001:db8::1", 19302, "udp")),
        ("turn:192.0.2.1:80?transport=tcp", ("turn", "192.0.2.1", 80, "tcp")),
        ("turn:turn.example?transport=udp", ("turn", "turn.example", 3478, "udp")),
        ("turns:turn.example", ("turns", "turn.example", 5349, "tcp")),
        ("turns:turn.example:443?transport=tcp", ("turns", "turn.example", 443, "tcp")),
        ("turn://turn.example:3478", ("turn", "turn.example", 3478, "udp")),
    ],
)
def test_urls(url: str, parts: tuple[str, str, int, str]) -> None:
    server = IceServer(url, "user", "secret")
    assert (server.scheme, server.host, server.port, server.transport) == parts
    assert "secret" not in repr(server)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "not the URL of a STUN or TURN server: ''"),
        ("http://x", "not the URL"),
        ("stuns:x", "not the URL"),
        ("turn:", "not the URL"),
        ("turn:x:99999", "port"),
        ("turn:x:0", "port"),
        ("turn:x?transport=sctp", "not the URL"),
        ("turns:x?transport=udp", "TLS over TCP"),
        ("stun:x?transport=tcp", "asked by UDP"),
        ("turn:user@x", "not the URL"),
        ("stun:x\n", "not the URL"),
    ],
)
def test_wrong_urls_are_told(url: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        IceServer(url, "user", "secret")


def test_turn_needs_credentials() -> None:
    with pytest.raises(SettingsError, match="needs a username and a credential"):
        IceServer("turn:x", "user")
    IceServer("stun:x")


@pytest.mark.parametrize(
    "values",
    [
        {"gather_timeout": 0},
        {"description_wait": 0},
        {"ports": (0, 10)},
        {"ports": (10, 9)},
        {"ports": (65535, 65536)},
        {"keep_alive": -1},
        {"disconnected_after": float("nan")},
        {"failed_after": -1},
        {"servers": (IceServer("stun:x"),) * (SERVERS_MAX + 1)},
    ],
)
def test_settings_out_of_range(values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        IceSettings(**values)


def test_own_credentials_are_as_long_as_the_wheels() -> None:
    one, two = IceParameters.new(), IceParameters.new()
    assert (len(one.ufrag), len(one.password)) == (16, 32)
    assert one != two
    assert one.password not in repr(one)


@pytest.mark.parametrize(
    ("ufrag", "password"),
    [("abc", "x" * 22), ("abcd", "x" * 21), ("a:cd", "x" * 22), ("a" * 257, "x" * 22),
     ("abcd", "x" * 257), ("abcd", "\u00e9" * 22), ("abcd\n", "x" * 22)],
)  # fmt: skip
def test_credentials_that_are_none(ufrag: str, password: str) -> None:
    with pytest.raises(IceError) as caught:
        IceParameters(ufrag, password)
    assert password not in str(caught.value)
