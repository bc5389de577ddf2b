"""The errors of a Telnet connection."""

from __future__ import annotations

import ssl

from guacr.api import GuacrError, UpstreamError, UpstreamTimeoutError, shorten

REASON_MAX = 120
"""Maximum characters of a reason from OpenSSL."""


def place(host: str, port: int) -> str:
    """A port of a host, as the subject of a sentence."""
    return f"port {port} of host {shorten(host)}"


def closed_at_once(host: str, port: int) -> GuacrError:
    """The host accepted the connection, and closed it without sending anything."""
    return UpstreamError(
        f"{place(host, port)} closed the connection before saying anything: check that a Telnet "
        "server listens there, and that it accepts connections from here"
    )


def silent(host: str, port: int, seconds: float) -> GuacrError:
    """The host accepted the connection, and sent nothing."""
    return UpstreamTimeoutError(
        f"{place(host, port)} accepted the connection, but sent nothing within {seconds:g} s: "
        "check host and port, and whether the host is overloaded"
    )


def is_end(error: OSError) -> bool:
    """Return whether the host itself ended the connection, possibly by a reset, as devices do on a
    regular logout; a network that has fallen silent is a loss."""
    return isinstance(error, ConnectionError)


def ended(host: str) -> str:
    """The line below the output of a host that ended an open session."""
    return f"Host {shorten(host)} has closed the connection."


def closed_at_login(host: str) -> GuacrError:
    """The host disconnected before login-success-regex matched."""
    return UpstreamError(
        f"host {shorten(host)} closed the connection before the login succeeded: check "
        "username, password and login-success-regex"
    )


def undecided(host: str, seconds: float) -> GuacrError:
    """The login has neither succeeded nor failed."""
    return UpstreamTimeoutError(
        f"within {seconds:g} s, the output of host {shorten(host)} matched neither "
        "login-success-regex nor login-failure-regex: check them, and username-regex and "
        "password-regex"
    )


def lost(host: str, port: int, error: OSError) -> GuacrError:
    """The connection was lost, or TLS failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return UpstreamError(
            f"the certificate of host {shorten(host)} is not trusted: "
            f"{_reason(error.verify_message)}; set ca-cert to its authority's certificate"
        )
    if isinstance(error, ssl.SSLError):
        return UpstreamError(
            f"{place(host, port)} does not speak TLS properly: check the port, and use-ssl"
        )
    if isinstance(error, TimeoutError):
        return UpstreamTimeoutError(
            f"host {shorten(host)} has stopped answering: check the network, and connect again"
        )
    return UpstreamError(
        f"the connection to host {shorten(host)} was lost: the host or the network closed it; "
        "connect again"
    )


def _reason(text: str) -> str:
    """A message of OpenSSL as a clause."""
    plain = " ".join(text.split())[:REASON_MAX].rstrip(".")
    return plain[:1].lower() + plain[1:]
