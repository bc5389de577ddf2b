"""SSH: logs in to a host and shows a shell, or a command, in a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import ClassVar

from typing_extensions import override

from guacr.api import (
    BadRequestError,
    Check,
    Connects,
    GuacrError,
    Params,
    SessionContext,
    Settings,
    is_showable,
    shorten,
)
from handlers.offer import Offer
from handlers.sftp.files import SftpFiles
from handlers.sftp.names import Names
from handlers.sftp.places import Places
from handlers.ssh.agent import open_agent
from handlers.ssh.algorithms import KINDS, algorithms
from handlers.ssh.client import broken_off, log_in
from handlers.ssh.failures import BrokenOffError, PassphraseError
from handlers.ssh.host_keys import HostKeys, known_hosts, pinned, read_known_hosts
from handlers.ssh.kerberos import check_allowed, check_tickets
from handlers.ssh.key_texts import PrivateKey
from handlers.ssh.keys import check_private_key, is_public, load_private_key
from handlers.ssh.library import Connection
from handlers.ssh.login import Login
from handlers.ssh.params import SshParams
from handlers.ssh.route import Hop, route
from handlers.ssh.sftp import open_sftp
from handlers.ssh.shell import Shell
from handlers.terminal.files import FilesTerminalHandler
from handlers.wake import wake_of


def _check_hostname(params: SshParams) -> None:
    if not params.hostname:
        raise BadRequestError("parameter hostname is empty: name the host to connect to")


def _check_host_key(hop: Hop) -> None:
    try:
        pinned(hop.host_key)
    except GuacrError as error:
        raise hop.told(error) from None


def _check_key(hop: Hop) -> None:
    try:
        with suppress(PassphraseError):  # it is asked for
            check_private_key(hop.private_key, hop.passphrase, hop.public_key)
    except GuacrError as error:
        raise hop.told(error) from None


ENVIRONMENT_MAX = 256
"""Maximum characters of an environment variable; a longer one is not sent."""
FAREWELL_MAX = 200
"""Maximum characters that are logged of a host's reason to disconnect."""


