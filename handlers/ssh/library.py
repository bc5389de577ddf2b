"""SSH connections with asyncssh, in plain types; `handlers.ssh.shell` has the shell.

A `Dialogue` answers the host at login, and the caller decides what is trusted.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, TypeVar

from guacr.api import BadRequestError, GuacrError, step
from guacr.sshlib import asyncssh, constants
from handlers.ssh.algorithms import Algorithms
from handlers.ssh.failures import (
    BrokenOffError,
    HandshakeLateError,
    HostKeyRefusedError,
    LoginLateError,
    LoginRefusedError,
    NegotiationError,
    NotSshError,
    SubsystemRefusedError,
    TunnelRefusedError,
    broken_off,
    reason,
)
from handlers.ssh.greeting import ConnectedTunnel
from handlers.ssh.group_exchange import bound_group_exchange
from handlers.ssh.key_texts import Trust
from handlers.ssh.leniency import be_lenient
from handlers.ssh.negotiation import Mismatch, mismatches
from handlers.ssh.shell import Shell

if TYPE_CHECKING:
    from handlers.ssh.dialogue import Dialogue, ShellListener

KEEP_ALIVE_TRIES = 3
"""Unanswered keep-alive requests after which the connection counts as lost."""
CLOSE_TIMEOUT = 2.0
"""Seconds that an orderly close may take."""
OUTPUT_WINDOW = 512 * 1024
"""Bytes of output that the host may have in flight, which a Ctrl-C can no longer stop."""
bound_group_exchange()
_Answer = TypeVar("_Answer")
_FAILURES = (asyncssh.Error, OSError, ValueError, LookupError, AssertionError)
"""Exceptions while connecting: asyncssh propagates whatever a host's malformed packets cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The host to log in to, and the options."""

    host: str
    port: int
    username: str
    trust: Trust | None
    """None: any host key is accepted."""
    algorithms: Algorithms = field(default_factory=Algorithms)
    greeting_timeout: float
    """Seconds until the host must identify itself as an SSH server."""
    handshake_timeout: float
    """Seconds from then on until the host must accept logins."""
    login_timeout: float
    """Seconds that the login may take, including the time for typing."""
    keep_alive: int = 0
    """Seconds between keep-alive requests; 0 for none."""
    agent_path: str = ""
    """The Unix socket that is forwarded as an agent."""
    kerberos_cache: str = ""
    """The credential cache for a Kerberos login; empty for none."""
    decode: Callable[[bytes], str]
    """Decodes texts of the host that are not UTF-8."""


async def connect(
    way: socket.socket | Connection, target: Target, dialogue: Dialogue
) -> Connection:
    """Exchange keys and log in over a connected socket, whose ownership is transferred, or through
    a jump host.

    Raises:
        TunnelRefusedError, NotSshError, HostKeyRefusedError, HandshakeLateError, LoginRefusedError,
            LoginLateError, BrokenOffError: as their names say.
        BadRequestError: the options of the target are not usable.
    """
    _name_this_user()
    client = _Client(dialogue, target.decode)
    try:
        return Connection(await _connection(way, target, client), client)
    except BaseException:
        client.part()
        raise


async def _connection(
    way: socket.socket | Connection, target: Target, client: _Client
) -> asyncssh.SSHClientConnection:
    door = ConnectedTunnel(way, client.heard)
    try:
        async with asyncio.timeout(target.greeting_timeout) as deadline:
            client.on_greeting = lambda: deadline.reschedule(_now() + target.handshake_timeout)
            client.on_begin = lambda: deadline.reschedule(_now() + target.login_timeout)
            connection = await asyncssh.connect(
                target.host,
                target.port,
                tunnel=door,
                config=None,
                client_factory=lambda: client,
                **_options(target),
            )
            step("login")
            return connection
    except TimeoutError:
        raise _too_late(client, door) from None
    except _FAILURES as error:
        raise _explained(error, client, door) from None
    finally:
        door.close()


def _options(target: Target) -> dict[str, Any]:
    """The options for asyncssh; nothing is read from files or the environment of this user."""
    trust, algorithms = target.trust, target.algorithms
    return {
        "username": target.username,
        "known_hosts": None
        if trust is None
        else (list(trust.keys), list(trust.authorities), list(trust.revoked)),
        "server_host_key_algs": algorithms.host_key_types(
            trust.types if trust else [], certificates=bool(trust and trust.authorities)
        ),
        # None, because an empty list means the keys in this user's home.
        "client_keys": None,
        "client_host_keys": None,
        "agent_path": None,
        "pkcs11_provider": None,
        "agent_forwarding": target.agent_path or False,
        **_kerberos(target),
        "x509_trusted_certs": None,
        "x509_trusted_cert_paths": [],
        "host_based_auth": False,
        "kex_algs": list(algorithms.key_exchange),
        "encryption_algs": list(algorithms.ciphers),
        "mac_algs": list(algorithms.macs),
        "compression_algs": ["none"],
        "keepalive_interval": target.keep_alive,
        "keepalive_count_max": KEEP_ALIVE_TRIES,
        "login_timeout": 0,
        "utf8_decode_errors": "replace",
    }


