"""One access rule, prepared for matching."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network

from guacr.host_names import Address, equivalents, is_special, literal, normal_name
from guacr.policy.client import Client
from guacr.policy.patterns import ANY, matches_any
from guacr.settings.access import AccessRule, is_network

LOCALHOST = "localhost"
CONDITIONS = ("identities", "listeners", "addresses", "protocols", "connections", "parameters")
"""The conditions apart from those of the target, in the order in which they are looked at."""

Network = IPv4Network | IPv6Network


class Connects(Enum):
    """The hosts that a protocol connects to."""

    CHECKED = "checked"
    """The rules decide on each of them before anything is sent to it."""
    NOWHERE = "nowhere"
    UNCHECKED = "unchecked"
    """Nobody asks the rules."""


@dataclass(frozen=True)
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

    @cached_property
    def identities(self) -> tuple[str, ...]:
        """The identities that the client has proven."""
        return (*filter(None, (self.subject,)), *self.client.certificates)


@dataclass(frozen=True)
class Place:
    """A host and a port that a session wants to connect to."""

    host: str
    """As the parameters name it."""
    port: int
    address: Address | None = None
    """The address of the host; None if that is not known, or another host resolves it."""

    @cached_property
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
        self._canonical = canonical
        self._any_host = ANY in rule.targets

    # what most rules are never asked for

    @cached_property
    def _sources(self) -> tuple[Network, ...]:
        return tuple(map(_network, _given(self.settings.addresses)))

    @cached_property
    def _networks(self) -> tuple[Network, ...]:
        return tuple(_network(one) for one in _given(self.settings.targets) if is_network(one))

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(one for one in _given(self.settings.targets) if not is_network(one))

    @cached_property
    def _ports(self) -> tuple[tuple[int, int], ...]:
        return tuple(map(_range, _given(self.settings.ports)))

    @property
    def has_targets(self) -> bool:
        """True if the rule is about certain hosts or ports."""
        return not self._any_host or bool(self._ports)

    def mismatch(self, request: Request) -> str:
        """Return the first condition, apart from those of the target, that does not apply, as the
        name of its setting; empty if all do."""
        checks = (
            self._fits_identity,
            self._fits_listener,
            self._fits_source,
            self._fits_protocol,
            self._fits_connection,
            self._fits_parameters,
        )
        for name, fits in zip(CONDITIONS, checks, strict=True):
            if not fits(request):
                return name
        return ""

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

    def covers_beyond(self, place: Place) -> bool:
        """Return whether the rule is about a place whose name another host resolves: only names
        allow that, and a rule that denies a network includes every name, as it may be there."""
        return self.may_cover(place) if self.denies else self.covers(place)

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

    def _fits_identity(self, request: Request) -> bool:
        patterns = self.settings.identities
        return ANY in patterns or any(matches_any(patterns, name) for name in request.identities)

    def _fits_listener(self, request: Request) -> bool:
        listeners = self.settings.listeners
        return ANY in listeners or request.client.listener in listeners

    def _fits_source(self, request: Request) -> bool:
        if ANY in self.settings.addresses:
            return True
        found = literal(request.client.address)
        return found is not None and any(found in network for network in self._sources)

    def _fits_protocol(self, request: Request) -> bool:
        names = self.settings.protocols
        if ANY in names or request.protocol in names:
            return True
        return any(request.protocol == self._canonical(name) for name in names)

    def _fits_connection(self, request: Request) -> bool:
        patterns, name = self.settings.connections, request.connection
        return ANY in patterns or (bool(name) and matches_any(patterns, name))

    def _fits_parameters(self, request: Request) -> bool:
        patterns, names = self.settings.parameters, request.parameters
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
