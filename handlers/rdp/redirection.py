"""Redirections: a server sends its client to another one (MS-RDPBCGR 2.2.13.1)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from guacr.api import ForbiddenError, UpstreamError, shorten
from handlers.rdp import failures
from handlers.rdp.channel.redirection import Redirected
from handlers.rdp.login import Login, is_token_too_long, is_too_long
from handlers.rdp.params import RdpParams

FOLLOWED_MAX = 5
"""Redirections that are followed one after the other, until a desktop was stable."""
HOSTS_MAX = 8
"""Names and addresses of a target that are tried."""
NAME_MAX = 255
"""Characters of a name (RFC 1035 2.3.4)."""
COOKIE_MAX, GUID_MAX = 4096, 512
"""Bytes of a password that is no text, and of a GUID: those of Windows and GNOME are shorter."""
ENCRYPTED = 0x4000
"""LB_PASSWORD_IS_PK_ENCRYPTED."""
_PUNCTUATION = frozenset("-._:%[]")
"""The characters of names and addresses besides letters and digits."""
_TRANSLATED = IPv6Network("64:ff9b::/96")
"""Addresses that a translator turns into such of IPv4 (RFC 6052 2.1)."""
_COMPATIBLE = IPv6Network("::/96")
"""IPv4-compatible addresses (RFC 4291 2.5.5.1), and those of loopback and of nobody."""
_METADATA = IPv6Address("fd00:ec2::254")
"""Where machines of Amazon reach the service that 169.254.169.254 is otherwise."""


@dataclass(frozen=True, slots=True)
class Redirection:
    """Where a server sends its client, and with what. It counts for one connection."""

    hosts: tuple[str, ...]
    """The target's names and addresses, in the order in which they are tried."""
    name: str
    """The target's full name, for which its certificate must be issued however it was reached;
    empty if that is the name by which it was reached."""
    token: bytes
    """The token by which a load balancer finds the target; empty if there is none."""
    username: str
    """Of the login there; empty for that of the connection."""
    domain: str
    password: str
    cookie: bytes
    """Instead of a password; only the target understands it."""
    guid: bytes
    """With an encrypted `cookie`, which takes RDSTLS; otherwise empty."""
    certificate: bytes
    """The target's, in PEM; empty if the server does not say, or was not verified itself."""

    @property
    def is_encrypted(self) -> bool:
        """True if the target decrypts the password (RDSTLS, MS-RDPBCGR 5.4.5.3)."""
        return bool(self.guid)

    def login(self, own: Login) -> Login:
        """Return the credentials for the target: the server's, or a connection's own."""
        if not self.username and not self.password and not self.cookie:
            return own
        return Login(
            self.username or own.username,
            self.password,
            self.domain or own.domain,
            was_asked_for=True,  # nobody knows these
            cookie=self.cookie,
        )


def redirection_of(params: RdpParams, message: Redirected, *, is_verified: bool) -> Redirection:
    """Return what a server's message says. `is_verified` is True if its certificate was accepted:
    only then may it vouch for another one.

    Raises:
        UpstreamError: the redirection cannot be followed.
    """
    encrypted = bool(message.flags & ENCRYPTED)
    if encrypted and not message.has_rdstls:
        raise failures.needs_rdstls(params)
    password, cookie = "", message.password
    if cookie and not encrypted and (text := _text(cookie)) is not None:
        password, cookie = text, b""
    if any(map(is_too_long, (message.username, message.domain, password))):
        raise failures.wrong_redirection(params)
    if is_token_too_long(message.token) or len(cookie) > COOKIE_MAX or len(message.guid) > GUID_MAX:
        raise failures.too_long_token(params)
    return Redirection(
        _hosts(params, message),
        "" if message.token else message.fqdn,
        message.token,
        message.username,
        message.domain,
        password,
        cookie,
        message.guid if encrypted else b"",
        message.certificate if is_verified else b"",
    )


def _hosts(params: RdpParams, message: Redirected) -> tuple[str, ...]:
    """Return the target's names, in the order of FreeRDP and mstsc; with a token, it is the
    server itself that passes the connection on."""
    if message.token:
        return (params.hostname,)
    found = [message.fqdn, message.address, *message.addresses.split(" "), message.netbios]
    hosts = tuple(dict.fromkeys(filter(None, found)))[:HOSTS_MAX]
    for host in hosts:
        if len(host) > NAME_MAX or not all(c.isalnum() or c in _PUNCTUATION for c in host):
            raise UpstreamError(
                f"{failures.named(params)} redirects to {shorten(host)}, which is not the name of "
                "a host: check the settings of its connection broker"
            )
    return hosts or (params.hostname,)


def _text(password: bytes) -> str | None:
    """Return a password that is text; None if it is a cookie."""
    try:
        text, end = password.decode("utf-16-le").split("\0", 1)
    except ValueError:  # it is no text, or without an end
        return None
    return text if text.isprintable() and not end.strip("\0") else None


def check_address(address: str, origin: str) -> None:
    """Check an address of a target: hosts must not lead to services that only the daemon's own
    machine or network interface reaches, unless the first host, at `origin`, is such an address
    itself.

    Raises:
        ForbiddenError: it is such an address.
    """
    if _is_local(address) and not _is_local(origin):
        raise ForbiddenError(
            f"a redirection to {shorten(address)} is not followed: it is an address of the "
            "daemon's own machine or link; check the settings of the connection broker"
        )


def _is_local(address: str) -> bool:
    try:
        found = ip_address(address.strip("[]"))
    except ValueError:  # a name
        return False
    if isinstance(found, IPv6Address):
        found = _inner(found) or found
    if found == _METADATA:
        return True
    return found.is_loopback or found.is_link_local or found.is_multicast or found.is_unspecified


def _inner(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for."""
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address in _TRANSLATED or (address in _COMPATIBLE and int(address) >> 16):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
