"""The errors of a VNC connection."""

from __future__ import annotations

import ssl

from guacr.api import (
    GuacrError,
    UnauthorizedError,
    UpstreamError,
    UpstreamTimeoutError,
    shorten,
)
from handlers.vnc.params import VncParams

REASON_MAX = 120
"""Maximum characters of a reason from OpenSSL."""


def named(params: VncParams) -> str:
    """Return the server, as the subject of a sentence."""
    if params.reverse_connect and not params.hostname:
        return "the VNC server"
    return f"host {shorten(params.hostname)}"


def place(params: VncParams) -> str:
    """Return the port of the host, which may be a repeater, as the subject of a sentence."""
    if params.reverse_connect:
        return named(params)
    kind = "repeater" if params.dest_host else "host"
    return f"port {params.port} of {kind} {shorten(params.hostname)}"


def closed_early(params: VncParams) -> GuacrError:
    """The server closed the connection before its desktop was shown."""
    check = "that a VNC server listens there, and that it accepts connections from here"
    if params.reverse_connect:
        check = "that it is a VNC server, and accepts this viewer"
    elif params.dest_host:
        check = f"that the repeater knows {shorten(params.dest_host)} and can reach it"
    return UpstreamError(
        f"{place(params)} closed the connection before showing a desktop: check {check}"
    )


def silent(params: VncParams, seconds: float, *, greeted: bool) -> GuacrError:
    """The server accepted the connection, but does not continue; `greeted` is True if it has begun
    as VNC servers do."""
    check = "host and port, and whether the host is overloaded"
    if params.reverse_connect:
        check = "that it is a VNC server, and whether it is overloaded"
    elif params.dest_host:
        check = f"whether {shorten(params.dest_host)} is connected to the repeater"
    elif not greeted:
        return UpstreamTimeoutError(
            f"{place(params)} has sent nothing for {seconds:g} s, while VNC servers speak first: "
            f"check {check}"
        )
    return UpstreamTimeoutError(
        f"the VNC handshake with {place(params)} has not ended within {seconds:g} s: check {check}"
    )


def closed_while_asking(params: VncParams) -> GuacrError:
    """The server did not wait for a person's answer."""
    return UpstreamError(
        f"{named(params)} closed the connection before the login was complete: connect again, "
        "and answer sooner"
    )


def refused_in_silence(params: VncParams) -> GuacrError:
    """The server closed the connection instead of accepting a login."""
    return UnauthorizedError(
        f"{named(params)} closed the connection instead of accepting the login: check the password "
        "and, if there is one, the user name"
    )


def ended(params: VncParams) -> GuacrError:
    """The server closed the connection while the desktop was shown."""
    return UpstreamError(
        f"{named(params)} has closed the connection: its VNC server has ended or has "
        "disconnected this viewer; connect again"
    )


def stopped_answering(params: VncParams) -> GuacrError:
    """The server no longer sends anything."""
    return UpstreamTimeoutError(
        f"{named(params)} has stopped answering: check the network and the host, and connect again"
    )


def untrusted(params: VncParams, error: ssl.SSLError) -> GuacrError:
    """TLS has failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = shorten(error.verify_message, REASON_MAX)
        return UpstreamError(
            f"the certificate of {named(params)} is not trusted ({reason}): set ca-cert to "
            "its authority's certificate, cert-fingerprints to its fingerprint, or ignore-cert"
        )
    reason = shorten(error.reason or str(error), REASON_MAX)
    return UpstreamError(f"TLS with {named(params)} has failed: {reason}")
