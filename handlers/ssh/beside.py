"""SFTP beside a desktop: the files of a host, over an SSH connection of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

from guacr.api import (
    BadRequestError,
    Check,
    SessionContext,
    SftpHostParams,
    UnauthorizedError,
    compute,
    shorten,
)
from handlers.offer import Offer
from handlers.sftp.channel import SftpChannel
from handlers.sftp.files import SftpFiles
from handlers.sftp.names import Names
from handlers.sftp.places import Places
from handlers.ssh.client import log_in
from handlers.ssh.failures import KeyFormatError, PassphraseError
from handlers.ssh.host_keys import HostKeys, known_hosts, pinned
from handlers.ssh.key_texts import PrivateKey
from handlers.ssh.keys import check_private_key, read_key
from handlers.ssh.library import Connection
from handlers.ssh.login import Login
from handlers.ssh.params import SshParams
from handlers.ssh.route import route
from handlers.ssh.sftp import open_sftp

PREFIX = "sftp-"
"""The prefix of the parameters."""


def checks(params: SftpHostParams) -> Iterator[Check]:
    """Yield the checks of the keys in a configured connection."""
    yield partial(_pinned, params)
    yield partial(_check_key, params)


class Beside:
    """The files of a host beside a desktop.

    Args:
        session: the session of the desktop.
        params: the parameters, whose names begin with `sftp-`.
        hostname: the SSH host.
        username: the name to log in with.
        tell: shows a sentence to the users.
    """

    def __init__(
        self,
        session: SessionContext,
        params: SftpHostParams,
        *,
        hostname: str,
        username: str,
        tell: Callable[[str], None],
    ) -> None:
        self._host = _Host(session, params, hostname, username)
        places = Places(params.sftp_root_directory, Names())
        files = SftpFiles(
            self._host.open,
            places,
            params.sftp_root_directory,
            may_read=not params.sftp_disable_download,
            may_write=not params.sftp_disable_upload,
        )
        self.offer = Offer(session, files, params.sftp_directory, tell)

    async def run(self) -> None:
        """Offer the files until this is cancelled. A lost connection is made again when somebody
        uses the files."""
        try:
            await self.offer.run()
            await asyncio.Event().wait()
        finally:
            self.offer.close()
            await self._host.disconnect()


class _Host:
    """The connection to the SSH host."""

    def __init__(
        self, session: SessionContext, params: SftpHostParams, hostname: str, username: str
    ) -> None:
        self._session = session
        self._params = params
        self._hostname = hostname
        self._username = username
        self._connection: Connection | None = None

    async def open(self) -> SftpChannel:
        """Start SFTP, after connecting if there is no connection.

        Raises:
            GuacrError: the host cannot be reached, refuses the login or has no SFTP.
        """
        if self._connection is None or self._connection.closed:
            await self.disconnect()
            self._connection = await self._connect()
        timeout = self._session.settings.ssh.handshake_timeout
        return await open_sftp(self._connection, self._hostname, timeout)

    async def _connect(self) -> Connection:
        params = self._ssh_params()
        host_keys = await self._host_keys()
        login = Login(
            Nobody(),
            self._username,
            password=params.password,
            prefix=PREFIX,
            key=await self._key(),
            on_host=None if host_keys else self._unverified,
        )
        return await log_in(
            params,
            self._session.settings.ssh,
            login,
            route(params)[-1],
            network=self._session.network,
            host_keys=host_keys,
            started=asyncio.get_running_loop().time(),
            announce=_ignore,
            decode=lambda text: text.decode(errors="replace"),
        )

    async def disconnect(self) -> None:
        """End the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _ssh_params(self) -> SshParams:
        """Return the parameters of an SSH session with the host.

        Raises:
            BadRequestError: the host or the user is missing.
        """
        if not self._hostname:
            raise BadRequestError("parameter sftp-hostname is empty: name the host of the files")
        if not self._username:
            raise BadRequestError("parameter sftp-username is empty: name the user of the files")
        params = self._params
        return SshParams(
            hostname=self._hostname,
            port=params.sftp_port,
            timeout=params.sftp_timeout,
            password=params.sftp_password,
            server_alive_interval=params.sftp_server_alive_interval,
        )

    async def _host_keys(self) -> HostKeys | None:
        if self._params.sftp_host_key:
            return _pinned(self._params)
        return await known_hosts(self._session.settings.ssh.known_hosts)

    async def _key(self) -> PrivateKey | None:
        params = self._params
        if not params.sftp_private_key:
            return None
        try:
            return await compute(
                read_key, params.sftp_private_key, params.sftp_passphrase, params.sftp_public_key
            )
        except PassphraseError as error:
            raise UnauthorizedError(f"parameter {PREFIX}passphrase: {error}") from None
        except KeyFormatError as error:
            raise _renamed(error) from None

    def _unverified(self, fingerprint: str) -> None:
        place = shorten(self._hostname)
        self._session.log.warning("SFTP host %s is not verified; its key is %s", place, fingerprint)


class Nobody:
    """The person at a terminal, where there is no terminal."""

    async def ask(self, prompt: str, *, echo: bool = True) -> str:
        """Refuse to ask.

        Raises:
            UnauthorizedError: always.
        """
        raise UnauthorizedError(
            f"the SFTP host asks {shorten(prompt)}, and nobody is asked beside a desktop: set "
            f"{PREFIX}password or {PREFIX}private-key"
        )

    def print_line(self, text: str) -> None:
        """Ignore a line."""


def _ignore(text: str) -> None:
    """Ignore a line."""


def _pinned(params: SftpHostParams) -> HostKeys:
    try:
        return pinned(params.sftp_host_key, f"{PREFIX}host-key")
    except KeyFormatError as error:
        raise _renamed(error) from None


def _check_key(params: SftpHostParams) -> None:
    try:
        check_private_key(params.sftp_private_key, params.sftp_passphrase, params.sftp_public_key)
    except PassphraseError as error:
        raise UnauthorizedError(f"parameter {PREFIX}passphrase: {error}") from None
    except KeyFormatError as error:
        raise _renamed(error) from None


def _renamed(error: KeyFormatError) -> BadRequestError:
    return BadRequestError(f"parameter {PREFIX}{error.parameter} {error.what}")
