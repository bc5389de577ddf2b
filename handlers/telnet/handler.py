"""Telnet: shows a host's output in a terminal, and logs in if it is told how."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from functools import partial
from typing import ClassVar

from typing_extensions import override

from guacr.api import (
    BadRequestError,
    Check,
    Connects,
    Params,
    SessionContext,
    Settings,
    User,
    forget_frames,
)
from handlers import tls
from handlers.telnet import failures
from handlers.telnet.connection import TelnetConnection
from handlers.telnet.login import LoginWatch
from handlers.telnet.machine import TelnetMachine
from handlers.telnet.params import TelnetParams
from handlers.terminal.handler import TerminalHandler
from handlers.terminal.hosttext import HostText
from handlers.tls import TlsTerms, context
from handlers.wake import reach, wake_of
from terminal.input import keysyms
from terminal.input.keymap import Modifiers

TELNETS_PORT = 992
"""The port for Telnet over TLS, as assigned by IANA."""
BREAK_KEYS = frozenset({keysyms.PAUSE, keysyms.CANCEL, keysyms.BREAK})


def _check_hostname(params: TelnetParams) -> None:
    if not params.hostname:
        raise BadRequestError("parameter hostname is empty: name the host to connect to")


class TelnetHandler(TerminalHandler[TelnetParams]):
    """A Telnet session."""

    name: ClassVar[str] = "telnet"
    connects: ClassVar[Connects] = Connects.CHECKED
    params_type: ClassVar[type[Params]] = TelnetParams

    FIRST_WORD_TIMEOUT: ClassVar[float] = 15.0
    """Seconds within which a host must send something after the connection or the last key; a
    console server may wait for a key."""
    LOGIN_TIMEOUT: ClassVar[float] = 60.0
    """Seconds within which a login must succeed or fail, if there is an expression for it."""

    def __init__(self, session: SessionContext, params: TelnetParams) -> None:
        super().__init__(session, params)
        self._connection: TelnetConnection | None = None
        self._login: LoginWatch | None = None
        self._open = False
        """True if people may type."""
        self._deadline: asyncio.Timeout | None = None

    @classmethod
    @override
    def checks(cls, settings: Settings, params: TelnetParams) -> Iterator[Check]:
        yield from super().checks(settings, params)
        yield partial(_check_hostname, params)
        yield partial(wake_of, params)
        if params.use_ssl or params.port == TELNETS_PORT:
            yield partial(tls.check, _tls_terms(params))
        yield lambda: LoginWatch(params, HostText(params.encoding))

    @override
    async def run(self) -> None:
        params = self.params
        _check_hostname(params)
        self._login = LoginWatch(params, self.text)
        tls = None
        if params.use_ssl or params.port == TELNETS_PORT:
            tls = await self._tls()
        sock = await reach(
            self.session.network,
            params.hostname,
            params.port,
            params.timeout,
            wake_of(params),
            self.announce,
        )
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
            forget_frames(error)  # the connection keeps it, and it would keep the parameters
            farewell = failures.ended(params.hostname)
        finally:
            connection.close()
            await self.finish_output(farewell)

    async def _stay(self, connection: TelnetConnection) -> None:
        """Wait until the host ends the session."""
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
        """The name that a certificate must contain."""
        return self.params.hostname.strip("[]")

    async def _tls(self) -> ssl.SSLContext:
        return await context(_tls_terms(self.params))

    def _machine(self, tls: bool) -> TelnetMachine:
        columns, rows, _, _ = self.window
        params = self.params
        username = self.text.encode(params.username, "parameter username")
        return TelnetMachine(params.terminal_type, (columns, rows), username, tls=tls)

    def _begin(self) -> None:
        """Let people type."""
        self._open = True
        self.start_input()

    def _postpone(self, seconds: float | None) -> None:
        """Give the host so many seconds from now; None for no limit."""
        if self._deadline is not None and not self._deadline.expired():
            now = asyncio.get_running_loop().time()
            self._deadline.reschedule(None if seconds is None else now + seconds)

    # ---- TerminalHandler

    @override
    def key(self, user: User, keysym: int, pressed: bool) -> None:
        """Pass on a key; as with guacd, Pause, Break and Ctrl+0 are the break of a serial line."""
        if pressed and self._is_break(user, keysym):
            if self._connection is not None and self.takes_keys:
                self._connection.send_break()
        else:
            super().key(user, keysym, pressed)

    def _is_break(self, user: User, keysym: int) -> bool:
        if keysym == ord("0"):
            return self.person(user).keyboard.modifiers == Modifiers.CTRL
        return keysym in BREAK_KEYS

    @override
    def reply(self, data: bytes) -> None:
        """Send a reply at any time: hosts also send queries before they let anyone type."""
        if self._connection is not None and not self.session.input_paused:
            self._connection.write(data)

    @override
    def send(self, data: bytes) -> None:
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

    @override
    def window_changed(self, columns: int, rows: int, width: int, height: int) -> None:
        if self._connection is not None:
            self._connection.resize(columns, rows)

    @override
    def block_output(self, blocked: bool) -> None:
        if self._connection is not None:
            self._connection.block(blocked)

    # ---- TelnetListener

    def host_heard(self) -> None:
        """Handle the first bytes of the host."""
        self._postpone(None if self._open else self.LOGIN_TIMEOUT)

    def host_output(self, data: bytes) -> None:
        """Handle output of the host."""
        self.feed(data)
        if self._login is not None:
            self._watch(self._login, data)

    def host_blocked(self, blocked: bool) -> None:
        """Handle that the host accepts no more input, or accepts it again."""
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


def _tls_terms(params: TelnetParams) -> TlsTerms:
    return TlsTerms(authorities=params.ca_cert, ignore=params.ignore_cert)


def echoed(data: bytes) -> bytes:
    """Input as shown by a terminal with local echo."""
    shown = data.replace(b"\r", b"\r\n").replace(b"\b", b"\x7f").replace(b"\x7f", b"\b \b")
    return b"".join(
        bytes([code]) if code >= 0x20 or code in b"\b\r\n" else b"^" + bytes([code ^ 0x40])
        for code in shown
    )
