"""The files of a host beside a desktop; SSH is loaded only if a connection wants them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from guacr.api import (
    Check,
    GuacrError,
    InputStream,
    SessionContext,
    SftpHostParams,
    UnsupportedError,
    User,
    shorten,
)
from handlers.notice import Notice

if TYPE_CHECKING:
    from handlers.ssh.beside import Beside

MODULE = "handlers.ssh.beside"
NOTICE_TIME = 10.0
"""Seconds for which a problem with the files is shown above the desktop."""


def sftp_checks(params: SftpHostParams) -> Iterator[Check]:
    """Yield the checks of the files in a configured connection."""
    if params.enable_sftp:
        yield from import_module(MODULE).checks(params)


class DesktopFiles:
    """The files of a host beside a desktop, if `enable-sftp` is set. The desktop never waits for
    them, and does not end because of them: problems are logged, and shown above it.

    Args:
        session: the session of the desktop.
        params: its parameters.
        hostname: the host of the desktop, which is also that of the files unless `sftp-hostname` is
            set.
        username: the name to log in with unless `sftp-username` is set.
    """

    def __init__(
        self, session: SessionContext, params: SftpHostParams, *, hostname: str, username: str = ""
    ) -> None:
        self._session = session
        self._params = params
        self._hostname = params.sftp_hostname or hostname
        self._username = params.sftp_username or username
        self._notice = Notice(session)
        self._beside: Beside | None = None

    @property
    def accepts_files(self) -> bool:
        """True if files that users drop on the desktop are saved on the host."""
        return self._params.enable_sftp and not self._params.sftp_disable_upload

    def start(self) -> None:
        """Offer the files as soon as the desktop is connected."""
        if self._params.enable_sftp:
            self._session.start_task(self._run(), "SFTP")

    def accept(self, user: User, stream: InputStream) -> None:
        """Save a file that a user drops on the desktop.

        Raises:
            GuacrError: the user may not do so, or there are no files yet.
        """
        if not self._params.enable_sftp:
            raise UnsupportedError(
                "files cannot be sent to this desktop: file transfer is not enabled (parameter "
                "enable-sftp)"
            )
        if self._beside is None:
            raise UnsupportedError("files cannot be sent yet: the desktop is not connected")
        self._beside.offer.accept(user, stream)

    def upload_lost(self, name: str, error: GuacrError) -> None:
        """Report that a file was not saved, although its client had sent everything."""
        self._tell(f"{shorten(name)} was not saved: {error}.")

    async def _run(self) -> None:
        await self._session.until_connected()
        module: Any = await asyncio.to_thread(import_module, MODULE)
        self._beside = module.Beside(
            self._session,
            self._params,
            hostname=self._hostname,
            username=self._username,
            tell=self._tell,
        )
        try:
            await self._beside.run()
        finally:
            self._beside = None

    def _tell(self, sentence: str) -> None:
        self._session.start_task(self._show(sentence), "SFTP notice")

    async def _show(self, sentence: str) -> None:
        self._notice.show(sentence)
        await asyncio.sleep(NOTICE_TIME)
        if self._notice.text == sentence:
            self._notice.clear()
