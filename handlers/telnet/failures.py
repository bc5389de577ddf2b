"""What went wrong with a host, in sentences."""

from __future__ import annotations

import ssl

from guacr.errors import (
    GuacrError,
    UpstreamError,
    UpstreamTimeoutError,
    shorten,
)

REASON_MAX = 120
"""Characters of a reason that OpenSSL gives."""


def place(host: str, port: int) -> str:
    """A host's port, as the subject of a sentence."""
    return f"port {port} of host {shorten(host)}"


def closed_at_once(host: str, port: int) -> GuacrError:
    """The host took the connection, and ended it without a word."""
    return UpstreamError(
        f"{place(host, port)} closed the connection before saying anything: check that a Telnet "
        "server listens there, and that it takes connections from here"
    )


def silent(host: str, port: int, seconds: float) -> GuacrError:
    """The host took the connection, and nothing more came."""
    return UpstreamTimeoutError(
        f"{place(host, port)} took the connection, but has said nothing within {seconds:g} s: "
        "check host and port, and whether the host is overloaded"
    )


def is_end(error: OSError) -> bool:
    """Whether the host itself has ended the connection, even if by a reset; devices do that on a
    regular logout. A network that has fallen silent is another matter."""
    return isinstance(error, ConnectionError)


def ended(host: str) -> str:
    """What is shown below the output of a host that has ended an open session."""
    return f"Host {shorten(host)} has closed the connection."


def closed_at_login(host: str) -> GuacrError:
    """The host hung up while login-success-regex was waited for."""
    return UpstreamError(
        f"host {shorten(host)} has closed the connection before the login succeeded: check "
        "username, password and login-success-regex"
    )


def undecided(host: str, seconds: float) -> GuacrError:
    """The login has neither succeeded nor failed."""
    return UpstreamTimeoutError(
        f"host {shorten(host)} has printed within {seconds:g} s nothing that login-success-regex "
        "or login-failure-regex fits: check them, and username-regex and password-regex"
    )


def lost(host: str, port: int, error: OSError) -> GuacrError:
    """The connection broke, or TLS did not come about."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return UpstreamError(
            f"the certificate of host {shorten(host)} is not trusted, for "
            f"{_reason(error.verify_message)}: set ca-cert to its authority's certificate"
        )
    if isinstance(error, ssl.SSLError):
        return UpstreamError(
            f"{place(host, port)} does not speak TLS as it should: check the port, and use-ssl"
        )
    if isinstance(error, TimeoutError):
        return UpstreamTimeoutError(
            f"host {shorten(host)} has stopped answering: check the network, and connect again"
        )
    return UpstreamError(
        f"the connection to host {shorten(host)} was lost: the host or the network broke it off; "
        "connect again"
    )


def _reason(text: str) -> str:
    """OpenSSL's words as a part of a sentence."""
    plain = " ".join(text.split())[:REASON_MAX].rstrip(".")
    return plain[:1].lower() + plain[1:]
