from __future__ import annotations

from typing import Any

import pytest

from guacr.errors import SettingsError
from guacr.tubes.compat.local_sessions import LocalSessions
from guacr.tubes.compat.plans import Asked, Planned, Surroundings, planned
from guacr.tubes.errors import TubeSettingsError
from guacr.tubes.guacamole.guacd import GuacdBackend

TUNNEL = {"conversationType": "tunnel"}


def no_sessions() -> LocalSessions:
    raise AssertionError("it is not wanted")


def plan(settings: dict[str, Any], relay_host: str = "", *, is_answerer: bool = False) -> Planned:
    asked = Asked("c", settings, True, relay_host, is_answerer, fragmented=False)
    return planned(asked, Surroundings(no_sessions, lambda event: None, None))


def test_the_servers_that_commander_names_are_asked_once() -> None:
    found = plan(
        {
            **TUNNEL,
            "relay_url": "relay.example",
            "stun_url": "stun:relay.example:3478",
            "turn_url": "turn:relay.example:3478",
            "turn_username": "u",
            "turn_password": "p",
        },
        "relay.example",
    )

    servers = found.settings.ice.servers
    assert [server.url for server in servers] == [
        "stun:relay.example:3478",
        "turn:relay.example:3478",
    ]
    assert (servers[1].username, servers[1].credential) == ("u", "p")


def test_no_servers() -> None:
    settings = plan(TUNNEL).settings

    assert settings.ice.servers == ()
    assert not settings.ice.loopback
    assert settings.keeper_version == "2.2.9"


@pytest.mark.parametrize(
    ("settings", "urls"),
    [
        ({"use_turn": False, "turn_url": "turn:h", "turn_username": "u", "turn_password": "p"}, []),
        ({"turn_url": "h", "turn_username": "u", "turn_password": "p"}, ["turn:h"]),
        ({"turn_url": "turns:h:443", "turn_username": "u", "turn_password": "p"}, ["turns:h:443"]),
        ({"relay_url": "h"}, ["stun:h"]),
    ],
)
def test_servers(settings: dict[str, Any], urls: list[str]) -> None:
    found = plan({**TUNNEL, **settings}).settings.ice.servers

    assert [server.url for server in found] == urls


def test_an_ipv6_relay() -> None:
    assert plan(TUNNEL, "2001:db8::1").settings.ice.servers[0].host.strip("[]") == "2001:db8::1"


def test_relays_alone() -> None:
    assert plan({**TUNNEL, "turn_only": True}).settings.ice.relay_only


def test_loopback_candidates() -> None:
    assert plan({**TUNNEL, "loopback_candidates": True}).settings.ice.loopback


def test_an_invalid_server() -> None:
    with pytest.raises(SettingsError, match="not the URL of a STUN or TURN server"):
        plan({**TUNNEL, "stun_url": "stun:a b"})


def test_a_guacd() -> None:
    settings = {"conversationType": "ssh", "guacd": {"guacd_host": "h"}}

    assert isinstance(plan(settings, is_answerer=True).plan.backend, GuacdBackend)


def test_an_invalid_key_of_the_gateway() -> None:
    settings = {
        "conversationType": "ssh",
        "connect_as_settings": {"allow_supply_user": True, "gateway_private_key": "nonsense"},
    }

    with pytest.raises(TubeSettingsError, match="gateway_private_key cannot be read"):
        plan(settings, is_answerer=True)
