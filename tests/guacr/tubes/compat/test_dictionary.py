"""The settings of conversations, as keeper-pam-webrtc-rs and its callers write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.tubes.compat.dictionary import IceOptions, installed_protocols, parse
from guacr.tubes.connections.allow import AllowRules
from guacr.tubes.errors import TubeSettingsError
from guacr.tubes.settings import (
    ConnectAsSettings,
    ConversationSettings,
    GuacdSettings,
    ListenerSettings,
    NoSettings,
    SocksSettings,
    TargetSettings,
)

COMMANDER = {
    "turn_only": False,
    "relay_url": "relay.example.com",
    "stun_url": "stun:relay.example.com:3478",
    "turn_url": "turn:relay.example.com:3478",
    "turn_username": "user",
    "turn_password": "a secret",
    "conversationType": "tunnel",
    "local_listen_addr": "127.0.0.1:0",
    "target_host": "db.example.com",
    "target_port": 3306,
    "socks_mode": False,
    "callback_token": "bm9uY2U=",
}
"""What Keeper Commander 18.1 passes for a tunnel."""


def offerer(**settings: Any) -> ConversationSettings | None:
    return parse({"conversationType": "tunnel"} | settings, is_offerer=True).conversation


def answerer(**settings: Any) -> ConversationSettings | None:
    return parse({"conversationType": "tunnel"} | settings, is_offerer=False).conversation


def test_what_commander_passes() -> None:
    assert parse(COMMANDER, is_offerer=True).conversation == ListenerSettings(
        "127.0.0.1", 0, socks=False
    )
    assert parse(COMMANDER, is_offerer=False).conversation == TargetSettings("db.example.com", 3306)
    assert parse(COMMANDER, is_offerer=True).ice == IceOptions(
        False,
        True,
        "turn:relay.example.com:3478",
        "user",
        "a secret",
        "stun:relay.example.com:3478",
        "relay.example.com",
    )


def test_secrets_are_not_shown() -> None:
    one = parse(
        {
            **COMMANDER,
            "conversationType": "ssh",
            "guacd_params": {"password": "a secret"},
            "connect_as_settings": {"gateway_private_key": "a secret"},
        },
        is_offerer=False,
    )

    assert "secret" not in repr(one)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:8080", ListenerSettings("127.0.0.1", 8080, socks=False)),
        ("[::1]:0", ListenerSettings("::1", 0, socks=False)),
        ("localhost:0", ListenerSettings("127.0.0.1", 0, socks=False)),
        ("", NoSettings()),
        (None, NoSettings()),
    ],
)
def test_listeners(address: object, expected: ConversationSettings) -> None:
    assert offerer(local_listen_addr=address) == expected


@pytest.mark.parametrize(
    "address", ["nonsense", "127.0.0.1", "host:80", "::1:80", "[127.0.0.1]:80", "127.0.0.1:65536",
                "127.0.0.1:-1", "127.0.0.1:²", ":80"]
)  # fmt: skip
def test_invalid_listeners_are_refused_in_known_words(address: str) -> None:
    with pytest.raises(TubeSettingsError) as caught:
        offerer(local_listen_addr=address)

    assert str(caught.value) == (
        f"Invalid server address '{address}': invalid socket address syntax"
    )


@pytest.mark.parametrize(
    "settings", [{"socks_mode": True}, {"allowed_hosts": "a"}, {"allowed_ports": "80"}]
)
def test_listeners_with_rules_speak_socks(settings: dict[str, Any]) -> None:
    assert offerer(local_listen_addr="127.0.0.1:0", **settings) == ListenerSettings(
        "127.0.0.1", 0, socks=True
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"target_host": "h", "target_port": "22"}, TargetSettings("h", 22)),
        ({"target_host": " h ", "target_port": 22}, TargetSettings("h", 22)),
        ({"guacd": {"guacd_host": "g", "guacd_port": 4822}}, TargetSettings("g", 4822)),
        ({}, TargetSettings(None, None)),
        ({"socks_mode": True}, SocksSettings(None)),
        ({"allowed_hosts": "", "allowed_ports": ""}, TargetSettings(None, None)),
        (
            {"allowed_hosts": "a, *.b ,10.0.0.0/8", "allowed_ports": "80, 443"},
            SocksSettings(AllowRules.parse(["a", "*.b", "10.0.0.0/8"], [80, 443])),
        ),
        (
            {"allowed_hosts": ["a", "*.b"], "allowed_ports": [80, "443"]},
            SocksSettings(AllowRules.parse(["a", "*.b"], [80, 443])),
        ),
        ({"allowed_ports": 80}, SocksSettings(AllowRules.parse([], [80]))),
        ({"allowed_hosts": "a\nb"}, SocksSettings(AllowRules.parse(["a", "b"], []))),
    ],
)
def test_targets(settings: dict[str, Any], expected: ConversationSettings) -> None:
    assert answerer(**settings) == expected


def test_guacd() -> None:
    kind = parse(
        {
            "conversationType": "postgresql",
            "guacd": {"guacd_host": "127.0.0.1", "guacd_port": "4822"},
            "guacd_params": {
                "protocol": "overwritten",
                "hostname": "db",
                "port": 5432,
                "read-only": True,
                "audio": ["audio/L8", "audio/L16"],
                "nothing": None,
                "ratio": 1.5,
                "extra": {"a": 1},
            },
            "connect_as_settings": {"allow_supply_user": True, "gateway_private_key": "PEM"},
        },
        is_offerer=False,
    ).conversation

    assert kind == GuacdSettings(
        "postgres",
        "127.0.0.1",
        4822,
        {
            "hostname": "db",
            "port": "5432",
            "read-only": "true",
            "audio": "audio/L8,audio/L16",
            "ratio": "1.5",
            "extra": '{"a":1}',
        },
        ConnectAsSettings(True, False, "PEM"),
    )


def test_guacd_without_address_is_this_daemon() -> None:
    kind = parse({"conversationType": "ssh"}, is_offerer=False).conversation

    assert isinstance(kind, GuacdSettings)
    assert (kind.host, kind.port) == (None, None)


def test_handlers() -> None:
    for is_offerer in (True, False):
        one = parse({"conversationType": "python_handler"}, is_offerer=is_offerer)
        assert one.conversation is None


def test_installed_protocols_are_accepted_besides_those_of_a_guacd() -> None:
    assert {"redis", "oracle", "sqlite", "testcard", "rdp"} <= installed_protocols()
    for kind in installed_protocols() | {"http"}:
        assert isinstance(answerer(conversationType=kind), GuacdSettings)


def test_loopback_candidates() -> None:
    one = parse({"conversationType": "tunnel", "loopback_candidates": True}, is_offerer=True)

    assert one.ice.loopback


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (None, "Settings parameter must be a dictionary."),
        ([], "Settings parameter must be a dictionary."),
        ({}, "No specific protocol defined (conversationType missing)"),
        ({"conversationType": "zzz"}, "Invalid conversationType string: zzz"),
        ({"conversationType": "SSH"}, "Invalid conversationType string: SSH"),
        ({"conversationType": "guacd"}, "Invalid conversationType string: guacd"),
        ({"conversationType": 7}, "Invalid conversationType string: 7"),
        (
            {"conversationType": "tunnel", "target_port": "x"},
            "target_port must be a port (1 to 65535), not 'x'",
        ),
        (
            {"conversationType": "tunnel", "target_port": True},
            "target_port must be a port (1 to 65535), not 'True'",
        ),
        (
            {"conversationType": "tunnel", "allowed_ports": "80,http"},
            "'http' in allowed_ports is no port (1 to 65535)",
        ),
        (
            {"conversationType": "tunnel", "allowed_hosts": {"a": 1}},
            "allowed_hosts must be a text with commas, or a list",
        ),
        (
            {"conversationType": "tunnel", "socks_mode": "perhaps"},
            "socks_mode must be true or false, not 'perhaps'",
        ),
        (
            {"conversationType": "tunnel", "tunnelType": "database"},
            "tunnelType 'database' is not supported: use a plain tunnel",
        ),
        ({"conversationType": "ssh", "guacd_params": "x"}, "guacd_params must be a dictionary"),
        ({"conversationType": "ssh", "turn_url": []}, "turn_url must be a text"),
    ],
)
def test_errors(settings: object, text: str) -> None:
    with pytest.raises(TubeSettingsError) as caught:
        parse(settings, is_offerer=False)

    assert str(caught.value) == text


KEYS = [*COMMANDER, "guacd", "guacd_params", "connect_as_settings", "allowed_hosts",
        "allowed_ports", "use_turn", "tunnelType"]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from(KEYS), VALUES),
    st.sampled_from(["tunnel", "ssh", "python_handler"]),
    st.booleans(),
)
def test_any_values_are_read_or_refused(
    settings: dict[str, Any], kind: str, is_offerer: bool
) -> None:
    try:
        one = parse({**settings, "conversationType": kind}, is_offerer=is_offerer)
    except TubeSettingsError:
        return
    if isinstance(one.conversation, GuacdSettings):
        assert all(isinstance(value, str) for value in one.conversation.params.values())
