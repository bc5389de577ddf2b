"""The errors of gateways, as sentences that name them."""

from __future__ import annotations

from guacr.api import (
    ForbiddenError,
    GuacrError,
    SessionClosedError,
    SessionTimeoutError,
    UnauthorizedError,
    UnsupportedError,
    UpstreamError,
    UpstreamNotFoundError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    shorten,
)
from handlers.rdp.params import RdpParams

GRACEFUL = 0x04CA
"""The host or the gateway has ended the channel as intended."""
_CODE = 0xFFFF
"""The part of an error that tells them apart: gateways send some as HRESULTs, others not."""
_LOGIN = "check gateway-username, gateway-password and gateway-domain"
_ASK = "ask its administrator"
_ENDED = (SessionClosedError, f"has ended the connection: {_ASK}")
_REASONS: dict[int, tuple[type[GuacrError], str]] = {
    0x0005: (ForbiddenError, f"denies access: {_ASK}"),
    0x04D4: (UpstreamError, "has aborted the connection: connect again"),
    0x59D8: (UpstreamError, f"has an internal error: connect again later, or {_ASK}"),
    0x59DA: (
        ForbiddenError, "does not let this user connect to {host}: try its full name, or ask the "
        "gateway's administrator for a resource authorization policy",
    ),
    0x59DB: (
        ForbiddenError, "does not let this user connect through it: ask its administrator for a "
        "connection authorization policy",
    ),
    0x59DD: (
        UpstreamNotFoundError, "cannot reach {host}: check hostname and port, as the gateway knows "
        "them, and whether the host runs",
    ),
    0x59DF: (UpstreamError, "has already ended this connection: connect again"),
    0x59E6: (UpstreamUnavailableError, "has too many connections: connect again later"),
    0x59E8: (UnsupportedError, f"does not support this connection: {_ASK}"),
    0x59E9: (UnsupportedError, f"wants abilities that guacr does not have: {_ASK}"),
    0x59ED: (ForbiddenError, f"wants a statement of health, which guacr does not make: {_ASK}"),
    0x59EE: (UpstreamError, f"has no certificate: {_ASK}"),
    0x59F6: (SessionTimeoutError, "has ended the connection: its time was over"),
    0x59F7: (UnauthorizedError, f"wants another kind of login than a password: {_ASK}"),
    0x59F8: (UnauthorizedError, f"wants another kind of login than a password: {_ASK}"),
    0x59F9: (UnauthorizedError, f"wants another kind of login than a password: {_ASK}"),
    0x59FA: _ENDED,
    0x59FB: _ENDED,
    0x59FC: _ENDED,
    0x59FD: (UnsupportedError, "finds a policy that {host} cannot fulfil: " + _ASK),
    0x5A00: _ENDED,
}  # fmt: skip
"""Of MS-TSGU 2.2.6."""
_STATUSES: dict[int, tuple[type[GuacrError], str]] = {
    200: (UnsupportedError, "has no WebSocket transport: this needs Windows Server 2016 or newer"),
    403: (ForbiddenError, f"denies access (HTTP status 403): {_ASK}"),
    404: (UpstreamError, "is no remote desktop gateway: check gateway-hostname and gateway-port"),
    407: (UpstreamError, "is a proxy that wants a login: name the gateway itself"),
    410: (UpstreamError, "is no remote desktop gateway: check gateway-hostname and gateway-port"),
    503: (UpstreamUnavailableError, "is not available (HTTP status 503): connect again later"),
}


def named(params: RdpParams) -> str:
    """Return the gateway, as the subject of a sentence."""
    return f"gateway {shorten(params.gateway_hostname)}"


def refused(params: RdpParams, error: int) -> GuacrError:
    """The gateway has refused a request, or ended the channel, with an error."""
    host = f"host {shorten(params.hostname)} on port {params.used_port}"
    kind, reason = _REASONS.get(
        error & _CODE, (UpstreamError, f"refuses the connection: {_ASK} about error 0x{error:08X}")
    )
    return kind(f"{named(params)} {reason.format(host=host)}")


def status(params: RdpParams, found: int) -> GuacrError:
    """The gateway has answered with an HTTP status that is not about the login."""
    if 300 <= found < 400:
        reason = f"redirects to another address (HTTP status {found}), which is not followed: name "
        return UpstreamError(f"{named(params)} {reason}the gateway itself")
    kind, reason = _STATUSES.get(
        found,
        (UpstreamError, f"answers with HTTP status {found}: check gateway-hostname, or {_ASK}"),
    )
    return kind(f"{named(params)} {reason}")


def login_refused(params: RdpParams) -> GuacrError:
    """User name or password are wrong."""
    return UnauthorizedError(f"{named(params)} refused the login: {_LOGIN}")


def login_lost(params: RdpParams) -> GuacrError:
    """The connection ended in the login, which may count as a failed one."""
    return ForbiddenError(
        f"{named(params)} closed the connection during the login, which is therefore not repeated: "
        f"{_LOGIN}, or connect again"
    )


def ntlm_broken(params: RdpParams) -> GuacrError:
    """NTLM authenticates a connection, which must stay."""
    return UnsupportedError(
        f"{named(params)} closes the connection during the login with NTLM: check whether a "
        "proxy before it allows NTLM"
    )


def unknown_logins(params: RdpParams, offered: str) -> GuacrError:
    """The gateway wants logins that guacr does not know."""
    return UnsupportedError(
        f"{named(params)} offers the logins {shorten(offered or 'of no kind')}, of which guacr "
        f"knows none: {_ASK} for NTLM or Basic"
    )


def silent(params: RdpParams, seconds: float) -> GuacrError:
    """The gateway does not answer."""
    return UpstreamTimeoutError(
        f"{named(params)} does not answer on port {params.gateway_port} within {seconds:g} s: "
        "check gateway-hostname and gateway-port, and whether a firewall is in the way"
    )


def unreachable(params: RdpParams) -> GuacrError:
    """The gateway cannot be connected to."""
    return UpstreamNotFoundError(
        f"{named(params)} cannot be reached on port {params.gateway_port}: check gateway-hostname "
        "and gateway-port"
    )


def refuses(params: RdpParams) -> GuacrError:
    """Nobody listens on the gateway's port."""
    return UpstreamUnavailableError(
        f"{named(params)} refuses connections to port {params.gateway_port}: check gateway-port, "
        "and whether the gateway runs"
    )


def untrusted(params: RdpParams) -> GuacrError:
    """The certificate of the gateway is not accepted."""
    return UpstreamError(
        f"the certificate of {named(params)} is not trusted, or that of another host: set "
        "gateway-ca-cert to its authority's certificate, and gateway-hostname to the name in it"
    )


def lost(params: RdpParams) -> GuacrError:
    """The gateway has closed the connection without a reason."""
    return UpstreamError(f"{named(params)} closed the connection: connect again")


def invalid(params: RdpParams) -> GuacrError:
    """The gateway sends what is not of the protocol."""
    return UpstreamError(
        f"{named(params)} does not speak the gateway's protocol: check gateway-hostname and "
        "gateway-port"
    )
