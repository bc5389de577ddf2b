"""The settings of the access rules."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from guacr.host_names import literal, normal_name
from guacr.settings.section import Section
from guacr.settings.types import Allowed, Texts

RULES_MAX = 1000
ENTRIES_MAX = 10_000
"""Maximum entries of each list of a rule."""
NAME_MAX = 200
"""Maximum characters of a rule's name."""
PORT_MAX = 65535
ANY = "*"
_NAME = re.compile(r"[\w.*?-]+")
_PARTS_OF_ADDRESSES = re.compile(r"[0-9.*?]*\d[0-9.*?]*")
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")

Listener = Literal["*", "tcp", "unix", "websocket", "webrtc", "tube"]


def is_network(entry: str) -> bool:
    """Return whether an entry of `targets` is an address or a network, not a pattern of names."""
    return "/" in entry or literal(entry) is not None


def _network(value: Any) -> Any:
    """Return an address or a network as such; brackets around IPv6 are allowed."""
    if not isinstance(value, str) or value == ANY:
        return value
    text = value.strip().replace("[", "").replace("]", "")
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f'must contain addresses and networks such as 10.0.0.0/8, or "*", not {value[:40]!r}'
        ) from None
    return text


def _target(value: Any) -> Any:
    if not isinstance(value, str) or value == ANY:
        return value
    text = value.strip()
    if is_network(text):
        return _network(text)
    if not _NAME.fullmatch(text):
        raise ValueError(
            "must contain host names, patterns such as *.example.com, addresses and networks, "
            f"without ports and protocols, not {value[:40]!r}"
        )
    if _PARTS_OF_ADDRESSES.fullmatch(text):
        raise ValueError(
            f"contains {value[:40]!r}, which matches no address: write a network such as "
            "10.0.0.0/16"
        )
    return normal_name(text)


def _ports(value: Any) -> Any:
    """Return a port or a range of ports as a text."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or value == ANY:
        return value
    found = _PORTS.fullmatch(value.strip())
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 0 < first <= last <= PORT_MAX:
        raise ValueError(f'must contain ports such as 22 or "5900-5999", not {value[:40]!r}')
    return f"{first}-{last}"


_Entries = Field(max_length=ENTRIES_MAX)
_LISTENERS = 'a list of tcp, unix, websocket, webrtc and tube, or "*"'
Networks = Annotated[
    tuple[Annotated[str, BeforeValidator(_network)], ...],
    _Entries,
    Allowed("a list of addresses and networks"),
]
Targets = Annotated[
    tuple[Annotated[str, BeforeValidator(_target)], ...],
    _Entries,
    Allowed("a list of names, patterns, addresses and networks"),
]
Ports = Annotated[
    tuple[Annotated[str, BeforeValidator(_ports)], ...],
    _Entries,
    Allowed('a list of ports and ranges such as "5900-5999"'),
]
Names = Annotated[Texts, _Entries]

_WITHOUT_EMPTY = ("identities", "addresses", "protocols", "connections", "targets", "ports")


class AccessRule(Section):
    """A rule about sessions. Everything that it names must apply; "*" applies to all."""

    name: Annotated[str, Field(max_length=NAME_MAX)] = ""
    """Name of the rule in the audit log; empty for its number."""
    effect: Literal["allow", "deny"] = "allow"
    """allow or deny. A connection needs a rule that allows it, and none that denies it."""
    identities: Names = (ANY,)
    """Patterns of whom clients have proven to be: the subject of a token, or the names in a client
    certificate. "?*" for everybody who has, "*" for everybody else, too."""
    listeners: Annotated[tuple[Listener, ...], Allowed(_LISTENERS)] = ("*",)
    """Where clients have connected: tcp, unix, websocket, webrtc, tube."""
    addresses: Networks = (ANY,)
    """Addresses and networks of clients."""
    protocols: Names = (ANY,)
    """Protocols, such as ssh."""
    connections: Names = (ANY,)
    """Patterns of the names of configured connections; other sessions then do not match."""
    targets: Targets = (ANY,)
    """Hosts that sessions connect to: names and patterns such as *.example.com, addresses and
    networks."""
    ports: Ports = (ANY,)
    """Ports of these hosts, such as 22 or "5900-5999"."""
    parameters: Names = (ANY,)
    """Patterns of parameters. A rule that allows matches if a client sets no others; one that
    denies matches if a client sets one of them. Parameters set by an operator do not count."""
    join: bool = False
    """The rule is about joining sessions that run, instead of opening them."""

    @model_validator(mode="after")
    def _lists_are_usable(self) -> Self:
        for name in (*_WITHOUT_EMPTY, "listeners"):
            if not getattr(self, name):
                raise ValueError(f'has empty {name}, which match nothing: leave it out, or use "*"')
        if self.effect == "deny" and not self.parameters:
            raise ValueError('has empty parameters, which match nothing: leave it out, or use "*"')
        return self

    @model_validator(mode="after")
    def _joins_have_no_targets(self) -> Self:
        others = (self.targets, self.ports, self.parameters)
        if self.join and any(ANY not in one for one in others):
            raise ValueError("is about joining, which has no targets, ports and parameters")
        return self


class AccessSettings(Section):
    """Who may open and join sessions, and where these may connect to. Without rules, everybody may
    do everything; with rules, only what they allow (see docs/access.md)."""

    rules: Annotated[
        tuple[AccessRule, ...],
        Field(max_length=RULES_MAX),
        Allowed(f"a list of up to {RULES_MAX} tables"),
    ] = ()
    """The rules, in any order."""
