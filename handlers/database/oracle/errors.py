"""Translate errors of Oracle and its library for people."""

from __future__ import annotations

import socket
import ssl

from guacr.api import (
    GuacrError,
    NotFoundError,
    UnauthorizedError,
    UpstreamError,
    UpstreamNotFoundError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    shorten,
)
from handlers.database.params import OracleParams

_EXPLAINED = {1045, 28000, 28001, 28009}
"""Refusals for which the server's reason is more specific than a wrong name or password."""
_DENIED = {1005, 1017, 1045, 28000, 28001, 28009}
_DENIED_TEXTS = ("DPY-4001",)
"""The library received no password."""
_NO_SERVICE = {12504, 12505, 12514, 12521}
_NO_SERVICE_TEXTS = ("DPY-6001", "DPY-6003")
_NOT_READY = {1033, 1034, 1035, 12516, 12518, 12519, 12520, 12526, 12527, 12528}


def login_error(error: Exception, params: OracleParams, database: str) -> GuacrError:
    """The error for a failed connection."""
    host, port = shorten(params.hostname), params.port
    code, reason = error_code(error), error_reason(error)
    if code in _DENIED or reason.startswith(_DENIED_TEXTS):
        why = f" ({reason})" if code in _EXPLAINED else ""
        return UnauthorizedError(
            f"the server rejects the login of {shorten(params.username)}{why}: "
            "check user and password"
        )
    if code in _NO_SERVICE or any(text in str(error) for text in _NO_SERVICE_TEXTS):
        return NotFoundError(
            f"the server at {host} has no service {shorten(database)}: check database, "
            "which names the service"
        )
    if code in _NOT_READY:
        return UpstreamUnavailableError(f"the server at {host} accepts no logins now: {reason}")
    return _unreachable(error, host, port) or UpstreamError(
        f"the server at {host} on port {port} cannot be used: {reason}: check port and tls, "
        "and that it is Oracle 12.1 or later"
    )


def _unreachable(error: Exception, host: str, port: int) -> GuacrError | None:
    """The error if there is no server, or a different one."""
    cause = error if isinstance(error, OSError | UnicodeError) else error.__cause__
    if isinstance(cause, TimeoutError):
        return UpstreamTimeoutError(
            f"host {host} does not answer on port {port} in time: check address, port and tls"
        )
    if isinstance(cause, ConnectionRefusedError):
        return UpstreamUnavailableError(
            f"host {host} refuses connections to port {port}: check the port, and whether its "
            "listener runs"
        )
    if isinstance(cause, socket.gaierror | UnicodeError):
        return UpstreamNotFoundError(f"host {host} is unknown: check the name, or give its address")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return UpstreamError(
            f"the certificate of host {host} is not trusted: {cause.verify_message}: check tls-ca, "
            "or tls"
        )
    if isinstance(cause, ssl.SSLError):
        return UpstreamError(f"host {host} does not speak TLS on port {port}: check port and tls")
    return None


def error_code(error: Exception) -> int:
    """The number of an Oracle error; 0 for an error of the library."""
    return int(getattr(error.args[0], "code", 0) or 0) if error.args else 0


def full_code(error: Exception) -> str:
    """The library's code of an error, such as "DPY-4011"."""
    return str(getattr(error.args[0], "full_code", "")) if error.args else ""


def error_text(error: Exception) -> str:
    """The lines of the server, without those added by the library."""
    lines = [line for line in str(error).strip().splitlines() if line]
    own = [line for line in lines if not line.startswith(("DPY-", "Help: "))]
    return "\n".join(own or lines[:1]) or "no reason given"


def error_reason(error: Exception) -> str:
    """The first of these lines."""
    return error_text(error).splitlines()[0]
