"""Keep-alives and time-outs of clients: a `nop` to an idle one, and the end of a silent one or of
one that does not read."""

from __future__ import annotations

from guacr.errors import ClientError, ClientTimeoutError, OverrunError
from guacr.protocol.instruction import encode
from guacr.session.link import Link
from guacr.settings.models import Settings

KEEP_ALIVE = 5.0
"""Seconds after which an idle client is sent a `nop`, as in guacd; browsers wait for 15 s."""
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


def check(link: Link, now: float, settings: Settings) -> ClientError | None:
    """Send a keep-alive if one is due, or return the error with which the client is to be
    dropped."""
    link.read_rest()
    timeout = settings.server.client_timeout
    if now - link.last_received > timeout and not link.is_held:
        return ClientTimeoutError(
            f"nothing came from this client for {timeout:g} s: its computer may have slept, or the "
            "network has failed; connect again"
        )
    if link.buffered > settings.session.send_limit:
        return OverrunError("the client does not read what it is sent")
    if link.stuck_for(now) > settings.session.stuck_timeout:
        return ClientTimeoutError("the client has stopped reading what it is sent")
    if now - link.last_sent > KEEP_ALIVE:
        link.send(NOP)
    return None


def next_check(link: Link, settings: Settings) -> float:
    """Return when a client must be checked again, on the event loop's clock."""
    if link.buffered:
        return link.last_sent  # at once: it may be stuck
    silent = link.last_received + settings.server.client_timeout
    return min(link.last_sent + KEEP_ALIVE, silent)
