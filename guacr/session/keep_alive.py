"""Keep-alives and time-outs of clients: a `nop` to an idle one, and the end of a silent one or of
one that does not read."""

from __future__ import annotations

from guacr.errors import ClientTimeoutError, OverrunError
from guacr.protocol.instruction import encode
from guacr.session.link import Link
from guacr.settings.models import Settings

KEEP_ALIVE = 5.0
"""Seconds after which an idle client is sent a `nop`, as in guacd; browsers wait for 15 s."""
EARLY = 0.25
"""Seconds by which a keep-alive may be early: checks come once per second, and one that is almost
due would come a second late."""
SOON = 0.1
"""The shortest time between two checks of a client, in seconds."""
ANSWER = 2.5
"""Seconds for which a client must have been sent nothing before its own `nop` is answered: twice in
`KEEP_ALIVE` at most, even if it sends them without pause or answers each `nop` with another one."""
NOP = encode("nop")
MORE = len(NOP) + 1
"""Bytes from which on data is more than a `nop`. No other instruction is as short, and a process
with thousands of idle clients should not wake up for each `nop`: `check` reads them."""


def answer(link: Link) -> None:
    """Answer the `nop` of a client, so that it needs no keep-alive of its own."""
    if link.last_received - link.last_sent > ANSWER and not link.buffered:
        link.send(NOP)


def check(link: Link, now: float, settings: Settings) -> float:
    """Send a keep-alive if one is due; return when this is to be called again. Both times are on
    the event loop's clock.

    Raises:
        ClientError: the client is to be dropped.
    """
    link.read_rest()
    silent = link.last_received + settings.server.client_timeout
    if now > silent and not link.is_held:
        raise ClientTimeoutError(
            f"nothing came from this client for {settings.server.client_timeout:g} s: its computer "
            "may have slept, or the network has failed; connect again"
        )
    stuck = link.stuck_for(now)
    if stuck > settings.session.stuck_timeout:
        raise ClientTimeoutError("the client has stopped reading what it is sent")
    if now - link.last_sent >= KEEP_ALIVE - EARLY:
        link.send(NOP)
    buffered = link.buffered
    if buffered > settings.session.send_limit:
        raise OverrunError("the client does not read what it is sent")
    due = now if buffered else min(link.last_sent + KEEP_ALIVE - EARLY, silent)
    return max(due, now + SOON)