def _kerberos(target: Target) -> dict[str, Any]:
    """GSSAPI only for the login: the host must still show its key; tickets are not forwarded."""
    if not target.kerberos_cache:
        return {"gss_host": None}
    return {
        "gss_host": target.host,
        "gss_store": target.kerberos_cache,
        "gss_kex": False,
        "gss_auth": True,
        "gss_delegate_creds": False,
    }


def _now() -> float:
    return asyncio.get_running_loop().time()


def _name_this_user() -> None:
    """Provide a user name for asyncssh, which a container may not have."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = "guacr"


def _too_late(client: _Client, door: ConnectedTunnel) -> Exception:
    if client.begun:
        return LoginLateError()
    if door.greeting and not client.speaks_ssh:
        return NotSshError(bytes(door.greeting))
    return HandshakeLateError(greeted=client.speaks_ssh)


def _explained(error: Exception, client: _Client, door: ConnectedTunnel) -> Exception:
    """The failure for an exception of asyncssh during connecting."""
    if isinstance(error, ValueError) and not client.connected:
        return BadRequestError(f"the connection cannot be set up as requested: {reason(error)}")
    if client.refused_key or isinstance(error, asyncssh.HostKeyNotVerifiable):
        why = reason(str(error).partition(" for host ")[0])
        return HostKeyRefusedError(client.refused_key, why, revoked="revoked" in why)
    if isinstance(error, asyncssh.ChannelOpenError) and not client.connected:
        return TunnelRefusedError(
            reason(error),
            prohibited=error.code == constants.OPEN_ADMINISTRATIVELY_PROHIBITED,
        )
    if missing := client.mismatches():
        return NegotiationError(missing)
    if isinstance(error, asyncssh.PermissionDenied):
        return LoginRefusedError(str(error))
    if not client.speaks_ssh:
        return NotSshError(bytes(door.greeting))
    return broken_off(error)


def _spare_ignored_packets(connection: asyncssh.SSHClientConnection) -> None:
    """Send one packet per key instead of two. asyncssh sends an empty SSH_MSG_IGNORE before every
    packet, so that the initialization vector cannot be predicted (RFC 4251, section 9.3.1); this
    matters only to ciphers in CBC mode."""
    if str(connection.get_extra_info("send_cipher")).endswith("-cbc"):
        return
    send = connection.send_packet

    def send_packet(kind: int, *args: bytes, handler: Any = None) -> None:
        if kind != constants.MSG_IGNORE:
            send(kind, *args, handler=handler)

    connection.send_packet = send_packet  # type: ignore[method-assign, assignment]


def _ignore_closed_transport(connection: asyncssh.SSHClientConnection) -> None:
    """Send nothing more once the transport is closed. uvloop raises RuntimeError for this, until
    the loss has been reported a moment later."""
    send = connection._send

    def send_if_open(data: bytes) -> None:
        transport: Any = connection._transport
        if transport is not None and not transport.is_closing():
            send(data)

    connection._send = send_if_open  # type: ignore[method-assign]


class Connection:
    """A connection on which the user is logged in."""

    def __init__(self, connection: asyncssh.SSHClientConnection, client: _Client) -> None:
        self._connection = connection
        self._client = client
        _spare_ignored_packets(connection)
        _ignore_closed_transport(connection)

    async def open_shell(
        self,
        listener: ShellListener,
        *,
        command: str = "",
        terminal_type: str,
        window: tuple[int, int, int, int],
        backspace: int,
        environment: Mapping[str, str],
        utf_8: bool,
        timeout: float,
    ) -> Shell:
        """Start a shell, or a command, in a new terminal. `window` is columns, rows, and width and
        height in pixels; `backspace` is the erase character; with `utf_8` the host's terminal
        erases whole characters; `timeout` is in seconds.

        Raises:
            BrokenOffError: the host refuses, or the connection has ended.
        """
        shell = Shell(listener, lambda: self._client.said_goodbye)
        try:
            async with asyncio.timeout(timeout):
                await self._connection.create_session(
                    lambda: shell,
                    command or None,
                    request_pty="force",
                    term_type=terminal_type,
                    term_size=window,
                    term_modes={asyncssh.PTY_VERASE: backspace, asyncssh.PTY_IUTF8: int(utf_8)},
                    env=list(environment.items()),
                    encoding=None,
                    window=OUTPUT_WINDOW,
                )
        except TimeoutError:
            raise BrokenOffError("", silent=True) from None
        except (asyncssh.Error, OSError) as error:
            raise broken_off(error) from None
        return shell

    async def open_subsystem(
        self, session: asyncssh.SSHClientSession[bytes], name: str, *, window: int, timeout: float
    ) -> None:
        """Start a subsystem of the host (RFC 4254, section 6.5) on a channel of its own, which is
        passed to `session`. `window` is the bytes that it may have in flight; `timeout` is in
        seconds.

        Raises:
            SubsystemRefusedError: the host does not have it, or no further channel.
            BrokenOffError: the connection has ended, or the host does not answer.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._connection.create_session(
                    lambda: session,
                    subsystem=name,
                    request_pty=False,
                    encoding=None,
                    window=window,
                )
        except TimeoutError:
            raise BrokenOffError("", silent=True) from None
        except asyncssh.ChannelOpenError as error:
            is_open = error.code == constants.OPEN_REQUEST_SESSION_FAILED
            raise SubsystemRefusedError(reason(error), is_open=is_open) from None
        except (asyncssh.Error, OSError) as error:
            raise broken_off(error) from None

    @property
    def closed(self) -> bool:
        """True if the connection has ended."""
        return self._connection.is_closed()

    async def tunnel(
        self, protocol: asyncio.Protocol, host: str, port: int
    ) -> asyncio.BaseTransport:
        """Open a connection from this host to another one; asyncssh's channels are transports."""
        session: Any = protocol
        channel: Any
        channel, _ = await self._connection.create_connection(lambda: session, host, port)
        transport: asyncio.BaseTransport = channel
        return transport

    async def close(self) -> None:
        """Disconnect within `CLOSE_TIMEOUT`; may be called twice."""
        self._connection.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._connection.wait_closed()
        except TimeoutError:
            self._connection.abort()
        self._client.part()


