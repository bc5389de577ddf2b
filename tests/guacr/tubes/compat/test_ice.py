"""The ICE servers that callers of `create_tube` name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from guacr.tubes.compat.dictionary import IceOptions
from guacr.tubes.compat.ice import Network, ice_settings
from guacr.tubes.errors import TubeSettingsError
from guacr.tubes.rtc.ice.settings import IceSettings
from guacr.tubes.rtc.peer import PeerConnection, PeerSettings
from tests.support.coturn import coturn

TURN = {"turn_username": "u", "turn_password": "p"}


def made(network: Network | None = None, **options: Any) -> IceSettings:
    return ice_settings(network or Network(), IceOptions(**options), IceSettings())


def urls(network: Network | None = None, **options: Any) -> list[str]:
    return [server.url for server in made(network, **options).servers]


def test_the_servers_that_commander_names_are_asked_once() -> None:
    settings = made(
        Network("relay.example"),
        relay_url="relay.example",
        stun_url="stun:relay.example:3478",
        turn_url="turn:relay.example:3478",
        **TURN,
    )

    assert [server.url for server in settings.servers] == [
        "stun:relay.example:3478",
        "turn:relay.example:3478",
    ]
    assert (settings.servers[1].username, settings.servers[1].credential) == ("u", "p")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        ({"use_turn": False, "turn_url": "turn:h", **TURN}, []),
        ({"turn_url": "h", **TURN}, ["turn:h:3478"]),
        ({"turn_url": "h:5000?transport=tcp", **TURN}, ["turn:h:5000?transport=tcp"]),
        ({"turn_url": "turns:h:443", **TURN}, ["turns:h:443"]),
        ({"relay_url": "h"}, ["stun:h:3478"]),
    ],
)
def test_servers(options: dict[str, Any], expected: list[str]) -> None:
    assert urls(**options) == expected


@pytest.mark.parametrize(
    ("relay", "host", "port"),
    [
        ("relay.example", "relay.example", 3478),
        ("relay.example:5000", "relay.example", 5000),
        ("192.0.2.1", "192.0.2.1", 3478),
        ("192.0.2.1:5000", "192.0.2.1", 5000),
        ("2001:db8::1", "2001:db8::1", 3478),
        ("[2001:db8::1]", "2001:db8::1", 3478),
        ("[2001:db8::1]:5000", "2001:db8::1", 5000),
        ("stun:relay.example:5000", "relay.example", 5000),
    ],
)
def test_forms_of_a_relay(relay: str, host: str, port: int) -> None:
    (server,) = made(Network(relay)).servers

    assert (server.scheme, server.host, server.port) == ("stun", host, port)


@pytest.mark.parametrize("relay", ["a b", "h:port", "h:0", "h:70000", "[::1", "http://h/"])
def test_relays_that_are_none(relay: str) -> None:
    with pytest.raises(TubeSettingsError, match=r"STUN|port"):
        made(Network(relay))


def test_turn_without_credentials() -> None:
    with pytest.raises(TubeSettingsError, match="needs a username and a credential"):
        made(turn_url="turn:h")


def test_the_network() -> None:
    network = Network(interfaces=("eth0",), turn_authorities="PEM")
    settings = made(network, turn_only=True, loopback=True, turn_url="turns:h", **TURN)

    assert settings.interfaces == ("eth0",)
    assert settings.servers[0].authorities == "PEM"
    assert settings.relay_only
    assert settings.loopback


def test_servers_of_the_environment_are_beside_a_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPER_GATEWAY_STUN_URL", "stun:s:1")
    monkeypatch.setenv("KEEPER_GATEWAY_TURN_URL", "turn:t:2")
    monkeypatch.setenv("KEEPER_GATEWAY_TURN_USERNAME", "u")
    monkeypatch.setenv("KEEPER_GATEWAY_TURN_PASSWORD", "p")

    assert urls() == []
    assert urls(Network("h")) == ["stun:s:1", "turn:t:2"]
    assert urls(Network("h"), use_turn=False) == ["stun:s:1"]


def test_limits_stay() -> None:
    base = replace(IceSettings(), relay_only=True, gather_timeout=1.0)

    settings = ice_settings(Network(), IceOptions(), base)

    assert settings.relay_only
    assert settings.gather_timeout == 1.0


@pytest.mark.parametrize("authority", [True, False])
async def test_a_turn_server_whose_authority_is_the_callers(authority: bool) -> None:
    async with coturn() as server:
        turn = server.server("tls")
        options = IceOptions(
            turn_only=True,
            turn_url=turn.url,
            turn_username=turn.username,
            turn_password=turn.credential,
            loopback=True,
        )
        network = Network(turn_authorities=turn.authorities if authority else "")
        ice = ice_settings(network, options, IceSettings())
        peer = PeerConnection(PeerSettings(ice=ice, trickle=False), offers=True)

        assert (" typ relay" in await peer.create_offer()) is authority

        await peer.close()
