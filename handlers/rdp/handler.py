"""RDP: shows a Windows desktop, and forwards keys, pointer and window sizes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import ClassVar
from zoneinfo import ZoneInfo

from typing_extensions import override

from guacr.api import (
    AudioInput,
    BadRequestError,
    Check,
    Connects,
    Contact,
    ForbiddenError,
    GuacrError,
    InputStream,
    Params,
    ProtocolHandler,
    SessionContext,
    Settings,
    Target,
    UnsupportedError,
    User,
    shorten,
)
from handlers.rdp import certificates
from handlers.rdp.attempts import Attempts
from handlers.rdp.clipboard import formats
from handlers.rdp.clipboard.clipboard import Clipboard
from handlers.rdp.desktop import Desktop
from handlers.rdp.devices import place, printer
from handlers.rdp.devices.devices import Devices
from handlers.rdp.gateway import gateway
from handlers.rdp.key_sender import layout_of
from handlers.rdp.launcher import launchers
from handlers.rdp.login import Login, check_length, check_token
from handlers.rdp.microphone import Microphone
from handlers.rdp.params import RdpParams
from handlers.rdp.pipes import Pipes, channel_names
from handlers.rdp.redirection import Redirection
from handlers.rdp.restrictions import check_engine, restrictions_of
from handlers.rdp.route import Connection
from handlers.rdp.server import Server
from handlers.sftp.desktop import DesktopFiles, sftp_checks
from handlers.wake import wake_of

REMOTE_APP_MAX, REMOTE_APP_ARGS_MAX = 260, 8000
"""UTF-16 code units of a RemoteApp or its directory, and of its arguments (MS-RDPERP 2.2.2.3.1)."""


class RdpHandler(ProtocolHandler[RdpParams]):
    """An RDP session."""

    name: ClassVar[str] = "rdp"
    connects: ClassVar[Connects] = Connects.CHECKED
    params_type: ClassVar[type[Params]] = RdpParams
    pointer_buttons: ClassVar[int] = 0x1FF
    clipboard_types: ClassVar[tuple[str, ...]] = formats.TYPES
    pastes_files = True

    def __init__(self, session: SessionContext, params: RdpParams) -> None:
        super().__init__(session, params)
        self._login = Login.of(params)
        self._clipboard = Clipboard(
            session,
            params.normalize_clipboard,
            may_download=not params.disable_download,
            may_upload=not params.disable_upload,
        )
        self._microphone = Microphone()
        self._pipes = Pipes(session, params.static_channels)
        self._devices = Devices(session, params)
        self._files = DesktopFiles(
            session, params, hostname=params.hostname, username=params.username
        )
        # SFTP or the drive gets what users send
        self.pastes_files = not (params.enable_drive or self._files.accepts_files)
        self._attempts: Attempts | None = None

    @classmethod
    @override
    def checks(cls, settings: Settings, params: RdpParams) -> Iterator[Check]:
        yield from super().checks(settings, params)
        for check in _CHECKS:
            yield partial(check, params)
        yield partial(place.check_directory, params)
        yield from sftp_checks(params)

    @classmethod
    @override
    def remarks(cls, settings: Settings, params: RdpParams) -> list[str]:
        found = super().remarks(settings, params)
        if params.timezone and not _is_zone(params.timezone):
            found.append(
                f"timezone {shorten(params.timezone)} is no known name: use one such as "
                "Europe/Berlin"
            )
        if params.enable_printing and not printer.is_possible():
            found.append(
                "there is no printer, as Ghostscript is not installed on the daemon's machine: "
                "install it, or do not set enable-printing"
            )
        return found

    @override
    def target(self) -> Target:
        params, target = self.params, super().target()
        host, _, _ = target.host.rpartition(":")
        user = "\\".join(filter(None, (self._login.domain, self._login.username)))
        return replace(target, host=f"{host}:{params.used_port}", user=user)

    @override
    async def run(self) -> None:
        for check in _CHECKS:
            check(self.params)
        for remark in self.remarks(self.session.settings, self.params):
            self.session.log.warning("%s", remark)
        await self._devices.open()
        self._files.start()
        await self._load_engine()
        desktop = Desktop(self.session)

        def new_server(
            connection: Connection, login: Login, security: str, redirection: Redirection | None
        ) -> Server:
            return Server(
                self.session,
                connection,
                login,
                desktop,
                self._clipboard,
                self._microphone,
                self._pipes,
                self._devices,
                security,
                redirection,
            )

        self._attempts = Attempts(
            self.session, lambda: self.params, self._login, desktop, new_server
        )
        await self._attempts.run()

    async def _load_engine(self) -> None:
        """Load the engine, unless another session has done so, and log what it cannot do.

        Raises:
            GuacrError: it cannot be used, or not with these parameters.
        """
        launcher = launchers[self.session.settings.rdp.engine]
        loaded = await asyncio.to_thread(launcher.start)
        check_engine(loaded.name, self.params)
        if found := restrictions_of(loaded.name, loaded.version, self.params):
            level = logging.WARNING if found.ignored else logging.INFO
            self.session.log.log(
                level, "the RDP engine %s %s %s", loaded.name, loaded.version, found
            )

    @property
    def _server(self) -> Server | None:
        """The present connection."""
        return None if self._attempts is None else self._attempts.server

    # ---- users

    @override
    def key(self, user: User, keysym: int, pressed: bool) -> None:
        if self._server is not None and self._server.was_shown:
            self._server.keyboard.key(keysym, pressed)

    @override
    def mouse(self, user: User, x: int, y: int, buttons: int) -> None:
        if self._server is not None and self._server.was_shown:
            if buttons:
                self._server.keyboard.press_waiting()
            self._server.pointer.move(x, y, buttons)

    @override
    def touch(self, user: User, contact: Contact) -> None:
        if self._server is not None:
            self._server.touches.put(user, contact)

    @override
    def paste(self, user: User, contents: Mapping[str, bytes]) -> None:
        plain = {mimetype.partition(";")[0]: data for mimetype, data in contents.items()}
        self._clipboard.paste(plain)

    @override
    def record(self, user: User, audio: AudioInput) -> None:
        if not self.params.enable_audio_input:
            raise UnsupportedError("the host may not record: set enable-audio-input to allow it")
        self._microphone.offer(audio)

    @override
    def open_stream(self, user: User, stream: InputStream) -> None:
        params = self.params
        has_place = not params.enable_drive or bool(params.sftp_directory)  # guacd's order
        if stream.kind != "file":
            self._pipes.accept(stream)
        elif self._files.accepts_files and has_place:
            self._files.accept(user, stream)
        elif params.enable_drive:
            self._devices.accept(user, stream)
        else:
            self._clipboard.files.accept(user, stream)

    @override
    def user_joined(self, user: User) -> None:
        self._pipes.join(user)
        self._clipboard.files.join(user)
        self._devices.join(user)

    @override
    def user_left(self, user: User) -> None:
        self._pipes.leave(user)
        self._clipboard.files.leave(user)

    @override
    def closed(self) -> None:
        self._clipboard.close()
        self._devices.close()

    @override
    def upload_lost(self, user: User, name: str, error: GuacrError) -> None:
        self._files.upload_lost(name, error)

    @override
    def clipboard_lost(self, user: User, reason: str) -> None:
        self._clipboard.lose()

    @override
    def argv(self, user: User, name: str, value: str) -> None:
        if self.params.force_lossless:
            raise ForbiddenError("the picture is always lossless: force-lossless is set")
        self.params = self.params.with_value(name, value)  # picture-quality is the only one
        self.session.set_quality(self.params.quality)

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


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # it may also contain anything
        return False
    return True


def _check_hostname(params: RdpParams) -> None:
    if not params.hostname:
        raise BadRequestError("parameter hostname is empty: name the host to connect to")


def _check_layout(params: RdpParams) -> None:
    layout_of(params.server_layout)


def _check_channels(params: RdpParams) -> None:
    channel_names(params.static_channels)


def _check_remote_app(params: RdpParams) -> None:
    for name, value, most in (
        ("remote-app", params.remote_app, REMOTE_APP_MAX),
        ("remote-app-dir", params.remote_app_dir, REMOTE_APP_MAX),
        ("remote-app-args", params.remote_app_args, REMOTE_APP_ARGS_MAX),
    ):
        if len(value.encode("utf-16-le")) > 2 * most:
            raise BadRequestError(f"parameter {name} is too long: use at most {most} characters")


def _check_names(params: RdpParams) -> None:
    Login.of(params).check()
    check_length("initial-program", params.initial_program)
    check_token(params.load_balance_info.encode(errors="replace"))


_CHECKS = (
    _check_hostname,
    _check_names,
    _check_remote_app,
    _check_layout,
    _check_channels,
    place.check,
    wake_of,
    certificates.check_params,
    gateway.check_params,
)
"""The requirements of a connection; they raise a `GuacrError` if a parameter is invalid."""
