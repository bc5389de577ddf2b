"""Finds access rules that have no effect, or another one than it seems."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from guacr.errors import shorten
from guacr.policy.patterns import ANY, matches_any
from guacr.policy.rule import Connects
from guacr.settings.access import AccessRule, is_network
from guacr.settings.models import Settings

_CONDITIONS = (
    "identities", "listeners", "addresses", "protocols", "connections", "targets", "ports",
    "parameters",
)  # fmt: skip
_LOOPBACK_4, _LOOPBACK_6 = "127.0.0.1", "::1"


@dataclass(frozen=True, slots=True)
class Protocol:
    """The properties of a protocol that matter here."""

    connects: Connects
    parameters: frozenset[str]
    """The names of its parameters."""


def remarks(settings: Settings, protocols: Mapping[str, Protocol]) -> Iterator[str]:
    """Yield a sentence for each problem; `protocols` are those that can be selected."""
    rules = settings.access.rules
    if rules and not any(rule.effect == "allow" and not rule.join for rule in rules):
        yield "access.rules: no rule allows a session, so nobody can open one"
    for number, rule in enumerate(rules, 1):
        name = shorten(rule.name) if rule.name else f"rule {number}"
        for check in _CHECKS:
            for sentence in check(rule, settings, protocols):
                yield f"access.rules: {name} {sentence}"


Check = Callable[[AccessRule, Settings, Mapping[str, Protocol]], Iterator[str]]


def _denies_all(
    rule: AccessRule, settings: Settings, protocols: Mapping[str, Protocol]
) -> Iterator[str]:
    if rule.effect == "deny" and all(ANY in getattr(rule, name) for name in _CONDITIONS):
        yield "denies everything: joining sessions" if rule.join else "denies every session"


def _protocols(
    rule: AccessRule, settings: Settings, protocols: Mapping[str, Protocol]
) -> Iterator[str]:
    if ANY in rule.protocols:
        return
    unknown = [name for name in rule.protocols if name not in protocols]
    if len(unknown) == len(rule.protocols):
        yield f"never applies: protocol {shorten(unknown[0])} is unknown or not offered"
    else:
        yield from (f"names protocol {shorten(one)}, which is unknown" for one in unknown)


def _connections(
    rule: AccessRule, settings: Settings, protocols: Mapping[str, Protocol]
) -> Iterator[str]:
    if ANY in rule.connections:
        return
    found = [name for name in settings.connections if matches_any(rule.connections, name)]
    if not found:
        yield f"never applies: no connection is named {shorten(rule.connections[0])}"
    elif ANY not in rule.protocols and not any(
        settings.connections[name].protocol in rule.protocols for name in found
    ):
        yield f"never applies: connection {shorten(found[0])} has another protocol"


def _listeners(
    rule: AccessRule, settings: Settings, protocols: Mapping[str, Protocol]
) -> Iterator[str]:
    is_open = {
        "tcp": bool(settings.server.hosts),
        "unix": settings.server.unix_socket is not None,
        "websocket": settings.websocket.enabled,
        "webrtc": settings.websocket.enabled and settings.webrtc.enabled,
        "tube": True,
    }
    if ANY in rule.listeners:
        return
    if not any(is_open[name] for name in rule.listeners):
        yield f"never applies: {rule.listeners[0]} is not listened on"
    elif ANY not in rule.addresses and not {"tcp", "websocket", "webrtc"} & {*rule.listeners}:
        yield f"never applies: clients on {rule.listeners[0]} have no address"


def _identities(
    rule: AccessRule, settings: Settings, protocols: Mapping[str, Protocol]
) -> Iterator[str]:
    page = settings.websocket
    browsers = bool(page.token_keys or page.tls_client_ca)
    proves = {
        "tcp": settings.server.tls_client_ca is not None,
        "websocket": browsers,
        "webrtc": browsers,
    }
    used = proves if ANY in rule.listeners else rule.listeners
    if ANY not in rule.identities and not any(proves.get(name, False) for name in used):
        yield (
            "never applies: its clients cannot prove an identity; set tls_client_ca for "
            "certificates, or websocket.token_keys for tokens"
        )


def _targets(
    rule: AccessRule, settings: Settings, protocols: Mapping[str, Protocol]
) -> Iterator[str]:
    if rule.effect == "deny":
        named = [one for one in rule.targets if one != ANY and not is_network(one)]
        yield from (
            f"denies the name {shorten(one)}, and the host's addresses and other names remain "
            "allowed: deny its addresses"
            for one in named
        )
    elif ANY not in rule.protocols and (ANY not in rule.targets or ANY not in rule.ports):
        known = [protocols[name] for name in rule.protocols if name in protocols]
        if known and not any(one.connects is Connects.CHECKED for one in known):
            yield f"never applies: {shorten(rule.protocols[0])} has no targets and ports"


def _loopback(
    rule: AccessRule, settings: Settings, protocols: Mapping[str, Protocol]
) -> Iterator[str]:
    if rule.effect == "deny" and ANY not in rule.targets and _includes(rule, _LOOPBACK_4):
        rules = (one for one in settings.access.rules if not one.join)
        others = [one for one in rules if _includes(one, _LOOPBACK_6)]
        if others and all(one.effect == "allow" for one in others):
            yield f"denies {_LOOPBACK_4}, and {_LOOPBACK_6} remains allowed: deny it as well"


def _includes(rule: AccessRule, address: str) -> bool:
    """Return whether a rule is about an address, apart from names."""
    networks = (ip_network(one, strict=False) for one in rule.targets if is_network(one))
    return ANY in rule.targets or any(ip_address(address) in network for network in networks)


def _parameters(
    rule: AccessRule, settings: Settings, protocols: Mapping[str, Protocol]
) -> Iterator[str]:
    used = protocols if ANY in rule.protocols else rule.protocols
    known = {name for one in used if one in protocols for name in protocols[one].parameters}
    for pattern in rule.parameters:
        if pattern != ANY and known and not any(matches_any([pattern], name) for name in known):
            yield f"names parameter {shorten(pattern)}, which its protocols do not have"


_CHECKS: tuple[Check, ...] = (
    _denies_all, _protocols, _connections, _listeners, _identities, _targets, _loopback,
    _parameters,
)  # fmt: skip
