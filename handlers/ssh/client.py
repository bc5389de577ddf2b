"""Connect to a host, verify it and log in, with a helpful error if anything fails."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from guacr.api import (
    GuacrError,
    Network,
    SshSettings,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    shorten,
)
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
from handlers.wake import reach, send, wake_of

KEEP_ALIVE_MIN = 2
"""Seconds; shorter intervals are raised to this, as in guacd."""
GREETING_MAX = 60
"""Maximum characters that are shown of another server's greeting."""


async def log_in(
    params: SshParams,
    settings: SshSettings,
    login: Login,
    hop: Hop,
    *,
    network: Network,
    via: Connection | None = None,
    host_keys: HostKeys | None,
    started: float,
    announce: Callable[[str], None],
    agent_path: str = "",
    decode: Callable[[bytes], str],
) -> Connection:
    """Log in to the host of `hop`, through `via` if given, and return the connection.

    All logins together have the time-out of one, from when the first one `started`. Without
    `host_keys`, any host key is accepted; `decode` decodes texts of the host that are not UTF-8.

    Raises:
        GuacrError: the login failed; the message says why and what to do.
    """
    offered = algorithms(params, settings)
    spent = asyncio.get_running_loop().time() - started if via else 0
    wake = None if hop.is_jump else wake_of(params)
    way: socket.socket | Connection
    if via is None:
        way = await reach(network, hop.hostname, hop.port, params.timeout, wake, announce)
    else:
        way = via
        network.check_beyond(hop.hostname, hop.port)
        if wake is not None:
            await send(network, wake)
    trust = await _trust(hop, way, host_keys)
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
    """The interval that is used for a requested one."""
    return max(seconds, KEEP_ALIVE_MIN) if seconds else 0


async def _trust(
    hop: Hop, way: socket.socket | Connection, host_keys: HostKeys | None
) -> Trust | None:
    """Find the keys that the host may show; a jump host resolves its name itself."""
    if host_keys is None:
        return None
    if isinstance(way, Connection):
        return await asyncio.to_thread(host_keys.trust, hop.hostname, "", hop.port)
    try:
        address = way.getpeername()[0]
        return await asyncio.to_thread(host_keys.trust, hop.hostname, address, hop.port)
    except BaseException:
        way.close()
        raise


def _explained(error: ConnectingError, target: Target) -> GuacrError:
    place = f"port {target.port} of host {shorten(target.host)}"
    if isinstance(error, NotSshError):
        return not_ssh(place, error.greeting)
    if isinstance(error, HandshakeLateError):
        late = (
            f"the key exchange was not completed within {target.handshake_timeout:g} s"
            if error.greeted
            else f"no SSH server sent a greeting within {target.greeting_timeout:g} s"
        )
        return UpstreamTimeoutError(
            f"{place} accepted the connection, but {late}: check host and port, and whether the "
            "host is overloaded"
        )
    if isinstance(error, TunnelRefusedError):
        return _unreachable(place, error)
    if isinstance(error, NegotiationError):
        return UpstreamError(explained(target.host, error.missing))
    return broken_off(target.host, error)


def _unreachable(place: str, error: TunnelRefusedError) -> GuacrError:
    why = printable(str(error), GREETING_MAX) or "no reason given"
    if error.prohibited:
        return UpstreamUnavailableError(
            f"the jump host before it refuses to connect to {place}: {why}; allow it there "
            "(AllowTcpForwarding and PermitOpen of OpenSSH's server)"
        )
    return UpstreamUnavailableError(
        f"the jump host before it cannot connect to {place}: {why}; check host and port as seen "
        "from there"
    )


def not_ssh(place: str, greeting: bytes) -> GuacrError:
    """The error for a server at `place` that speaks another protocol, or nothing."""
    if not greeting:
        return UpstreamError(
            f"{place} closed the connection before saying anything: check that an SSH server "
            "listens there, and that it accepts connections from here"
        )
    text = printable(greeting.decode("utf-8", "replace").strip(), GREETING_MAX)
    return UpstreamError(
        f"{place} is not an SSH server: it says {shorten(text)}; check host and port"
    )


def broken_off(host: str, error: ConnectingError) -> GuacrError:
    """The error for a connection that ended unexpectedly."""
    name = shorten(host)
    if isinstance(error, BrokenOffError) and error.silent:
        return UpstreamTimeoutError(
            f"host {name} has stopped answering: check the network, and connect again"
        )
    if reason := str(error):
        return UpstreamError(f"the connection to host {name} has ended: {reason}")
    return UpstreamError(
        f"the connection to host {name} was lost: the host or the network closed it; connect again"
    )
