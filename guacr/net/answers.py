"""Answers for HTTP clients that get nothing else."""

from __future__ import annotations

from guacr.errors import BusyError


def unavailable(error: BusyError) -> bytes:
    """Return the response for a connection over the limit."""
    return _response("503 Service Unavailable", str(error), "Retry-After: 5\r\n")


def _response(status: str, sentence: str, headers: str = "") -> bytes:
    """Return a whole response, for a connection that gets nothing else."""
    body = f"{sentence[0].upper()}{sentence[1:]}.\n"
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n{headers}"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


NEEDS_HTTPS = _response(
    "400 Bad Request",
    "this port uses HTTPS: begin the address with https://, or wss:// in programs",
)
"""The response for clients of a port with TLS that do not use it. They are not redirected: what
they sent, such as a token, was readable on the way, and should not go unnoticed."""
