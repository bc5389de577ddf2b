"""From a host's name to a login: connects, checks the host, logs in, and says what went wrong."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from guacr.errors import (
    GuacrError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    shorten,
)
from guacr.settings import SshSettings
from handlers.dial import dial
from handlers.ssh.algorithms import algorithms
from handlers.ssh.failures import (
    BrokenOffError,
    ConnectingError,
    HandshakeLateError,
    HostKeyRefusedError,
    LoginLateError,
    LoginRefusedError,
    NegotiationError,
    NotSshError,
    TunnelRefusedError,
)
from handlers.ssh.host_keys import HostKeys, refusal
from handlers.ssh.key_texts import Trust
from handlers.ssh.library import Connection, Target, connect
from handlers.ssh.login import Login, printable
from handlers.ssh.negotiation import explained
from handlers.ssh.params import SshParams
from handlers.ssh.route import Hop

KEEP_ALIVE_MIN = 2
"""Seconds; shorter intervals are lengthened to this, as guacd does."""
GREETING_MAX = 60
"""Characters of what another server says that are shown."""


async def log_in(
    params: SshParams,
    settings: SshSettings,
    login: Login,
    hop: Hop,
    *,
    via: Connection | None = None,
    host_keys: HostKeys | None,
    started: float,
    agent_path: str = "",
    decode: Callable[[bytes], str],
) -> Connection:
    """A connection to the host of `hop`, through the one of `via` if there is one, on which `login`
    has succeeded. All logins together have the time of one, from when the first one `started`.
    Without `host_keys` every host is taken for what it says it is; `decode` reads its texts that
    are not UTF-8.

    Raises:
        GuacrError: it did not come to that; the message says why and what to do.
    """
    offered = algorithms(params, settings)
    spent = asyncio.get_running_loop().time() - started if via else 0
    way, trust = await _way(hop, via, params.timeout, host_keys)
    target = Target(
        host=hop.hostname,
        port=hop.port,
        username=login.username,
        trust=trust,
        algorithms=offered,
        greeting_timeout=min(params.timeout, settings.handshake_timeout),
        handshake_timeout=settings.handshake_timeout,
        login_timeout=max(settings.login_timeout - spent, 0),
        keep_alive=keep_alive(params.server_alive_interval),
        agent_path=agent_path,
        kerberos_cache="" if hop.is_jump or not params.gss_auth else settings.kerberos_cache,
        decode=decode,
    )
    try:
        return await connect(way, target, login)
    except LoginRefusedError:
        raise login.refusal(target.host) from None
    except HostKeyRefusedError as error:
        keys = host_keys or HostKeys("", "")
        raise refusal(error, target.host, keys, trust or Trust()) from None
    except LoginLateError:
        raise UpstreamTimeoutError(
            f"login to host {shorten(target.host)} took longer than "
            f"{settings.login_timeout:g} s: connect again, and answer sooner"
        ) from None
    except ConnectingError as error:
        raise _explained(error, target) from None


def keep_alive(seconds: int) -> int:
    """The interval that is used for the one that was asked for."""
    return max(seconds, KEEP_ALIVE_MIN) if seconds else 0


async def _way(
    hop: Hop, via: Connection | None, timeout: float, host_keys: HostKeys | None
) -> tuple[socket.socket | Connection, Trust | None]:
    """What leads to the host, and the keys that the host may show. What address a jump host finds
    for a name is its own affair."""
    if via is not None:
        return via, await _trust(hop, "", host_keys)
    sock = await dial(hop.hostname, hop.port, timeout)
    try:
        return sock, await _trust(hop, sock.getpeername()[0], host_keys)
    except BaseException:
        sock.close()
        raise


async def _trust(hop: Hop, address: str, host_keys: HostKeys | None) -> Trust | None:
    if host_keys is None:
        return None
    return await asyncio.to_thread(host_keys.trust, hop.hostname, address, hop.port)


def _explained(error: ConnectingError, target: Target) -> GuacrError:
    place = f"port {target.port} of host {shorten(target.host)}"
    if isinstance(error, NotSshError):
        return not_ssh(place, error.greeting)
    if isinstance(error, HandshakeLateError):
        late = (
            f"the key exchange has not ended within {target.handshake_timeout:g} s"
            if error.greeted
            else f"no SSH server has greeted within {target.greeting_timeout:g} s"
        )
        return UpstreamTimeoutError(
            f"{place} took the connection, but {late}: check host and port, and whether the host "
            "is overloaded"
        )
    if isinstance(error, TunnelRefusedError):
        return _unreachable(place, error)
    if isinstance(error, NegotiationError):
        return UpstreamError(explained(target.host, error.missing))
    return broken_off(target.host, error)


def _unreachable(place: str, error: TunnelRefusedError) -> GuacrError:
    why = printable(str(error), GREETING_MAX) or "no reason is given"
    if error.prohibited:
        return UpstreamUnavailableError(
            f"the jump host before it does not connect to {place}: {why}; allow it there "
            "(AllowTcpForwarding and PermitOpen of OpenSSH's server)"
        )
    return UpstreamUnavailableError(
        f"the jump host before it cannot connect to {place}: {why}; check host and port as seen "
        "from there"
    )


def not_ssh(place: str, greeting: bytes) -> GuacrError:
    """The error for a server at `place` that speaks something else, or nothing."""
    if not greeting:
        return UpstreamError(
            f"{place} closed the connection before saying anything: check that an SSH server "
            "listens there, and that it takes connections from here"
        )
    text = printable(greeting.decode("utf-8", "replace").strip(), GREETING_MAX)
    return UpstreamError(
        f"{place} is not an SSH server, for it says {shorten(text)}: check host and port"
    )


def broken_off(host: str, error: ConnectingError) -> GuacrError:
    """The error for a connection that has ended before its time."""
    name = shorten(host)
    if isinstance(error, BrokenOffError) and error.silent:
        return UpstreamTimeoutError(
            f"host {name} has stopped answering: check the network, and connect again"
        )
    if reason := str(error):
        return UpstreamError(f"the connection to host {name} has ended: {reason}")
    return UpstreamError(
        f"the connection to host {name} was lost: the host or the network broke it off; "
        "connect again"
    )
