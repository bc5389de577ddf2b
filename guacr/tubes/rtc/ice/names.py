"""Names of servers, resolved without a thread where they are addresses already."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address


async def resolved(host: str, port: int, family: int = socket.AF_UNSPEC) -> tuple[str, int]:
    """Return the first address of a host, and the port.

    Raises:
        OSError: the name is unknown, or has no address of this family.
    """
    try:
        return str(ip_address(host)), port
    except ValueError:
        pass
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, family=family, type=socket.SOCK_DGRAM
    )
    return str(found[0][4][0]), port
