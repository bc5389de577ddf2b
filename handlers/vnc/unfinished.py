"""Logins that have been begun, and not completed since.

A server that has asked for a password counts what follows as a failed login if nobody answers, and
locks an address out after a few of them. All users of a daemon share its address. So the next ones
are asked before the daemon connects to this server again, until a login is completed.
"""

from __future__ import annotations

from collections import OrderedDict

from handlers.vnc.params import VncParams
from handlers.vnc.rfb.events import CredentialsWanted
from handlers.vnc.rfb.handshake import Credentials

REMEMBERED = 3600.0
"""Seconds for which a login is remembered."""
SERVERS_MAX = 1024
"""Servers that are remembered, with their user names."""

Server = tuple[str, int, str, int, str]

_begun: OrderedDict[Server, tuple[float, CredentialsWanted]] = OrderedDict()
"""When each login was begun, and what the server wanted to know."""


def note(params: VncParams, wanted: CredentialsWanted, now: float) -> None:
    """Note that a server waits for credentials; `now` is in seconds."""
    if params.reverse_connect:
        return  # the server decides when it connects
    server = _server(params)
    _begun[server] = (now, wanted)
    _begun.move_to_end(server)
    if len(_begun) > SERVERS_MAX:
        _begun.popitem(last=False)


def forget(params: VncParams) -> None:
    """Note that a login has been completed."""
    _begun.pop(_server(params), None)


def wanted(params: VncParams, known: Credentials, now: float) -> CredentialsWanted | None:
    """Return what to ask for before connecting to a server; None if there is nothing to ask."""
    begun, last = _begun.get(_server(params), (now, CredentialsWanted(False, False)))
    if params.reverse_connect or now - begun > REMEMBERED:
        return None
    username = last.username and not known.username
    password = last.password and not known.password
    return CredentialsWanted(username, password) if username or password else None


def _server(params: VncParams) -> Server:
    return params.hostname, params.port, params.dest_host, params.dest_port, params.username
