"""Which targets rules allow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.host_names import literal, normal_name
from guacr.tubes.connections.allow import RULES_MAX, AllowRules
from guacr.tubes.errors import TubeSettingsError


def rules(hosts: str, ports: str = "") -> AllowRules:
    return AllowRules.parse(hosts.split(), map(int, ports.split()))


@pytest.mark.parametrize(
    ("hosts", "host", "resolved", "permitted"),
    [
        ("db.example.com", "db.example.com", "10.0.0.5", "10.0.0.5"),
        ("db.example.com", "DB.Example.com.", "10.0.0.5", "10.0.0.5"),
        ("db.example.com", "evil.db.example.com", "10.0.0.5", ""),
        ("db.example.com", "10.0.0.5", "10.0.0.5", ""),
        ("localhost", "localhost", "127.0.0.1 ::1", "127.0.0.1 ::1"),
        ("*.example.com", "a.b.example.com", "192.0.2.1 2001:db8::1", "192.0.2.1 2001:db8::1"),
        ("*.example.com", "example.com", "192.0.2.1", ""),
        ("*.example.com", "badexample.com", "192.0.2.1", ""),
        (
            "*.example.com",
            "rebound.example.com",
            "127.0.0.1 169.254.169.254 192.0.2.1",
            "192.0.2.1",
        ),
        ("*.example.com", "rebound.example.com", "::1 ::ffff:127.0.0.1 fe80::1%eth0 0.0.0.0", ""),
        ("*.example.com 127.0.0.0/8", "rebound.example.com", "127.0.0.1", "127.0.0.1"),
        ("*.1", "10.0.0.1", "10.0.0.1", ""),
        ("*", "example.com", "192.0.2.1", ""),
        ("10.0.0.0/8", "10.1.2.3", "10.1.2.3", "10.1.2.3"),
        ("10.0.0.0/8", "11.1.2.3", "11.1.2.3", ""),
        ("10.0.0.1/8", "10.1.2.3", "10.1.2.3", "10.1.2.3"),
        ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:10.1.2.3", "::ffff:10.1.2.3"),
        ("::ffff:10.0.0.0/104", "10.1.2.3", "10.1.2.3", "10.1.2.3"),
        ("10.0.0.0/8", "intranet", "10.1.2.3 8.8.8.8", "10.1.2.3"),
        ("10.0.0.0/8", "public", "8.8.8.8", ""),
        ("10.0.0.0/8", "10.0.0.5%.evil.example", "127.0.0.1", ""),
        ("10.0.0.5", "10.0.0.5%x", "10.0.0.5%x", ""),
        ("2001:db8::1", "2001:db8::1%x", "2001:db8::1%x", ""),
        ("::ffff:10.0.0.5", "::ffff:10.0.0.5%x", "::ffff:10.0.0.5%x", ""),
        ("fe80::/10", "fe80::1%eth0", "fe80::1%eth0", "fe80::1%eth0"),
        ("192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("192.0.2.7", "192.0.2.8", "192.0.2.8", ""),
        ("2001:db8::/32", "2001:db8:0:0:0:0:0:1", "2001:db8:0:0:0:0:0:1", "2001:db8:0:0:0:0:0:1"),
        ("[2001:db8::1]", "2001:db8::1", "2001:db8::1", "2001:db8::1"),
        ("0.0.0.0", "anything", "127.0.0.1 2001:db8::1", "127.0.0.1 2001:db8::1"),
        ("::", "10.0.0.1", "10.0.0.1", "10.0.0.1"),
        ("", "anything", "127.0.0.1", "127.0.0.1"),
        ("bücher.example", "xn--bcher-kva.example", "192.0.2.1", "192.0.2.1"),
        ("*.bücher.example", "www.Bücher.example", "192.0.2.1", "192.0.2.1"),
        ("*.b.example", "x.b.example", "fd00:ec2::254 64:ff9b::7f00:1 2002:7f00:1::", ""),
    ],
)
def test_hosts(hosts: str, host: str, resolved: str, permitted: str) -> None:
    assert rules(hosts).permitted(host, resolved.split()) == permitted.split()
    if permitted:
        assert rules(hosts).may_allow(host)


def test_what_no_rule_can_allow_is_not_resolved() -> None:
    assert not rules("db.example.com *.example.org").may_allow("example.net")
    assert not rules("db.example.com").may_allow("192.0.2.1")
    assert rules("db.example.com 10.0.0.0/8").may_allow("example.net")


def test_ports() -> None:
    assert rules("", "80 443").allows_port(443)
    assert not rules("", "80 443").allows_port(8443)
    assert rules("example.com").allows_port(1)


def test_invalid_networks_are_refused() -> None:
    with pytest.raises(TubeSettingsError, match=r"'10\.0\.0\.0/99' in allowed_hosts is no valid"):
        rules("10.0.0.0/99")


def test_the_number_of_rules_is_limited() -> None:
    AllowRules.parse([f"h{n}" for n in range(RULES_MAX)], [])
    with pytest.raises(TubeSettingsError, match="10000 rules at most"):
        AllowRules.parse([f"h{n}" for n in range(RULES_MAX + 1)], [])


names = st.from_regex(r"[a-z][a-z0-9-]{0,8}(\.[a-z][a-z0-9-]{0,8}){0,3}", fullmatch=True)


@given(names, st.ip_addresses(v=4), st.ip_addresses())
def test_a_network_allows_its_addresses_alone(name: str, network: object, other: object) -> None:
    one = rules(f"{network}/24")

    permitted = one.permitted(name, [str(network), str(other)])

    assert str(network) in permitted
    assert (str(other) in permitted) == (str(literal(str(other))).rpartition(".")[0]
                                         == str(network).rpartition(".")[0])  # fmt: skip


@given(names, names)
def test_a_suffix_allows_the_names_below_it_alone(name: str, suffix: str) -> None:
    allowed = rules(f"*.{suffix}").permitted(name, ["192.0.2.1"])

    assert bool(allowed) == name.endswith(f".{suffix}")


@given(st.text(max_size=40), st.text(max_size=40), st.lists(st.text(max_size=20), max_size=3))
def test_hostile_texts_raise_only_the_documented_error(
    rule: str, host: str, addresses: list[str]
) -> None:
    try:
        one = AllowRules.parse([rule], [])
    except TubeSettingsError:
        return
    one.may_allow(host)
    permitted = one.permitted(host, addresses)

    assert all(literal(text) is not None for text in permitted)
    assert normal_name(normal_name(host)) == normal_name(host) or not host.isascii()


@pytest.mark.parametrize(
    "host", ["10.0.0.5%.evil.example", "10.0.0.5%", "2001:db8::1%eth0", "::ffff:10.0.0.5%eth0"]
)
def test_only_link_local_addresses_have_zones(host: str) -> None:
    """The system looks others up as names, which may resolve to anything."""
    assert literal(host) is None
    assert not rules("192.0.2.1").permitted(host, [host])
