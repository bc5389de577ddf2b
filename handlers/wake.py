"""Wake-on-LAN: hosts that sleep are woken before they are connected to."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

from guacr.api import (
    BadRequestError,
    Network,
    UpstreamError,
    WakeOnLanParams,
    clause,
    shorten,
)
from handlers.dial import dial

PERIODS = 5
"""How often a packet is sent; each is followed by `wol-wait-time`, as between guacd's attempts."""
CONNECT_TIMEOUT = 10.0
"""Maximum seconds of an attempt to connect while the host wakes up, as in guacd."""
RETRY_PAUSE = 1.0
"""Seconds between two attempts."""
HOPS = 1
"""Routers, and the interface, that a multicast packet passes, as in guacd."""

_MAC = re.compile(
    r"(?:[0-9a-f]{1,2}[:-]){5}[0-9a-f]{1,2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}|[0-9a-f]{12}"
)
"""As Linux, Windows and Cisco write Ethernet addresses, or only the digits."""
_GROUP = 1
"""The bit of the first byte that marks addresses of several hosts."""


@dataclass(frozen=True, slots=True)
class Wake:
    """The packet to send, its destination, and the time that the host may take."""

    packet: bytes
    address: str
    port: int
    wait: int
    """Seconds of each period; 0 to connect at once, and only once."""


def magic_packet(mac: bytes) -> bytes:
    """Return the packet that wakes the host with an Ethernet address of six bytes."""
    return b"\xff" * 6 + mac * 16


def parse_mac(text: str) -> bytes:
    """Return the six bytes of an Ethernet address.

    Raises:
        BadRequestError: it is not the address of one host.
    """
    digits = text.strip().lower()
    if not _MAC.fullmatch(digits):
        raise BadRequestError(
            f"parameter wol-mac-addr is not an Ethernet address ({shorten(text)}): write it like "
            "00:11:22:33:44:55"
        )
    parts = [part.zfill(2) for part in re.split("[:.-]", digits)]
    mac = bytes.fromhex("".join(parts))
    if mac[0] & _GROUP or not any(mac):
        raise BadRequestError(
            f"parameter wol-mac-addr is not the address of a host ({shorten(text)}): give the one "
            "of its network card"
        )
    return mac


def wake_of(params: WakeOnLanParams) -> Wake | None:
    """Return how to wake the host; None if it need not be woken.

    Raises:
        BadRequestError: a parameter is invalid.
    """
    if not params.wol_send_packet:
        return None
    if not params.wol_mac_addr:
        raise BadRequestError(
            "parameter wol-mac-addr is empty: give the Ethernet address of the host to wake, or do "
            "not set wol-send-packet"
        )
    address = params.wol_broadcast_addr.strip()
    try:
        ip_address(address)
    except ValueError:
        raise BadRequestError(
            f"parameter wol-broadcast-addr is not an address ({shorten(address)}): give an IPv4 "
            "broadcast or an IPv6 multicast address, such as 192.0.2.255 or ff02::1%eth0"
        ) from None
    packet = magic_packet(parse_mac(params.wol_mac_addr))
    return Wake(packet, address, params.wol_udp_port, params.wol_wait_time)


async def reach(
    network: Network,
    host: str,
    port: int,
    timeout: float,
    wake: Wake | None,
    tell: Callable[[str], None],
) -> socket.socket:
    """Return a socket connected to a host, like `dial`, after waking the host if necessary.

    With a time to wait, a host that accepts the connection is not sent a packet. Otherwise people
    are told, and packets and attempts to connect are repeated until it does, or the time is over.

    Raises:
        GuacrError: the host cannot be reached.
    """
    if wake is None or not wake.wait:
        if wake is not None:
            await send(network, wake)
        return await dial(network, host, port, timeout)
    with suppress(UpstreamError):
        return await dial(network, host, port, min(timeout, CONNECT_TIMEOUT))
    tell(f"Host {shorten(host)} is being woken. This may take up to {wake.wait * PERIODS} s.")
    for _ in range(PERIODS):
        await send(network, wake)
        with suppress(UpstreamError, TimeoutError):
            async with asyncio.timeout(wake.wait):
                return await _reach_repeatedly(network, host, port)
    try:
        return await dial(network, host, port, timeout)
    except UpstreamError as error:
        raise type(error)(f"{error}; wake-on-LAN packets have not woken it") from None


async def _reach_repeatedly(network: Network, host: str, port: int) -> socket.socket:
    while True:
        with suppress(UpstreamError):
            return await dial(network, host, port, CONNECT_TIMEOUT)
        await asyncio.sleep(RETRY_PAUSE)


async def send(network: Network, wake: Wake) -> None:
    """Send the packet.

    Raises:
        ForbiddenError: the session may not send to its address.
        UpstreamError: the system does not send it.
    """
    loop = asyncio.get_running_loop()
    network.permitted(wake.address, wake.port, [wake.address])
    try:
        found = await loop.getaddrinfo(
            wake.address, wake.port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
        )
        family, _, _, _, address = found[0]
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOPS)
            else:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.sendto(wake.packet, address)
    except (OSError, ValueError) as error:  # ValueError: of a scope that no interface has
        reason = error.strerror if isinstance(error, OSError) else None
        raise UpstreamError(
            f"the wake-on-LAN packet cannot be sent to {shorten(wake.address)}: "
            f"{clause(reason or 'no route')}; check wol-broadcast-addr"
        ) from None
