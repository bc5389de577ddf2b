"""Access rules: what they allow, and the ways around them that do not exist."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from guacr.host_names import equivalents, is_special, literal
from guacr.policy.client import Client
from guacr.policy.policy import Decision, Policy
from guacr.policy.rule import Connects, Place, Request
from guacr.settings.access import AccessSettings

TCP = Client("tcp", "10.1.2.3", ("ann.example.com", "ann@example.com"))
ANN = Request(TCP, "ssh")
REFUSED = Decision(False)


def policy(*rules: dict[str, Any]) -> Policy:
    names = {"postgres": "postgresql"}
    settings = AccessSettings.model_validate({"rules": list(rules)})
    return Policy(settings, lambda name: names.get(name, name))


def place(host: str, port: int = 22, address: str = "") -> Place:
    """A host, which is an address or has one."""
    return Place(host, port, literal(address or host))


def request(**values: Any) -> Request:
    return replace(ANN, **values)


def test_without_rules_everything_is_allowed() -> None:
    free = policy()
    assert not free.is_active
    assert free.opening(ANN, Connects.UNCHECKED).allowed
    assert free.joining(ANN, is_own=False).allowed
    assert free.connecting(ANN, place("169.254.169.254", 80)).allowed
    assert free.connecting_beyond(ANN, place("any thing")).allowed


def test_one_rule_is_enough_to_refuse_everything_else() -> None:
    some = policy({"protocols": ["vnc"]})
    assert some.opening(ANN, Connects.CHECKED) == REFUSED
    assert some.connecting(ANN, place("10.0.0.1")) == REFUSED
    assert some.joining(ANN, is_own=False) == REFUSED
    assert some.opening(request(protocol="vnc"), Connects.CHECKED) == Decision(True, "rule 1")


def test_a_rule_that_denies_prevails_in_any_order() -> None:
    deny = {"name": "no", "effect": "deny", "targets": ["10.0.0.0/8"]}
    for rules in ([{}, deny], [deny, {}]):
        both = policy(*rules)
        assert both.connecting(ANN, place("10.0.0.1")) == Decision(False, "no")
        assert both.connecting(ANN, place("x.example", address="10.0.0.1")) == Decision(False, "no")
        assert both.connecting(ANN, place("11.0.0.1")).allowed


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({"identities": ["ann@example.com"]}, True),
        ({"identities": ["*.example.com"]}, True),
        ({"identities": ["?*"]}, True),
        ({"identities": ["ANN@example.com", "ann"]}, False),
        ({"listeners": ["tcp", "unix"]}, True),
        ({"listeners": ["websocket"]}, False),
        ({"addresses": ["10.0.0.0/8"]}, True),
        ({"addresses": ["::ffff:10.0.0.0/104"]}, True),
        ({"addresses": ["10.1.2.4", "::/0"]}, False),
        ({"protocols": ["vnc", "ssh"]}, True),
        ({"connections": ["*"]}, True),
        ({"connections": ["web-*"]}, False),
        ({"identities": ["ann@example.com"], "listeners": ["unix"]}, False),
    ],
)
def test_everything_that_a_rule_names_must_apply(rule: dict[str, Any], fits: bool) -> None:
    assert policy(rule).opening(ANN, Connects.CHECKED).allowed == fits


def test_who_has_proven_nothing_has_no_identity() -> None:
    nobody = Request(Client("tcp", "10.1.2.3"), "ssh")
    assert not policy({"identities": ["?*"]}).opening(nobody, Connects.CHECKED).allowed
    assert policy({"identities": ["*"]}).opening(nobody, Connects.CHECKED).allowed


def test_the_subject_of_a_token_is_an_identity() -> None:
    ben = Request(Client("websocket", "10.1.2.3"), "ssh", subject="ben")
    assert policy({"identities": ["ben"]}).opening(ben, Connects.CHECKED).allowed


def test_a_unix_socket_has_no_address() -> None:
    local = Request(Client("unix"), "ssh")
    assert not policy({"addresses": ["0.0.0.0/0", "::/0"]}).opening(local, Connects.CHECKED).allowed


def test_names_of_connections_and_of_protocols() -> None:
    web = request(connection="web-1", protocol="postgresql")
    rules = policy({"connections": ["web-*"], "protocols": ["postgres"]})
    assert rules.opening(web, Connects.CHECKED).allowed
    assert not rules.opening(request(protocol="postgresql"), Connects.CHECKED).allowed


def test_parameters_of_clients() -> None:
    names = frozenset({"hostname", "enable-sftp"})
    some = request(parameters=names)
    allowing = policy({"parameters": ["hostname", "username"]})
    assert not allowing.opening(some, Connects.CHECKED).allowed
    assert allowing.opening(request(parameters=frozenset({"hostname"})), Connects.CHECKED).allowed
    assert policy({"parameters": []}).opening(ANN, Connects.CHECKED).allowed
    denying = policy({}, {"effect": "deny", "parameters": ["enable-*", "wol-*"]})
    assert denying.opening(some, Connects.CHECKED) == Decision(False, "rule 2")
    assert denying.opening(ANN, Connects.CHECKED).allowed


def test_targets_and_ports() -> None:
    rules = policy({"targets": ["*.example.com", "192.0.2.0/24"], "ports": [22, "5900-5999"]})
    for host, port, address in (
        ("a.example.com", 22, "198.51.100.1"),
        ("A.B.EXAMPLE.com.", 5900, "198.51.100.1"),
        ("192.0.2.7", 5999, ""),
        ("other.example", 22, "192.0.2.7"),
    ):
        assert rules.connecting(ANN, place(host, port, address)).allowed, host
    for host, port, address in (
        ("example.com", 22, "198.51.100.1"),
        ("a.example.com.evil.example", 22, "198.51.100.1"),
        ("a.example.com", 23, "198.51.100.1"),
        ("198.51.100.1", 22, ""),
        ("other.example", 22, "198.51.100.1"),
    ):
        assert not rules.connecting(ANN, place(host, port, address)).allowed, host


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "0.0.0.0", "::1", "::", "169.254.169.254", "fe80::1%eth0", "224.0.0.1",
     "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fd00:ec2::254", "255.255.255.255",
     "::7f00:1"],
)  # fmt: skip
def test_a_name_does_not_include_special_addresses(address: str) -> None:
    """Whoever owns a name decides what it resolves to."""
    rules = policy({"targets": ["*.example.com", "db"]})
    assert not rules.connecting(ANN, place("a.example.com", address=address)).allowed
    assert not rules.connecting(ANN, place("db", address=address)).allowed


def test_localhost_is_loopback() -> None:
    rules = policy({"targets": ["localhost"]})
    assert rules.connecting(ANN, place("LocalHost.", address="127.0.0.1")).allowed
    assert rules.connecting(ANN, place("localhost", address="::1")).allowed
    assert not rules.connecting(ANN, place("localhost", address="169.254.169.254")).allowed
    assert not rules.connecting(ANN, place("127.0.0.1")).allowed


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "0.0.0.0", "::ffff:127.0.0.1", "[::ffff:127.0.0.1]",
     "::ffff:0.0.0.0", "64:ff9b::127.0.0.1", "2002:7f00:1::", "::127.0.0.1",
     "64:ff9b:1:2::127.0.0.1", "::ffff:0:127.0.0.1"],
)  # fmt: skip
def test_a_denied_network_is_denied_by_every_spelling(address: str) -> None:
    rules = policy({}, {"effect": "deny", "targets": ["127.0.0.0/8"]})
    assert not rules.connecting(ANN, place(address)).allowed
    assert not rules.connecting(ANN, place("a.example.com", address=address)).allowed


@given(st.ip_addresses(), st.integers(0, 128))
def test_a_network_contains_what_ipaddress_says(
    address: IPv4Address | IPv6Address, length: int
) -> None:
    prefix = min(length, address.max_prefixlen)
    network = ip_network((address, prefix), strict=False)
    rules = policy({"targets": [str(network)]})
    assume(literal(str(address)) == address)  # mapped ones count as IPv4
    assert rules.connecting(ANN, place(str(address))).allowed
    denying = policy({}, {"effect": "deny", "targets": [str(network)]})
    assert not denying.connecting(ANN, place(str(address))).allowed


@given(st.ip_addresses(v=4))
def test_the_spellings_of_an_address_are_one(address: IPv4Address) -> None:
    rules = policy({"targets": [f"{address}/32"]})
    for spelling in (f"{address}", f"::ffff:{address}", f"[::ffff:{address}]"):
        assert rules.connecting(ANN, place(spelling)).allowed
    assert address in equivalents(IPv6Address(f"64:ff9b::{address}"))
    assert is_special(IPv6Address(f"64:ff9b::{address}")) == is_special(address)


@given(st.text("aA.*?xn-ßé。/@:%[]0 \0", max_size=12), st.ip_addresses())
def test_a_name_never_matches_a_network_or_raises(
    host: str, address: IPv4Address | IPv6Address
) -> None:
    """Whatever a client sends as the name, only the address decides."""
    rules = policy({"targets": ["192.0.2.0/24"]})
    allowed = rules.connecting(ANN, Place(host, 22, address)).allowed
    assert allowed == (address in ip_network("192.0.2.0/24"))
    assert not rules.connecting_beyond(ANN, Place(host, 22)).allowed
    rules.resolving(ANN, Place(host, 22, literal(host)))


def test_international_names_are_compared_in_ascii() -> None:
    rules = policy({"targets": ["*.bücher.example"]})
    for host in ("a.bücher.example", "a.BÜCHER.example.", "a.xn--bcher-kva.example"):
        assert rules.connecting(ANN, place(host, address="192.0.2.1")).allowed, host
    assert not rules.connecting(ANN, place("a.bucher.example", address="192.0.2.1")).allowed


@pytest.mark.parametrize(
    "host", ["0x7f.1", "127.1", "2130706433", "0177.0.0.1", "10.0.0.1%.example.com"]
)
def test_spellings_that_only_the_system_resolves_are_decided_by_the_address(host: str) -> None:
    rules = policy({}, {"effect": "deny", "targets": ["127.0.0.0/8"]})
    assert rules.resolving(ANN, place(host)).allowed
    assert not rules.connecting(ANN, Place(host, 22, literal("127.0.0.1"))).allowed
    assert not rules.connecting_beyond(ANN, Place(host, 22)).allowed


def test_a_name_that_cannot_be_allowed_is_not_resolved() -> None:
    rules = policy({"targets": ["*.example.com"], "ports": [22]})
    assert rules.resolving(ANN, place("a.example.com")).allowed
    assert not rules.resolving(ANN, place("evil.example")).allowed
    assert not rules.resolving(ANN, place("a.example.com", 23)).allowed
    assert policy({"targets": ["10.0.0.0/8"]}).resolving(ANN, place("evil.example")).allowed


def test_names_that_another_host_resolves() -> None:
    rules = policy({"targets": ["*.example.com", "10.0.0.0/8"]})
    assert rules.connecting_beyond(ANN, Place("a.example.com", 22)).allowed
    assert rules.connecting_beyond(ANN, Place("10.0.0.1", 22)).allowed
    for host in ("evil.example", "11.0.0.1", "evil.example@a.example.com", "a b.example.com", ""):
        assert not rules.connecting_beyond(ANN, Place(host, 22)).allowed, host
    denying = policy({}, {"effect": "deny", "targets": ["10.0.0.0/8"], "name": "no"})
    assert denying.connecting_beyond(ANN, Place("a.example.com", 22)) == Decision(False, "no")
    assert denying.connecting_beyond(ANN, Place("11.0.0.1", 22)).allowed


def test_sessions_that_connect_to_no_host() -> None:
    hosts = policy({"targets": ["10.0.0.0/8"]})
    assert hosts.opening(ANN, Connects.CHECKED).allowed
    assert not hosts.opening(ANN, Connects.NOWHERE).allowed
    assert not hosts.opening(ANN, Connects.UNCHECKED).allowed
    assert not hosts.local(ANN).allowed
    denied = policy({}, {"effect": "deny", "ports": [80]})
    assert denied.opening(ANN, Connects.NOWHERE).allowed
    assert denied.opening(ANN, Connects.CHECKED).allowed
    assert not denied.opening(ANN, Connects.UNCHECKED).allowed


def test_joining() -> None:
    rules = policy({}, {"join": True, "identities": ["ann@example.com"], "protocols": ["ssh"]})
    assert rules.joining(ANN, is_own=False) == Decision(True, "rule 2")
    assert not rules.joining(request(protocol="vnc"), is_own=False).allowed
    assert rules.joining(request(protocol="vnc"), is_own=True).allowed
    denied = policy({"join": True, "effect": "deny", "listeners": ["tcp"]})
    assert denied.joining(ANN, is_own=True) == Decision(False, "rule 1")
