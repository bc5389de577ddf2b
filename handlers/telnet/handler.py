"""Telnet: shows what a host prints in a terminal, and logs in where it is told how."""

from __future__ import annotations

import asyncio
import ssl
from typing import ClassVar

from guacr.errors import BadRequestError
from guacr.session.params import Params
from guacr.session.session import Session
from guacr.session.user import User
from guacr.settings import Settings
from handlers.dial import dial
from handlers.telnet import failures
from handlers.telnet.connection import TelnetConnection
from handlers.telnet.login import LoginWatch
from handlers.telnet.machine import TelnetMachine
from handlers.telnet.params import TelnetParams
from handlers.terminal.handler import TerminalHandler
from handlers.terminal.hosttext import HostText
from handlers.tls import TlsTerms, context
from terminal import keysyms
from terminal.keymap import Modifiers

TELNETS_PORT = 992
"""Where TLS comes first, as IANA has it."""
BREAK_KEYS = frozenset({keysyms.PAUSE, keysyms.CANCEL, keysyms.BREAK})


def _check_hostname(params: TelnetParams) -> None:
    if not params.hostname:
        raise BadRequestError("parameter hostname is empty: name the host to connect to")


class TelnetHandler(TerminalHandler):
    """One Telnet session."""

    name: ClassVar[str] = "telnet"
    params_type: ClassVar[type[Params]] = TelnetParams
    params: TelnetParams

    FIRST_WORD_TIMEOUT: ClassVar[float] = 15.0
    """Seconds in which a host has to say something, from its connection or the last key: a console
    server may wait for one."""
    LOGIN_TIMEOUT: ClassVar[float] = 60.0
    """Seconds in which a login has to succeed or fail, where it is told how to know that."""

    def __init__(self, session: Session, params: TelnetParams) -> None:
        super().__init__(session, params)
        self._connection: TelnetConnection | None = None
        self._login: LoginWatch | None = None
        self._open = False
        """Whether people may type."""
        self._deadline: asyncio.Timeout | None = None

    @classmethod
    def check(cls, settings: Settings, params: Params) -> None:
        """See `ProtocolHandler.check`."""
        assert isinstance(params, TelnetParams)  # noqa: S101 - its own type
        _check_hostname(params)
        LoginWatch(params, HostText(params.encoding))

    async def run(self) -> None:
        """See `ProtocolHandler.run`."""
        params = self.params
        _check_hostname(params)
        self._login = LoginWatch(params, self.text)
        tls = None
        if params.use_ssl or params.port == TELNETS_PORT:
            tls = await self._tls()
        sock = await dial(params.hostname, params.port, params.timeout)
        connection = TelnetConnection(self, self._machine)
        self._connection = connection
        farewell = ""
        try:
            await connection.open(sock, tls, self._host)
            self.session.set_name(params.hostname)
            await self._stay(connection)
            farewell = failures.ended(params.hostname)
        except OSError as error:
            if not (self._open and connection.heard and failures.is_end(error)):
                raise failures.lost(params.hostname, params.port, error) from None
            farewell = failures.ended(params.hostname)
        finally:
            connection.close()
            await self.finish_output(farewell)

    async def _stay(self, connection: TelnetConnection) -> None:
        """Until the host ends the session."""
        params = self.params
        if not (self._login and self._login.awaits_success):
            self._begin()
        try:
            async with asyncio.timeout(self.FIRST_WORD_TIMEOUT) as self._deadline:
                if connection.heard:
                    self.host_heard()
                await connection.run(self._tls, self._host)
        except TimeoutError:
            if not self._deadline or not self._deadline.expired():
                raise
            if connection.heard:
                raise failures.undecided(params.hostname, self.LOGIN_TIMEOUT) from None
            raise failures.silent(params.hostname, params.port, self.FIRST_WORD_TIMEOUT) from None
        finally:
            self._deadline = None
        if not connection.heard:
            raise failures.closed_at_once(params.hostname, params.port)
        if not self._open:
            raise failures.closed_at_login(params.hostname)

    @property
    def _host(self) -> str:
        """The name that a certificate has to have."""
        return self.params.hostname.strip("[]")

    async def _tls(self) -> ssl.SSLContext:
        terms = TlsTerms(authorities=self.params.ca_cert, ignore=self.params.ignore_cert)
        return await context(terms)

    def _machine(self, tls: bool) -> TelnetMachine:
        columns, rows, _, _ = self.window
        params = self.params
        username = self.text.encode(params.username, "parameter username")
        return TelnetMachine(params.terminal_type, (columns, rows), username, tls=tls)

    def _begin(self) -> None:
        """People may type."""
        self._open = True
        self.start_input()

    def _postpone(self, seconds: float | None) -> None:
        """The host has so many seconds from now; None for no end."""
        if self._deadline is not None and not self._deadline.expired():
            now = asyncio.get_running_loop().time()
            self._deadline.reschedule(None if seconds is None else now + seconds)

    # ---- TerminalHandler

    def key(self, user: User, keysym: int, pressed: bool) -> None:
        """See `ProtocolHandler.key`. Pause, Break and Ctrl+0 are the break of a serial line, as
        with guacd."""
        if pressed and self._is_break(user, keysym):
            if self._connection is not None and self.takes_keys:
                self._connection.send_break()
        else:
            super().key(user, keysym, pressed)

    def _is_break(self, user: User, keysym: int) -> bool:
        if keysym == ord("0"):
            return self.person(user).keyboard.modifiers == Modifiers.CTRL
        return keysym in BREAK_KEYS

    def reply(self, data: bytes) -> None:
        """See `TerminalHandler.reply`: hosts ask before they let anyone type, too."""
        if self._connection is not None:
            self._connection.write(data)

    def send(self, data: bytes) -> None:
        """See `TerminalHandler.send`."""
        connection = self._connection
        if connection is None:
            return
        if self._login is not None and any(code >= 0x20 for code in data):
            self._login.leave_to_person()
        if not connection.heard:
            self._postpone(self.FIRST_WORD_TIMEOUT)
        connection.write(data)
        if connection.local_echo:
            self.feed(echoed(data))

    def window_changed(self, columns: int, rows: int, width: int, height: int) -> None:
        """See `TerminalHandler.window_changed`."""
        if self._connection is not None:
            self._connection.resize(columns, rows)

    def block_output(self, blocked: bool) -> None:
        """See `TerminalHandler.block_output`."""
        if self._connection is not None:
            self._connection.block(blocked)

    # ---- TelnetListener

    def host_heard(self) -> None:
        """The host has said something for the first time."""
        self._postpone(None if self._open else self.LOGIN_TIMEOUT)

    def host_output(self, data: bytes) -> None:
        """The host has printed."""
        self.feed(data)
        if self._login is not None:
            self._watch(self._login, data)

    def host_blocked(self, blocked: bool) -> None:
        """The host takes no more input, or takes it again."""
        if blocked:
            self.pause_input()
        else:
            self.resume_input()

    def _watch(self, login: LoginWatch, data: bytes) -> None:
        typed = login.feed(data)
        if typed and self._connection is not None:
            self._connection.write(typed)
        if login.over:
            self._login = None
            if not self._open:
                self._begin()
                self._postpone(None)


def echoed(data: bytes) -> bytes:
    """What is typed, as a terminal shows it that echoes by itself."""
    shown = data.replace(b"\r", b"\r\n").replace(b"\b", b"\x7f").replace(b"\x7f", b"\b \b")
    return b"".join(
        bytes([code]) if code >= 0x20 or code in b"\b\r\n" else b"^" + bytes([code ^ 0x40])
        for code in shown
    )
