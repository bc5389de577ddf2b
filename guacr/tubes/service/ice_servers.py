"""STUN and TURN servers from the settings, with time-limited credentials.

A TURN server that shares a secret with guacr (coturn's `use-auth-secret`) accepts any username of
the form "time:name", where the time is in seconds since 1970 and in the future, with the base64 of
HMAC-SHA1(secret, username) as its password (draft-uberti-behave-turn-rest-00).
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from typing import Any

from guacr.settings.webrtc import IceServerSettings, WebRtcSettings
from guacr.tubes.rtc.ice.settings import IceServer, IceSettings

CREDENTIAL_LIFETIME = 24 * 3600
"""Seconds for which credentials are valid: the server may check them again during a session."""


def credentials(server: IceServerSettings, now: float) -> tuple[str, str]:
    """Return username and password for a TURN server; `now` is in seconds since 1970."""
    if not server.secret:
        return server.username, server.credential
    username = str(int(now) + CREDENTIAL_LIFETIME)
    if server.username:
        username += f":{server.username}"
    digest = hmac.digest(server.secret.encode(), username.encode(), "sha1")
    return username, b64encode(digest).decode()


def ice_settings(settings: WebRtcSettings, now: float) -> IceSettings:
    """Return the settings of this end.

    Raises:
        IceSettingsError: a server's URL cannot be used.
    """
    return IceSettings(
        servers=tuple(_server(server, now) for server in settings.servers),
        relay_only=settings.relay_only,
        loopback=settings.loopback,
        interfaces=settings.interfaces,
        ports=(settings.port_min, settings.port_max),
    )


def configuration(settings: WebRtcSettings, now: float) -> dict[str, Any]:
    """Return the `RTCConfiguration` of a browser."""
    servers: list[dict[str, str]] = []
    for server in settings.servers:
        entry = {"urls": server.url}
        if server.is_relay:
            entry["username"], entry["credential"] = credentials(server, now)
        servers.append(entry)
    policy = "relay" if settings.relay_only else "all"
    return {"iceServers": servers, "iceTransportPolicy": policy}


def _server(server: IceServerSettings, now: float) -> IceServer:
    if not server.is_relay:
        return IceServer(server.url)
    username, credential = credentials(server, now)
    return IceServer(server.url, username, credential)
