"""Candidates of ICE: reading those of a peer, and making our own (RFC 8839, 5.1; RFC 8445, 5.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from aioice.candidate import Candidate, candidate_foundation, candidate_priority

from guacr.errors import shorten
from guacr.tubes.errors import CandidateError

TEXT_MAX = 1024
"""Characters of a candidate."""
TYPES = ("host", "srflx", "prflx", "relay")
LOCAL_PREFERENCE_MAX = 65535
HIDDEN_PORT = 9
"""Of the related address of a relayed candidate that must not tell where it is related to
(RFC 8839, 5.1)."""
_TEXT = re.compile(
    r"(?:a=)?candidate:([!-~]{1,64}) +(\d{1,5}) +([!-~]{1,16}) +(\d{1,10})"
    r" +([!-~]{1,256}) +(\d{1,5}) +typ +([!-~]{1,16})((?: +[!-~]+)*) *[\r\n]*"
)
_MDNS_NAME = re.compile(r"[A-Za-z0-9-]{1,63}\.local")


@dataclass(frozen=True, slots=True)
class RemoteCandidate:
    """A candidate of a peer: component 1, UDP."""

    candidate: Candidate
    ufrag: str
    """The generation to which it belongs, if the peer told so; otherwise empty."""
    is_name: bool
    """The host is a name of multicast DNS, which browsers tell in place of an address."""


def parse(text: str) -> RemoteCandidate | None:
    """Read a candidate, as `candidate:…` or `a=candidate:…`.

    Returns None for what cannot be used here, but is no error: other components than 1 (RTCP), TCP,
    unknown types, and host names but those of multicast DNS.

    Raises:
        CandidateError: it is longer than `TEXT_MAX` or not a candidate.
    """
    if len(text) > TEXT_MAX:
        raise CandidateError(f"a candidate of more than {TEXT_MAX} characters")
    if (match := _TEXT.fullmatch(text)) is None:
        raise CandidateError(f"not a candidate of ICE: {shorten(text)}")
    foundation, component, transport, priority, host, port, kind, more = match.groups()
    if not (0 < int(component) <= 256 and int(priority) < 1 << 32 and int(port) < 1 << 16):
        raise CandidateError(f"a candidate with a number out of range: {shorten(text)}")
    if component != "1" or transport.lower() != "udp" or kind not in TYPES or int(port) == 0:
        return None
    is_name = _MDNS_NAME.fullmatch(host) is not None
    address = host if is_name else _address(host)
    if address is None:
        return None
    words = more.split()
    pairs = dict(zip(words[::2], words[1::2], strict=False))
    candidate = Candidate(foundation, 1, "udp", int(priority), address, int(port), kind)
    return RemoteCandidate(candidate, pairs.get("ufrag", ""), is_name)


def _address(host: str) -> str | None:
    if "%" in host:
        return None  # of an interface there, which says nothing here
    try:
        return str(ip_address(host))
    except ValueError:
        return None


def is_reachable(host: str, *, loopback: bool) -> bool:
    """Return whether checks may be sent to an address of a peer: neither multicast, unspecified
    nor link-local addresses, and this machine's own services only if loopback is allowed."""
    address = ip_address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return False
    if address.is_multicast or address.is_unspecified or address.is_link_local:
        return False
    if isinstance(address, IPv4Address) and address == IPv4Address("255.255.255.255"):
        return False
    return loopback or not address.is_loopback


def can_pair(local: str, remote: str) -> bool:
    """Return whether packets can go between two addresses: of one version, and either both of the
    loopback interface or neither."""
    one, other = ip_address(local), ip_address(remote)
    return one.version == other.version and one.is_loopback == other.is_loopback


def host_candidate(address: tuple[str, int], index: int) -> Candidate:
    """Make the candidate of a local address, the `index`-th: earlier ones are preferred."""
    return _own("host", address, address[0], index)


def reflexive_candidate(base: Candidate, mapped: tuple[str, int], server: str) -> Candidate:
    """Make the candidate of the address that a STUN server saw."""
    preference = base.priority >> 8 & LOCAL_PREFERENCE_MAX
    index = LOCAL_PREFERENCE_MAX - preference
    return _own("srflx", mapped, f"{base.host}|{server}", index, (base.host, base.port))


def relayed_candidate(
    relayed: tuple[str, int], mapped: tuple[str, int], server: str, index: int, *, hidden: bool
) -> Candidate:
    """Make the candidate of an allocation at a TURN server, the `index`-th of the settings.

    With `hidden` its related address does not tell the address that the server saw (RFC 9429,
    3.5.3).
    """
    if hidden:
        mapped = ("::" if ":" in relayed[0] else "0.0.0.0", HIDDEN_PORT)  # noqa: S104 - none at all
    return _own("relay", relayed, f"{relayed[0]}|{server}", index, mapped)


def peer_reflexive_candidate(address: tuple[str, int], priority: int, index: int) -> Candidate:
    """Make the candidate of an address from which the peer asked (RFC 8445, 7.3.1.3)."""
    return Candidate(f"prflx{index}", 1, "udp", priority, *address, "prflx")


def _own(
    kind: str,
    address: tuple[str, int],
    base: str,
    index: int,
    related: tuple[str, int] | None = None,
) -> Candidate:
    preference = max(LOCAL_PREFERENCE_MAX - index, 0)
    host, port = related or (None, None)
    return Candidate(
        foundation=candidate_foundation(kind, "udp", base),
        component=1,
        transport="udp",
        priority=candidate_priority(1, kind, preference),
        host=address[0],
        port=address[1],
        type=kind,
        related_address=host,
        related_port=port,
    )


def text_of(candidate: Candidate) -> str:
    """Write a candidate without `a=`, as browsers and the wheel tell it."""
    return f"candidate:{candidate.to_sdp()}"
