"""UltraVNC's repeaters, which connect viewers to servers: by address (mode I), or by the ID with
which a server has connected to them (mode II)."""

from __future__ import annotations

from collections.abc import Callable

from guacr.api import BadRequestError, UpstreamError, shorten
from handlers.vnc.rfb.input import Input, Steps

GREETING = b"RFB 000.000\n"
REQUEST_SIZE = 250
"""Bytes of a request, which is padded with zeros."""
ID = "ID:"
"""The beginning of a destination that is an ID."""
PORT = 5900
"""The port of a server if a request names none."""
DISPLAYS = 100
"""Numbers below this are those of displays for UltraVNC, and not of ports."""


def pass_repeater(source: Input, send: Callable[[bytes], None], destination: str) -> Steps[None]:
    """Make a repeater connect to a destination, whose data follows.

    Raises:
        UpstreamError: this is not a repeater.
    """
    greeting = yield from source.read(len(GREETING))
    if greeting != GREETING:
        raise UpstreamError(
            "this is not an UltraVNC repeater: it begins with "
            f"{shorten(greeting.decode('latin-1'))}; "
            "check host and port, or leave dest-host empty"
        )
    send(destination.encode().ljust(REQUEST_SIZE, b"\0"))


def destination_of(host: str, port: int) -> str:
    """Return the destination for `dest-host` and `dest-port`: `HOST:PORT` or `ID:NUMBER`. As with
    guacd, an ID may be in the port, with `ID` as the host. Empty if there is no repeater.

    Raises:
        BadRequestError: it does not fit into a request, or is no host name.
    """
    if not host:
        return ""
    name, _, rest = host.partition(":")
    if name.upper() == "ID":
        found = f"{ID}{rest or port}"
    elif rest and not port and ":" not in rest:
        found = host
    else:
        found = f"{host}:{port or PORT}"
    fits = found.isprintable() and len(found.encode()) < REQUEST_SIZE
    if not (fits and (found.startswith(ID) or _is_name(found.rpartition(":")[0]))):
        raise BadRequestError(
            f"parameter dest-host is not a host or an ID ({shorten(host)}): give the host name, or "
            "the ID like ID:1234"
        )
    return found


def _is_name(host: str) -> bool:
    """Return whether a certificate could contain this name."""
    try:
        host.strip("[]").encode("idna")
    except UnicodeError:  # no part of a name is empty, or longer than 63 bytes
        return False
    return True


def unexpected_repeater() -> UpstreamError:
    """Return the error for a repeater without a destination."""
    return UpstreamError(
        "this is an UltraVNC repeater: set dest-host to the host, or to the ID like ID:1234, that "
        "it is to connect to"
    )