class _Client(asyncssh.SSHClient):
    """Passes asyncssh's questions to a dialogue. The dialogue keeps its own errors; here they count
    as no answer."""

    def __init__(self, dialogue: Dialogue, decode: Callable[[bytes], str]) -> None:
        self._decode = decode
        self.refused_key = ""
        self.begun = False
        self.said_goodbye = False
        """True if the host has sent a disconnect message."""
        self.on_begin: Callable[[], None]
        self.on_greeting: Callable[[], None]
        self._greeted = False
        self._dialogue = dialogue
        self._connection: asyncssh.SSHClientConnection | None = None

    def part(self) -> None:
        """Break the reference cycles of a connection that has ended, so that its objects, and
        passwords, are freed at once and not by the garbage collector."""
        connection = self._connection
        if connection is not None:
            for name, value in list(vars(connection).items()):
                if isinstance(value, FunctionType | MethodType):
                    delattr(connection, name)
            vars(connection)["_owner"] = None
        vars(self).clear()

    @property
    def connected(self) -> bool:
        """True if the connection to the host was established."""
        return self._connection is not None

    @property
    def speaks_ssh(self) -> bool:
        """True if the host has sent its version of SSH 2."""
        return bool(self._connection and self._connection.get_extra_info("server_version"))

    def heard(self) -> None:
        """Handle received bytes: the host is alive, whether or not it answers keep-alive
        requests."""
        if self._connection is not None:
            self._connection._keepalive_count = 0
            if not self._greeted and self.speaks_ssh:
                self._greeted = True
                if not self.begun:
                    self.on_greeting()

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._connection = conn
        be_lenient(conn, self, self._decode)

    def mismatches(self) -> list[Mismatch]:
        """The kinds of algorithms for which the first key exchange found no match."""
        if self._connection is None or self.begun:
            return []
        return mismatches(self._connection.get_hash_prefix())

    def disconnect_received(self) -> None:
        self.said_goodbye = True

    def partial_success(self) -> None:
        self._dialogue.partial_success()

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self.refused_key = key.get_fingerprint()
        return False

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.refused_key = key.get_fingerprint()
        return False

    def begin_auth(self, username: str) -> None:
        self.begun = True
        step("key exchange")
        self.on_begin()
        key = self._connection and self._connection.get_server_host_key()
        self._dialogue.begun(key.get_fingerprint() if key else "")

    def auth_banner_received(self, msg: str, lang: str) -> None:
        self._dialogue.banner(msg)

    def public_key_auth_requested(self) -> Any:
        key = self._dialogue.next_key()
        return None if key is None else list(key.pairs)

    async def password_auth_requested(self) -> str | None:
        return await _or_none(self._dialogue.password())

    async def password_change_requested(self, prompt: str, lang: str) -> Any:
        changed = await _or_none(self._dialogue.new_password(prompt))
        return NotImplemented if changed is None else changed

    def kbdint_auth_requested(self) -> str | None:
        return "" if self._dialogue.takes_prompts() else None

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        said = [text for text in (name, instructions) if text]
        return await _or_none(self._dialogue.answers(said, prompts))


async def _or_none(answer: Awaitable[_Answer | None]) -> _Answer | None:
    try:
        return await answer
    except GuacrError:
        return None
