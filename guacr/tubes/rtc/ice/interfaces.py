"""The addresses of this machine."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

import ifaddr


def local_addresses(names: Iterable[str], *, loopback: bool) -> tuple[list[str], set[str]]:
    """Return the addresses of the named interfaces, or of all, and the names that exist.

    Link-local addresses are left out; those of the loopback interface are the last, or none.
    """
    wanted, found, known = set(names), list[str](), set[str]()
    for adapter in ifaddr.get_adapters():
        known.add(adapter.name)
        if wanted and adapter.name not in wanted:
            continue
        for ip in adapter.ips:
            found.append(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
    usable = [one for one in dict.fromkeys(found) if not ip_address(one).is_link_local]
    near = [one for one in usable if ip_address(one).is_loopback]
    return [one for one in usable if one not in near] + (near if loopback else []), known