class SshHandler(FilesTerminalHandler[SshParams]):
    """An SSH session."""

    name: ClassVar[str] = "ssh"
    connects: ClassVar[Connects] = Connects.CHECKED
    params_type: ClassVar[type[Params]] = SshParams
    files_parameter: ClassVar[str] = "enable-sftp"

    def __init__(self, session: SessionContext, params: SshParams) -> None:
        super().__init__(session, params)
        self._shell: Shell | None = None

    @classmethod
    @override
    def check_settings(cls, settings: Settings) -> list[str]:
        remarks = super().check_settings(settings)
        algorithms(SshParams(), settings.ssh)
        path = settings.ssh.known_hosts
        keys = read_known_hosts(path)
        if keys is not None:
            keys.check()
        elif "known_hosts" in settings.ssh.model_fields_set:
            remarks.append(f"ssh.known_hosts: there is no file {path}, so hosts are not verified")
        return remarks

    @classmethod
    @override
    def checks(cls, settings: Settings, params: SshParams) -> Iterator[Check]:
        yield from super().checks(settings, params)
        yield partial(_check_hostname, params)
        yield partial(wake_of, params)
        for kind in KINDS:
            yield partial(kind.chosen, params, settings.ssh)
        for hop in route(params):
            yield partial(_check_host_key, hop)
            yield partial(_check_key, hop)

    @classmethod
    @override
    def remarks(cls, settings: Settings, params: SshParams) -> list[str]:
        useless = [
            f"public-key of {hop.place} is neither a certificate nor a public key, and is ignored"
            for hop in route(params)
            if hop.public_key and not is_public(hop.public_key)
        ]
        return [*super().remarks(settings, params), *useless]

    @override
    async def run(self) -> None:
        params = self.params
        _check_hostname(params)
        wake_of(params)  # before anyone is asked anything
        if params.gss_auth:
            cache = self.session.settings.ssh.kerberos_cache
            check_allowed(cache, params.username, self.session.origin)
            await asyncio.to_thread(check_tickets, cache, params.hostname)
        hops = [await self._prepared(hop) for hop in route(params)]
        username = params.username or (await self.ask("Login as: ")).strip()
        self.params = replace(params, username=username)
        started = asyncio.get_running_loop().time()
        passed: list[tuple[Hop, Connection]] = []
        async with AsyncExitStack() as cleanup:
            for hop, host_keys, key in hops:
                if len(hops) > 1:
                    self.print_line(f"Connecting to {hop.place}.")
                login = Login(
                    self,
                    hop.username or username,
                    password=hop.password,
                    prefix=hop.prefix,
                    key=key,
                    kerberos=params.gss_auth and not hop.is_jump,
                    on_host=None if host_keys else partial(self._unverified, hop),
                )
                try:
                    connection = await log_in(
                        params,
                        self.session.settings.ssh,
                        login,
                        hop,
                        network=self.session.network,
                        via=passed[-1][1] if passed else None,
                        host_keys=host_keys,
                        started=started,
                        announce=self.announce,
                        agent_path="" if hop.is_jump else await self._agent(key, cleanup),
                        decode=self.text.decode,
                    )
                except GuacrError as error:
                    raise hop.told(error) from None
                cleanup.push_async_callback(connection.close)
                passed.append((hop, connection))
            self.session.set_name(f"{username}@{params.hostname}")
            await self._stay(passed)

    async def _prepared(self, hop: Hop) -> tuple[Hop, HostKeys | None, PrivateKey | None]:
        """Read the trusted keys and the credentials of a host, before connecting to any."""
        try:
            return hop, await self._host_keys(hop), await self._private_key(hop)
        except GuacrError as error:
            raise hop.told(error) from None

    async def _host_keys(self, hop: Hop) -> HostKeys | None:
        if hop.host_key:
            return pinned(hop.host_key, f"{hop.prefix}host-key")
        return await known_hosts(self.session.settings.ssh.known_hosts)

    def _unverified(self, hop: Hop, fingerprint: str) -> None:
        self.session.log.warning("%s is not verified; its key is %s", hop.place, fingerprint)
        place = hop.place[:1].upper() + hop.place[1:]
        self.print_line(f"{place} is not verified. Its key is {fingerprint}.")

    async def _private_key(self, hop: Hop) -> PrivateKey | None:
        if not hop.private_key:
            return None
        return await load_private_key(hop.private_key, hop.passphrase, hop.public_key, self)

    async def _agent(self, key: PrivateKey | None, cleanup: AsyncExitStack) -> str:
        """Start an agent with the key, if requested, and return its socket."""
        if not self.params.enable_agent:
            return ""
        if key is None:
            self.print_line("No agent is forwarded because there is no private-key.")
            return ""
        agent = await open_agent(key)
        cleanup.push_async_callback(agent.close)
        return str(agent.path)

    async def _stay(self, passed: Sequence[tuple[Hop, Connection]]) -> None:
        """Open the shell on the last host, and wait until it ends."""
        params = self.params
        _, connection = passed[-1]
        last_line = ""
        window = self.window
        try:
            shell = self._shell = await connection.open_shell(
                self,
                command=params.command,
                terminal_type=params.terminal_type,
                window=window,
                backspace=params.backspace,
                environment=self._environment(),
                utf_8=self.text.charset is None,
                timeout=self.session.settings.ssh.handshake_timeout,
            )
            if self.window != window:
                shell.resize(self.window)
            self.start_input()
            if params.enable_sftp:
                self.files = self._offer(connection)
                self.session.start_task(self.files.run(), "SFTP")
            await shell.ended
            if shell.farewell and any(way.closed for _, way in passed[:-1]):
                raise BrokenOffError("")  # an end of the jump host is not an end of the host
            if shell.farewell:
                self.session.log.info("ended by host: %s", shorten(shell.farewell, FAREWELL_MAX))
                last_line = f"The session has ended: {shell.farewell}."
        except BrokenOffError as error:
            lost = next((hop for hop, way in passed if way.closed), passed[-1][0])
            raise lost.told(broken_off(lost.hostname, error)) from None
        finally:
            if self.files is not None:
                self.files.close()
            await self.finish_output(last_line)

    def _offer(self, connection: Connection) -> Offer:
        """Return the host's files, over channels of a connection."""
        params, timeout = self.params, self.session.settings.ssh.handshake_timeout
        names = Names(self.text.decode, partial(self.text.encode, what="the name"))
        places = Places(params.sftp_root_directory, names)
        files = SftpFiles(
            partial(open_sftp, connection, params.hostname, timeout),
            places,
            params.sftp_root_directory,
            may_read=not params.sftp_disable_download,
            may_write=not params.sftp_disable_upload,
        )
        return Offer(self.session, files, "", self.tell_owner)

    def _environment(self) -> dict[str, str]:
        values = {
            "TZ": self.params.timezone or self.session.owner_info.timezone,
            "LANG": self.params.locale,
        }
        return {
            name: value
            for name, value in values.items()
            if value and is_showable(value) and len(value) <= ENVIRONMENT_MAX
        }

    # ---- TerminalHandler

    @override
    def send(self, data: bytes) -> None:
        if self._shell is not None:
            self._shell.write(data)

    @override
    def window_changed(self, columns: int, rows: int, width: int, height: int) -> None:
        if self._shell is not None:
            self._shell.resize((columns, rows, width, height))

    @override
    def block_output(self, blocked: bool) -> None:
        if self._shell is not None:
            self._shell.block(blocked)

    # ---- ShellListener

    def shell_output(self, data: bytes) -> None:
        """Handle output of the shell."""
        self.feed(data)

    def shell_blocked(self, blocked: bool) -> None:
        """Handle that the host accepts no more input, or accepts it again."""
        if blocked:
            self.pause_input()
        else:
            self.resume_input()
