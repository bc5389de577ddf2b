"""One access rule, prepared for matching."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_network

from guacr.host_names import Address, equivalents, is_special, literal, normal_name
from guacr.policy.client import Client
from guacr.policy.patterns import ANY, matches_any
from guacr.settings.access import AccessRule, is_network

LOCALHOST = "localhost"

Network = IPv4Network | IPv6Network


class Connects(Enum):
    """The hosts that a protocol connects to."""

    CHECKED = "checked"
    """The rules decide on each of them before anything is sent to it."""
    NOWHERE = "nowhere"
    UNCHECKED = "unchecked"
    """Nobody asks the rules."""


@dataclass(frozen=True, slots=True)
class Request:
    """A session that a client wants to open, or to join."""

    client: Client
    protocol: str
    """Its main name, if there are several."""
    subject: str = ""
    """The subject of the client's token."""
    connection: str = ""
    """The name of the configured connection."""
    parameters: frozenset[str] = frozenset()
    """The names of the parameters that the client sets, and no operator."""

    @property
    def identities(self) -> tuple[str, ...]:
        """Whom the client has proven to be."""
        return (*filter(None, (self.subject,)), *self.client.certificates)


@dataclass(frozen=True, slots=True)
class Place:
    """A host and a port that a session wants to connect to."""

    host: str
    """As the parameters name it."""
    port: int
    address: Address | None = None
    """The address of the host; None if that is not known, or another host resolves it."""

    @property
    def name(self) -> str:
        """The name as it is compared; empty if the host is an address."""
        return "" if literal(self.host) is not None else normal_name(self.host.strip("[]"))


class Rule:
    """A rule of the settings.

    Args:
        number: its place in the settings, from 1.
        canonical: returns the main name of a protocol.
    """

    def __init__(self, rule: AccessRule, number: int, canonical: Callable[[str], str]) -> None:
        self.settings = rule
        self.name = rule.name or f"rule {number}"
        self.denies = rule.effect == "deny"
        self.join = rule.join
        self._protocols = rule.protocols
        self._canonical = canonical
        self._sources = tuple(map(_network, _given(rule.addresses)))
        self._networks = tuple(_network(one) for one in _given(rule.targets) if is_network(one))
        self._names = tuple(one for one in _given(rule.targets) if not is_network(one))
        self._any_host = ANY in rule.targets
        self._ports = tuple(map(_range, _given(rule.ports)))

    @property
    def has_targets(self) -> bool:
        """True if the rule is about certain hosts or ports."""
        return not self._any_host or bool(self._ports)

    def mismatch(self, request: Request) -> str:
        """Return the first condition, apart from those of the target, that does not apply, as the
        name of its setting; empty if all do."""
        rule = self.settings
        checks = {
            "identities": self._fits_identity(request.identities),
            "listeners": ANY in rule.listeners or request.client.listener in rule.listeners,
            "addresses": self._fits_source(request.client.address),
            "protocols": self._fits_protocol(request.protocol),
            "connections": ANY in rule.connections
            or (bool(request.connection) and matches_any(rule.connections, request.connection)),
            "parameters": self._fits_parameters(request.parameters),
        }
        return next((name for name, fits in checks.items() if not fits), "")

    def covers(self, place: Place | None) -> bool:
        """Return whether the rule is about a place whose address is known; None is a session that
        connects to no host.

        A name does not include special addresses, apart from `localhost`: whoever owns a domain
        decides what its names resolve to. A rule that denies a network includes the addresses that
        lead there as well.
        """
        if place is None:
            return not self.has_targets
        if not self._fits_port(place.port):
            return False
        return self._any_host or self._covers_address(place.address) or self._covers_name(place)

    def may_cover(self, place: Place) -> bool:
        """Return whether the rule may be about a place once its address is known."""
        if not self._fits_port(place.port):
            return False
        return self._any_host or bool(self._networks) or self._covers_name(place)

    def _covers_address(self, address: Address | None) -> bool:
        if address is None or not self._networks:
            return False
        found = equivalents(address) if self.denies else (address,)
        return any(one in network for network in self._networks for one in found)

    def _covers_name(self, place: Place) -> bool:
        name, address = place.name, place.address
        if not name or not matches_any(self._names, name):
            return False
        if self.denies or address is None or not is_special(address):
            return True
        return address.is_loopback and name == LOCALHOST and LOCALHOST in self._names

    def _fits_port(self, port: int) -> bool:
        return not self._ports or any(first <= port <= last for first, last in self._ports)

    def _fits_identity(self, identities: tuple[str, ...]) -> bool:
        patterns = self.settings.identities
        return ANY in patterns or any(matches_any(patterns, name) for name in identities)

    def _fits_source(self, address: str) -> bool:
        if not self._sources:
            return True
        found = literal(address)
        return found is not None and any(found in network for network in self._sources)

    def _fits_protocol(self, protocol: str) -> bool:
        if ANY in self._protocols:
            return True
        return any(protocol in (name, self._canonical(name)) for name in self._protocols)

    def _fits_parameters(self, names: frozenset[str]) -> bool:
        patterns = self.settings.parameters
        if ANY in patterns:
            return True
        if self.denies:
            return any(matches_any(patterns, name) for name in names)
        return all(matches_any(patterns, name) for name in names)


def _given(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Return the entries of a list; none if one of them applies to all."""
    return () if ANY in entries else entries


def _network(entry: str) -> Network:
    network = ip_network(entry, strict=False)
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ip_network((mapped, network.prefixlen - 96))
    return network


def _range(entry: str) -> tuple[int, int]:
    first, _, last = entry.partition("-")
    return int(first), int(last)
