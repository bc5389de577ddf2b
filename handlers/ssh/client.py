"""From a host's name to a login: connects, checks the host, logs in, and says what went wrong."""

from __future__ import annotations

import asyncio

from guacr.errors import (
    GuacrError,
    UpstreamError,
    UpstreamTimeoutError,
    shorten,
)
from guacr.settings import SshSettings
from handlers.dial import dial
from handlers.ssh.failures import (
    BrokenOffError,
    HostKeyRefusedError,
    LoginLateError,
    LoginRefusedError,
    NotSshError,
)
from handlers.ssh.host_keys import HostKeys, refusal
from handlers.ssh.key_texts import Trust
from handlers.ssh.library import Connection, Target, connect
from handlers.ssh.login import Login, printable
from handlers.ssh.params import SshParams

KEEP_ALIVE_MIN = 2
"""Seconds; shorter intervals are lengthened to this, as guacd does."""
GREETING_MAX = 60
"""Characters of what another server says that are shown."""


async def log_in(
    params: SshParams,
    settings: SshSettings,
    login: Login,
    *,
    host_keys: HostKeys | None,
    agent_path: str = "",
) -> Connection:
    """A connection to the host of `params` on which `login` has succeeded. Without `host_keys`
    every host is taken for what it says it is.

    Raises:
        GuacrError: it did not come to that; the message says why and what to do.
    """
    host, port = params.hostname, params.port
    sock = await dial(host, port, params.timeout)
    try:
        trust = None
        if host_keys is not None:
            address = sock.getpeername()[0]
            trust = await asyncio.to_thread(host_keys.trust, host, address, port)
    except BaseException:
        sock.close()
        raise
    target = Target(
        host=host,
        port=port,
        username=login.username,
        trust=trust,
        ciphers=settings.ciphers,
        handshake_timeout=settings.handshake_timeout,
        login_timeout=settings.login_timeout,
        keep_alive=params.server_alive_interval
        and max(params.server_alive_interval, KEEP_ALIVE_MIN),
        agent_path=agent_path,
    )
    try:
        return await connect(sock, target, login)
    except HostKeyRefusedError as error:
        raise refusal(error, host, host_keys or HostKeys("", ""), trust or Trust()) from None
    except LoginRefusedError:
        raise login.refusal(host) from None
    except LoginLateError:
        raise UpstreamTimeoutError(
            f"login to host {shorten(host)} took longer than {settings.login_timeout:g} s: "
            "connect again, and answer sooner"
        ) from None
    except NotSshError as error:
        raise not_ssh(host, port, error.greeting) from None
    except BrokenOffError as error:
        raise broken_off(host, error) from None


def not_ssh(host: str, port: int, greeting: bytes) -> GuacrError:
    """The error for a server that speaks something else, or nothing."""
    place = f"port {port} of host {shorten(host)}"
    if not greeting:
        return UpstreamError(
            f"{place} closed the connection before saying anything: check that an SSH server "
            "listens there, and that it takes connections from here"
        )
    text = printable(greeting.decode("utf-8", "replace").strip(), GREETING_MAX)
    return UpstreamError(
        f"{place} is not an SSH server, for it says {shorten(text)}: check host and port"
    )


def broken_off(host: str, error: BrokenOffError) -> GuacrError:
    """The error for a connection that has ended before its time."""
    name = shorten(host)
    if error.silent:
        return UpstreamTimeoutError(
            f"host {name} has stopped answering: check the network, and connect again"
        )
    if reason := str(error):
        return UpstreamError(f"the connection to host {name} has ended: {reason}")
    return UpstreamError(
        f"the connection to host {name} was lost: the host or the network broke it off; "
        "connect again"
    )
