"""Translate errors of PostgreSQL and libpq for people."""

from __future__ import annotations

import psycopg
from psycopg import pq

from guacr.api import (
    GuacrError,
    NotFoundError,
    UnauthorizedError,
    UpstreamError,
    UpstreamUnavailableError,
    shorten,
)
from handlers.database.adapter import StatementError, no_answer
from handlers.database.params import DatabaseParams
from handlers.dial import unknown_host

POSITION_DIGITS = 10
"""Maximum digits of the position of an error."""


def login_error(error: psycopg.Error, params: DatabaseParams) -> GuacrError:
    """The error for a failed connection."""
    text = str(error)
    host = address_of(params)
    reason = text.rpartition("FATAL:")[2].strip() or text
    if "pg_hba.conf" in reason:
        return UnauthorizedError(
            f"the server at {host} refuses: {first_line(reason)}: its pg_hba.conf decides who "
            "may log in from where, and whether with TLS (parameter tls)"
        )
    if "password" in text or "authentication failed" in text:
        return UnauthorizedError(
            f"the server rejects the login of {shorten(params.username)}: check user and password"
        )
    if "failed to resolve host" in text:
        return unknown_host(params.hostname)
    if isinstance(error, psycopg.errors.ConnectionTimeout) or "timeout" in text:
        return no_answer(host)
    if "does not exist" in reason and ("FATAL" in text):
        return NotFoundError(f"{reason}: check the connection's parameters")
    if "Connection refused" in text or "No such file" in text:
        return UpstreamUnavailableError(
            f"the server at {host} refuses connections: check the port, and whether it runs"
        )
    if "SSL" in text or "certificate" in text:
        return UpstreamError(
            f"the server at {host} and parameter tls={params.tls} are incompatible: "
            f"{first_line(reason)}"
        )
    told = first_line(reason).rpartition("failed: ")[2]
    return UpstreamError(f"the server at {host} cannot be used: {told}")


def statement_error(result: pq.abc.PGresult) -> StatementError | None:
    """The error of a statement as psql prints it, with its position; None if the result has no
    message of a server, which is so if the connection is lost."""

    def part(field: pq.DiagnosticField) -> str:
        return (result.error_field(field) or b"").decode(errors="replace")

    message = part(pq.DiagnosticField.MESSAGE_PRIMARY)
    if not message:
        return None
    lines = [f"{part(pq.DiagnosticField.SEVERITY)}:  {message}"]
    for label, field in (
        ("DETAIL", pq.DiagnosticField.MESSAGE_DETAIL),
        ("HINT", pq.DiagnosticField.MESSAGE_HINT),
        ("CONTEXT", pq.DiagnosticField.CONTEXT),
    ):
        if part(field):
            lines.append(f"{label}:  {part(field)}")
    position = part(pq.DiagnosticField.STATEMENT_POSITION)
    known = position.isdecimal() and len(position) <= POSITION_DIGITS
    return StatementError("\n".join(lines), int(position) if known else 0)


def address_of(params: DatabaseParams) -> str:
    """The server, for sentences."""
    return f"{shorten(params.hostname)} on port {params.port}"


def first_line(text: str) -> str:
    """The first line of a message."""
    return text.strip().splitlines()[0] if text.strip() else "no reason given"
