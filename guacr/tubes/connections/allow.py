"""Rules for the hosts and ports that SOCKS clients may reach, without I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Self, TypeAlias

from guacr.errors import shorten
from guacr.host_names import is_special, literal, normal_name
from guacr.tubes.errors import TubeSettingsError

Network: TypeAlias = IPv4Network | IPv6Network

RULES_MAX = 10_000
"""Maximum hosts, and maximum ports."""
_ALL = ("0.0.0.0", "::")  # noqa: S104 - not an address to listen on


@dataclass(frozen=True, slots=True)
class AllowRules:
    """Rules for hosts and for ports, both of which must allow a target.

    Attributes:
        names: host names, in lower case.
        suffixes: `.example.com` for `*.example.com`.
        networks: single addresses as well.
        any_host: every host is allowed.
        ports: empty for every port.
    """

    names: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    any_host: bool = False
    ports: frozenset[int] = frozenset()

    @classmethod
    def parse(cls, hosts: Iterable[str], ports: Iterable[int]) -> Self:
        """Read rules as keeper-pam-webrtc-rs has them.

        Args:
            hosts: names, `*.suffix`, addresses, networks such as `10.0.0.0/8`, and `0.0.0.0` or
                `::` for all hosts. Without any, all hosts are allowed. `*` alone allows none.
            ports: without any, all ports are allowed.

        Raises:
            TubeSettingsError: a network has an invalid prefix, or there are too many rules.
        """
        hosts, allowed_ports = list(hosts), frozenset(ports)
        if max(len(hosts), len(allowed_ports)) > RULES_MAX:
            raise TubeSettingsError(
                f"allowed_hosts and allowed_ports have {RULES_MAX} rules at most"
            )
        names, suffixes, networks = set[str](), list[str](), list[Network]()
        for host in hosts:
            network = _network(host)
            if network is not None:
                networks.append(network)
            elif host.startswith("*."):
                suffixes.append(normal_name(host[1:]))
            else:
                names.add(normal_name(host))
        any_host = not hosts or any(host in _ALL for host in hosts)
        return cls(frozenset(names), tuple(suffixes), tuple(networks), any_host, allowed_ports)

    def allows_port(self, port: int) -> bool:
        """Return True if a rule allows this port."""
        return not self.ports or port in self.ports

    def may_allow(self, host: str) -> bool:
        """Return False if no rule can allow this host, whatever it resolves to."""
        if self.any_host or self.networks:
            return True
        return literal(host) is None and (self._has_name(host) or self._has_suffix(host))

    def permitted(self, host: str, addresses: Iterable[str]) -> list[str]:
        """Return those of a host's addresses that may be connected to.

        A name's addresses are allowed by a rule for the name or by rules for the addresses. What
        `*.suffix` allows does not include this machine, its links, multicast and cloud metadata:
        whoever owns a domain decides what its names resolve to.
        """
        return [text for text in addresses if self._permits(host, text)]

    def _permits(self, host: str, text: str) -> bool:
        address = literal(text)
        if address is None:
            return False
        if self.any_host or any(address in network for network in self.networks):
            return True
        if literal(host) is not None:
            return False
        return self._has_name(host) or (self._has_suffix(host) and not is_special(address))

    def _has_name(self, host: str) -> bool:
        return normal_name(host) in self.names

    def _has_suffix(self, host: str) -> bool:
        return bool(self.suffixes) and normal_name(host).endswith(self.suffixes)


def _network(host: str) -> Network | None:
    """Return the addresses that a rule names; None if it names a host."""
    if "/" not in host:
        address = literal(host)
        return None if address is None else ip_network(address)
    try:
        network = ip_network(host, strict=False)
    except ValueError as error:
        raise TubeSettingsError(f"{shorten(host)} in allowed_hosts is no valid network") from error
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ip_network((mapped, network.prefixlen - 96))
    return network
