"""VNC: shows a server's desktop, and forwards keys, pointer and clipboard."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import ClassVar

from typing_extensions import override

from guacr.api import (
    BadRequestError,
    Check,
    Connects,
    ForbiddenError,
    GuacrError,
    InputStream,
    Params,
    ProtocolHandler,
    SessionContext,
    Settings,
    Target,
    UnsupportedError,
    UpstreamError,
    User,
    forget_frames,
)
from handlers import tls
from handlers.pins import parse_pins
from handlers.sftp.desktop import DesktopFiles, sftp_checks
from handlers.vnc import failures, login, reverse, unfinished
from handlers.vnc.clipboard import TYPES
from handlers.vnc.desktop import Desktop
from handlers.vnc.options import (
    check_destination,
    codec_of,
    encodings_of,
    repeater_destination,
)
from handlers.vnc.params import VncParams
from handlers.vnc.pulse_sound import pulse_address
from handlers.vnc.rfb.handshake import Credentials
from handlers.vnc.server import Server
from handlers.wake import reach, wake_of

RETRY_PAUSE = 1.0
"""Seconds between two attempts to reach the host."""
LOST_MAX = 3
"""Attempts in addition to those of `autoretry`, if the server's system has lost the connection:
those with a short queue of new connections do if many viewers come at the same time."""


class VncHandler(ProtocolHandler[VncParams]):
    """A VNC session."""

    name: ClassVar[str] = "vnc"
    connects: ClassVar[Connects] = Connects.CHECKED
    params_type: ClassVar[type[Params]] = VncParams
    pointer_buttons: ClassVar[int] = 0x1FF  # RFB uses the same bits
    clipboard_types: ClassVar[tuple[str, ...]] = TYPES

    def __init__(self, session: SessionContext, params: VncParams) -> None:
        super().__init__(session, params)
        self._credentials = Credentials(params.username, params.password)
        self._server: Server | None = None
        self._files = DesktopFiles(session, params, hostname=params.hostname)

    @classmethod
    @override
    def checks(cls, settings: Settings, params: VncParams) -> Iterator[Check]:
        yield from super().checks(settings, params)
        yield partial(_check, settings, params)
        yield partial(encodings_of, params)
        yield partial(codec_of, params.clipboard_encoding)
        yield partial(repeater_destination, params)
        if params.audio_servername:
            yield partial(pulse_address, params.audio_servername)
        yield from sftp_checks(params)
        yield partial(parse_pins, params.cert_fingerprints)
        if not params.ignore_cert and not params.cert_fingerprints:
            yield partial(tls.check, tls.TlsTerms(authorities=params.ca_cert))

    @override
    def target(self) -> Target:
        params, target = self.params, super().target()
        host = target.host
        if params.reverse_connect:
            host = f"{params.hostname or 'any host'}, which connects to port {params.port}"
        elif params.dest_host:
            host = f"{params.dest_host} through {host}"
        return replace(target, host=host, user=self._credentials.username)

    @override
    async def run(self) -> None:
        settings = self.session.settings
        _check(settings, self.params)
        for remark in self.remarks(settings, self.params):
            self.session.log.warning("%s", remark)
        now = asyncio.get_running_loop().time()
        if (wanted := unfinished.wanted(self.params, self._credentials, now)) is not None:
            self._credentials.add(await login.ask(self.session, wanted))
        self._files.start()
        desktop, left = Desktop(self.session), self.params.autoretry
        more = 0 if self.params.reverse_connect else LOST_MAX
        try:
            while True:
                server = self._server = self._next_server(desktop)
                reason = await self._attempt(server, desktop)
                if server.was_stable:
                    left = self.params.autoretry
                if more and server.was_forgotten:
                    more -= 1
                    await self._pause(desktop, reason, left, is_told=False)
                    continue
                if not left:
                    raise reason
                await self._pause(desktop, reason, left, is_told=desktop.is_shown)
                left -= 1
        finally:
            self._server = None

    def _next_server(self, desktop: Desktop) -> Server:
        """Return a connection that is not open yet, with the clipboard of the previous one."""
        server = Server(self.session, self.params, self._credentials, desktop)
        if self._server is not None:
            server.clipboard.paste(self._server.clipboard.contents)
        return server

    async def _attempt(self, server: Server, desktop: Desktop) -> GuacrError:
        """Show the desktop until the connection ends, and return the reason if another attempt may
        succeed.

        Raises:
            GuacrError: another attempt cannot succeed.
        """
        try:
            await server.run(await self._connect(desktop))
        except UpstreamError as error:
            if not server.may_retry:
                raise
            forget_frames(error)
            return error
        finally:
            server.close()

    async def _connect(self, desktop: Desktop) -> socket.socket:
        params, tell = self.params, desktop.notice.show
        if params.reverse_connect:
            if not desktop.is_shown:
                tell(f"Waiting for a VNC server that connects to port {params.port}.")
            return await reverse.accept(self.session.network, self.session.settings.vnc, params)
        # once the desktop has been shown, the person may have shut the host down
        wake = None if desktop.is_shown else wake_of(params)
        network = self.session.network
        check_destination(network, params)
        return await reach(network, params.hostname, params.port, params.timeout, wake, tell)

    async def _pause(
        self, desktop: Desktop, reason: GuacrError, left: int, *, is_told: bool
    ) -> None:
        """Wait before the next attempt, and show a notice if it `is_told`."""
        self.session.log.info("attempts left: %d, after: %s", left, reason)
        if is_told:
            desktop.release()
            desktop.notice.show(
                f"The connection to {failures.named(self.params)} was lost. Connecting again, "
                f"attempts left: {left}. What you type and click until then is lost."
            )
        await asyncio.sleep(RETRY_PAUSE)

    # ---- users

    @override
    def key(self, user: User, keysym: int, pressed: bool) -> None:
        if self._server is not None:
            self._server.note_input()
            self._server.keyboard.key(keysym, pressed)
        self.session.changed_by_input()

    @override
    def mouse(self, user: User, x: int, y: int, buttons: int) -> None:
        if self._server is not None:
            if buttons:
                self._server.note_input()
            self._server.pointer.move(x, y, buttons)

    @override
    def paste(self, user: User, contents: Mapping[str, bytes]) -> None:
        plain = {mimetype.partition(";")[0]: data for mimetype, data in contents.items()}
        if self._server is not None and not self._server.clipboard.paste(plain):
            raise UnsupportedError("this VNC server accepts only text: copy text")

    @override
    def open_stream(self, user: User, stream: InputStream) -> None:
        if stream.kind != "file":
            super().open_stream(user, stream)
        else:
            self._files.accept(user, stream)

    @override
    def upload_lost(self, user: User, name: str, error: GuacrError) -> None:
        self._files.upload_lost(name, error)

    @override
    def clipboard_lost(self, user: User, reason: str) -> None:
        if self._server is not None:
            self._server.clipboard.lose()

    @override
    def argv(self, user: User, name: str, value: str) -> None:
        if self.params.force_lossless:
            raise ForbiddenError("the picture is always lossless: force-lossless is set")
        self.params = self.params.with_value(name, value)  # picture-quality is the only one
        if self._server is not None:
            self._server.change_quality(self.params)

    @override
    def argv_values(self) -> Mapping[str, str]:
        params = self.params
        return {} if params.force_lossless else {"picture-quality": params.picture_quality}

    @property
    @override
    def is_resizable(self) -> bool:
        return self._server is not None and self._server.is_resizable

    @override
    def resize(self, user: User, width: int, height: int) -> None:
        if self._server is not None:
            self._server.resize(width, height)


def _check(settings: Settings, params: VncParams) -> None:
    """Check what is needed for a connection; raises errors of `run`."""
    if params.reverse_connect:
        reverse.check(settings.vnc, params)
    elif not params.hostname:
        raise BadRequestError("parameter hostname is empty: name the host to connect to")
    else:
        wake_of(params)
