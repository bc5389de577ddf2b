"""The servers that browsers are told, and their credentials."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from guacr.errors import SettingsError
from guacr.settings.webrtc import WebRtcSettings
from guacr.tubes.service.ice_servers import CREDENTIAL_LIFETIME, configuration, ice_settings

NOW = 1_700_000_000.5


def settings(*servers: dict[str, str], relay_only: bool = False) -> WebRtcSettings:
    return WebRtcSettings.model_validate({"servers": servers, "relay_only": relay_only})


def test_without_servers() -> None:
    assert configuration(settings(), NOW) == {"iceServers": [], "iceTransportPolicy": "all"}
    assert ice_settings(settings(), NOW).servers == ()


def test_credentials_for_a_day() -> None:
    told = configuration(settings({"url": "turn:turn.example", "secret": "north"}), NOW)
    (server,) = told["iceServers"]
    assert server["urls"] == "turn:turn.example"
    assert server["username"] == str(1_700_000_000 + CREDENTIAL_LIFETIME)
    digest = hmac.new(b"north", server["username"].encode(), hashlib.sha1).digest()
    assert server["credential"] == base64.b64encode(digest).decode()


def test_credentials_with_a_name() -> None:
    shared = settings({"url": "turns:turn.example", "secret": "north", "username": "guacr"})
    (server,) = configuration(shared, NOW)["iceServers"]
    assert server["username"] == f"{1_700_000_000 + CREDENTIAL_LIFETIME}:guacr"
    (own,) = ice_settings(shared, NOW).servers
    assert (own.username, own.credential) == (server["username"], server["credential"])


def test_an_account() -> None:
    account = {"url": "turn:t:99?transport=tcp", "username": "ann", "credential": "word"}
    (server,) = configuration(settings(account), NOW)["iceServers"]
    assert server == {"urls": account["url"], "username": "ann", "credential": "word"}
    (own,) = ice_settings(settings(account), NOW).servers
    assert (own.port, own.transport, own.credential) == (99, "tcp", "word")


def test_ports() -> None:
    assert ice_settings(settings(), NOW).ports == (0, 0)
    ranged = WebRtcSettings(port_min=50_000, port_max=50_010)
    assert ice_settings(ranged, NOW).ports == (50_000, 50_010)


def test_only_relays() -> None:
    relays = settings({"url": "turn:t", "secret": "north"}, relay_only=True)
    assert configuration(relays, NOW)["iceTransportPolicy"] == "relay"
    assert ice_settings(relays, NOW).relay_only


def test_a_server_that_cannot_be_used() -> None:
    with pytest.raises(SettingsError, match="turns is TLS over TCP"):
        ice_settings(settings({"url": "turns:t?transport=udp", "secret": "north"}), NOW)
