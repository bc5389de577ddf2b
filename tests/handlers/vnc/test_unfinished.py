"""What is remembered of logins that were not completed."""

from __future__ import annotations

from handlers.vnc.params import VncParams
from handlers.vnc.rfb.events import CredentialsWanted
from handlers.vnc.rfb.handshake import Credentials
from handlers.vnc.unfinished import REMEMBERED, SERVERS_MAX, forget, note, wanted

PARAMS = VncParams(hostname="desk", port=5900)
PASSWORD, BOTH = CredentialsWanted(False, True), CredentialsWanted(True, True)


def test_a_login_is_remembered_for_a_time_or_until_one_is_completed() -> None:
    assert wanted(PARAMS, Credentials(), 5.0) is None
    note(PARAMS, PASSWORD, 5.0)
    assert wanted(PARAMS, Credentials(), 5.0 + REMEMBERED) == PASSWORD
    assert wanted(PARAMS, Credentials(), 5.1 + REMEMBERED) is None
    note(PARAMS, BOTH, 6.0)
    assert wanted(PARAMS, Credentials(), 6.0) == BOTH
    forget(PARAMS)
    forget(PARAMS)
    assert wanted(PARAMS, Credentials(), 6.0) is None


def test_only_what_is_not_known_is_asked_for() -> None:
    note(PARAMS, BOTH, 5.0)
    assert wanted(PARAMS, Credentials("ada"), 5.0) == PASSWORD
    assert wanted(PARAMS, Credentials("", "secret"), 5.0) == CredentialsWanted(True, False)
    assert wanted(PARAMS, Credentials("ada", "secret"), 5.0) is None


def test_other_servers_are_not_meant() -> None:
    note(PARAMS, PASSWORD, 5.0)
    others = [
        {"hostname": "other", "port": 5900},
        {"hostname": "desk", "port": 5901},
        {"hostname": "desk", "port": 5900, "dest_host": "behind"},
        {"hostname": "desk", "port": 5900, "username": "ada"},
        {"hostname": "desk", "port": 5900, "reverse_connect": True},
    ]
    for other in others:
        params = VncParams(**other)  # type: ignore[arg-type]
        assert wanted(params, Credentials(), 5.0) is None


def test_a_server_that_connects_by_itself_is_not_remembered() -> None:
    params = VncParams(hostname="desk", port=5900, reverse_connect=True)
    note(params, PASSWORD, 5.0)
    assert wanted(params, Credentials(), 5.0) is None
    assert wanted(PARAMS, Credentials(), 5.0) is None


def test_the_oldest_of_too_many_servers_is_forgotten() -> None:
    servers = [VncParams(hostname="desk", port=port) for port in range(1, SERVERS_MAX + 2)]
    for params in servers[:-1]:
        note(params, PASSWORD, 5.0)
    assert wanted(servers[0], Credentials(), 5.0) == PASSWORD
    note(servers[0], PASSWORD, 6.0)
    note(servers[-1], PASSWORD, 6.0)
    found = [wanted(params, Credentials(), 6.0) for params in servers]
    assert found == [PASSWORD, None, *[PASSWORD] * (SERVERS_MAX - 1)]
