"""A connection to an RDP server, from the worker's start to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial

from guacr.api import GuacrError, SessionContext, shorten
from handlers.link import is_near
from handlers.notice import Notice
from handlers.rdp import certificates, failures, negotiation
from handlers.rdp.channel.codec import ChannelError, Message
from handlers.rdp.channel.messages import (
    Certificate,
    CertificateVerdict,
    Connected,
    CredentialsWanted,
    Ended,
    Indicators,
    Layout,
    LoggedOn,
    LogonNoted,
    Remark,
    RemoteAppRefused,
    Resizable,
    Sized,
    Start,
    Stop,
)
from handlers.rdp.channel.redirection import Redirected
from handlers.rdp.clipboard.clipboard import Clipboard
from handlers.rdp.desktop import Desktop
from handlers.rdp.devices.devices import Devices
from handlers.rdp.engine import STOP_TIMEOUT, Engine, EngineError
from handlers.rdp.key_sender import KeySender, layout_of, locks_of
from handlers.rdp.keyboard import Keyboard
from handlers.rdp.known_hosts import known_hosts
from handlers.rdp.launcher import launchers
from handlers.rdp.login import Login
from handlers.rdp.microphone import Microphone
from handlers.rdp.options import keyboard_settings, settings_of, zone_of
from handlers.rdp.params import RdpParams
from handlers.rdp.pipes import Pipes
from handlers.rdp.pointer import Pointer
from handlers.rdp.redirection import Redirection, redirection_of
from handlers.rdp.resizing import Resizing
from handlers.rdp.route import Connection
from handlers.rdp.sound import HostSound
from handlers.rdp.touch import Touches
from handlers.rdp.watch import Watch

HANDSHAKE_TIMEOUT = 30.0
"""Seconds for everything between the connection and the desktop."""
CERTIFICATES_MAX = 4
"""Certificates of one connection that are checked."""
ERRORS_MAX = 10
"""Errors of one worker that are logged as such."""
STABLE_AFTER = 30.0
"""Seconds for which a desktop must be shown before all attempts to connect are allowed again."""


class MissingCredentialsError(Exception):
    """The server wants credentials, and some are missing."""


class Server:
    """One connection to a server.

    Args:
        session: the session whose users see the desktop.
        connection: the connection to it.
        login: the credentials.
        desktop: shows the picture.
        clipboard: keeps what has been copied.
        microphone: records what users say.
        pipes: the static channels.
        devices: the drive and the printer.
        security: the security protocol.
        redirection: what has led to this server, if another one has.
    """

    def __init__(
        self,
        session: SessionContext,
        connection: Connection,
        login: Login,
        desktop: Desktop,
        clipboard: Clipboard,
        microphone: Microphone,
        pipes: Pipes,
        devices: Devices,
        security: str,
        redirection: Redirection | None = None,
    ) -> None:
        self._session = session
        self._connection = connection
        self._params = params = connection.params
        self._login = login
        self._desktop = desktop
        self._clipboard = clipboard
        self._microphone = microphone
        self._pipes = pipes
        self._devices = devices
        self._sound = HostSound(session, is_wanted=not params.disable_audio)
        self._security = security
        self._led_by = redirection
        self.redirection: Redirection | None = None
        """Where to connect next, if the server has ended the connection for that."""
        self._notice = Notice(session)
        self._engine = Engine(self._handle, launchers[session.settings.rdp.engine])
        self._watch = Watch(self._engine, self._notice, params)
        self._ended: Ended | None = None
        self._redirected: Redirected | None = None
        self._error: GuacrError | None = None
        self._shown_at: float | None = None
        """The time at which the desktop was first shown, on the event loop's clock."""
        self._handshake: asyncio.Timeout | None = None
        self._is_connected = False
        self._asks = not login.was_asked_for
        self._wants_credentials = False
        self._has_logged_in = security == negotiation.RDP
        """True if credentials may have reached the server: RDP's own security sends them at once,
        the others after the certificate was accepted."""
        self._certificates = self._errors = 0
        self._has_verified = self._is_untrusted = False
        """True if the certificate was accepted, and if it was refused."""
        self._is_refused = False
        """True if the server has not started the RemoteApp."""
        self._logon_error: GuacrError | None = None
        """Why the server has refused the last logon, as far as it has said so."""
        self._is_logged_on = False
        """True if the server has said that a user is logged on."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._resizing = Resizing(session, params, desktop)
        self.is_outdated = False
        """True if the connection has been ended to make another one in a new size."""
        self._geometry = self._resizing.geometry(*session.size)
        self.pointer = Pointer(self._engine.post)
        self.touches = Touches(session, self._engine.post)
        layout = layout_of(params.server_layout)
        # without a reference to this connection, which would stay in memory
        note = partial(_note_unicode, session.log, layout.name)
        note_unicode = None if layout.is_failsafe else note
        self.keyboard = Keyboard(layout, KeySender(self._engine.post, note_unicode))

    async def run(self) -> None:
        """Show the desktop of the server until its user logs off, until it
        `is_outdated`, or until there is a `redirection`.

        Raises:
            MissingCredentialsError: it needs those of a person.
            GuacrError: the reason why the connection has ended.
        """
        session, params, engine = self._session, self._params, self._engine
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT) as self._handshake:
                sock = self._connection.sock
                self._watch.begin(sock)
                settings = self._settings(is_near=is_near(sock))
                await engine.open(sock)
                self._desktop.begin(engine)
                engine.send(settings)
                if self._connection.allowed.clipboard:
                    self._clipboard.begin(engine)
                self._pipes.begin(engine)
                self._begin_devices(engine)
                self._microphone.begin(engine)
                engine.send(keyboard_settings(self.keyboard.layout))
                zone = zone_of(params.timezone or session.owner_info.timezone)
                engine.send([Start(params.hostname, zone, self._asks)])
                await asyncio.shield(engine.lost)
        except EngineError as error:
            session.log.warning("the RDP worker was ended: %s", error)
            raise failures.engine_lost(params) from None
        except TimeoutError:
            raise self._error or failures.silent(params, HANDSHAKE_TIMEOUT) from None
        if self._error is not None:
            raise self._error
        if self.is_outdated:
            return
        if self._redirected is not None:
            is_verified = self._has_verified
            self.redirection = redirection_of(params, self._redirected, is_verified=is_verified)
            return
        if self._wants_credentials:
            raise MissingCredentialsError
        if self._ended is None:
            raise failures.engine_lost(params)
        if self.was_shown and failures.is_logoff(self._ended):
            return
        if failures.is_loss(self._ended) and self._connection.failure is not None:
            raise self._connection.failure
        if self._watch.lost is not None and failures.is_loss(self._ended):
            raise self._watch.lost
        if self._logon_error is not None and failures.is_loss(self._ended):
            raise self._logon_error
        if not self.may_retry and self.was_shown and failures.is_loss(self._ended):
            raise failures.closed_after_login(params)
        raise failures.of(params, self._ended, shown=self.was_shown)

    async def close(self) -> None:
        """End the connection, if it has not ended."""
        for task in self._tasks:
            task.cancel()
        self._release()
        self._notice.clear()
        self._clipboard.end()
        self._pipes.end()
        self._devices.end()
        self._microphone.end()
        self._sound.close()
        self._desktop.end()
        await self._engine.close()
        self._watch.end()

    def fail(self, error: GuacrError) -> None:
        """End the connection with an error, unless it has ended."""
        if self._ended is None:
            self._error = error
            self._engine.kill()

    def _release(self) -> None:
        """Release what users hold."""
        self.pointer.release()
        self.touches.end()
        self.keyboard.release_all()

    @property
    def params(self) -> RdpParams:
        """The parameters of the connection."""
        return self._params

    @property
    def was_shown(self) -> bool:
        """True if the desktop was shown."""
        return self._shown_at is not None

    @property
    def may_retry(self) -> bool:
        """True if another connection may be made: it does not repeat a login that may have been
        refused, which would lock the account sooner or later, and neither the certificate nor the
        RemoteApp was refused."""
        if self._is_untrusted or self._is_refused:
            return False
        if self._is_logged_on or self.was_stable or not self._login.has_secret:
            return True
        return not self._has_logged_in or (self._ended and self._ended.error) == failures.DISAGREED

    @property
    def has_disagreed(self) -> bool:
        """True if the connection ended before a security protocol was agreed on."""
        return self._ended is not None and failures.is_disagreement(self._ended)

    @property
    def has_begun(self) -> bool:
        """True if the server has shown a certificate or a desktop: it speaks RDP."""
        return self.was_shown or self._certificates > 0

    @property
    def was_stable(self) -> bool:
        """True if the desktop was shown for so long that the next failure counts as a new one."""
        return self._shown_at is not None and _now() - self._shown_at > STABLE_AFTER

    @property
    def is_resizable(self) -> bool:
        """True if the server has said that it can be resized."""
        return self._resizing.is_possible

    def resize(self, width: int, height: int) -> None:
        """Follow the window, if the server can be resized."""
        self._resizing.put(width, height)

    # ---- messages

    def _handle(self, message: Message) -> None:
        if self._ended is not None:
            return  # another thread of the worker may have been late
        self._desktop.handle(message)
        self._resizing.handle(message)
        self._clipboard.handle(message)
        self._sound.handle(message)
        self._microphone.handle(message)
        self._pipes.handle(message)
        self._devices.handle(message)
        self.touches.handle(message)
        match message:
            case Certificate():
                self._certificates += 1
                if self._certificates > CERTIFICATES_MAX:
                    raise ChannelError("there are too many certificates")
                self._start(self._verify(message.pem), "certificate")
            case CredentialsWanted():
                if not self._asks:
                    raise ChannelError("credentials are wanted once more")
                self._wants_credentials = True
            case Sized() if self._shown_at is None:
                self._shown_at = _now()
                self._session.set_name(self._params.hostname)
                self._session.set_quality(self._params.quality)
            case Connected() if not self._is_connected:
                self._is_connected = True
                self._start(self._keep_watch(), "RDP worker's watch")
                if self._handshake is not None:
                    self._handshake.reschedule(None)
                self._session.set_connected()
                self.keyboard.begin(key for user in self._session.users for key in user.held.keys)
                if self._params.resize_method == "reconnect":
                    self._start(self._resizing.follow(self._reconnect, None), "sizes")
            case Resizable() if not self._resizing.is_possible:
                self._start(self._resizing.follow(self._engine.post, message), "sizes")
            case LoggedOn():
                self._is_logged_on, self._logon_error = True, None
            case LogonNoted():
                self._logon_error = failures.logon(self._params, message.kind, message.data)
                if self._logon_error is not None:
                    self._session.log.info("%s", self._logon_error)
            case Redirected():
                self._redirected = message
            case RemoteAppRefused() if not self._is_refused:
                self._is_refused = True
                self._error = failures.remote_app(self._params, message.result)
                self._engine.send([Stop()])
            case Ended():
                self._ended = message
                self._start(self._await_end(), "RDP worker's end")
            case Indicators():
                self.keyboard.report(locks_of(message.flags))
            case Remark(is_error=True) if self._errors < ERRORS_MAX:
                self._errors += 1
                self._session.log.error("RDP worker: %s", shorten(message.text, 2000))
            case Remark():
                self._session.log.debug("RDP worker: %s", shorten(message.text, 200))

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        task = self._session.start_task(work, name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _verify(self, pem: bytes) -> None:
        try:
            known = known_hosts(self._session.settings.rdp.known_hosts)
            told = self._led_by.certificate if self._led_by else b""
            await certificates.check(self._params, pem, known, told)
        except GuacrError as error:
            self._error = error
            self._is_untrusted = True
        self._has_logged_in = self._has_verified = not self._is_untrusted
        self._engine.send([CertificateVerdict(self._has_logged_in)])

    async def _keep_watch(self) -> None:
        self._error = await self._watch.run()
        self._engine.kill()

    async def _await_end(self) -> None:
        """End a worker that goes on after its last message."""
        await asyncio.sleep(STOP_TIMEOUT)
        self._engine.kill()

    def _begin_devices(self, engine: Engine) -> None:
        allowed = self._connection.allowed
        self._devices.begin(engine, has_drives=allowed.drives, has_printers=allowed.printers)

    def _settings(self, *, is_near: bool) -> list[Message]:
        parts = self._params, self._login, self._geometry, self._security, self._led_by
        return settings_of(*parts, is_near=is_near)

    def _reconnect(self, wanted: Layout) -> None:
        if wanted == self._geometry:
            return  # the host has been asked for it, and has chosen another size
        self.is_outdated = True
        self._release()  # the host keeps what is held; the next connection presses modifiers again
        self._engine.send([Stop()])


def _now() -> float:
    return asyncio.get_running_loop().time()


def _note_unicode(log: logging.LoggerAdapter[logging.Logger], layout: str) -> None:
    log.info(
        "somebody types characters that the layout %s lacks, which xrdp before 0.10 ignores: "
        "check server-layout",
        layout,
    )
