"""The drive of a session: what the host sees of its directory, and what the owner sees."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from guacr.api import (
    BadRequestError,
    Feature,
    ForbiddenError,
    GuacrError,
    InputStream,
    SessionContext,
    User,
    shorten,
)
from handlers.rdp.devices import functions, pdu
from handlers.rdp.devices.channel import Channel
from handlers.rdp.devices.downloads import Downloads
from handlers.rdp.devices.drive import Drive
from handlers.rdp.devices.folder import Folder
from handlers.rdp.devices.functions import Function, Status
from handlers.rdp.devices.pdu import Request
from handlers.rdp.devices.requests import Requests
from handlers.rdp.devices.tree import Tree
from handlers.rdp.devices.uses import Uses
from handlers.rdp.devices.watches import Watches
from handlers.rdp.params import RdpParams

DOS_NAME = "GUACFS"
"""The name that servers use that know only short ones, as in guacd."""

LOCKS_MAX = 64
"""Requests for locks that wait."""
LOCK_INTERVAL = 0.1
"""Seconds between two attempts to get a lock."""


class SharedDrive:
    """The drive of a session, which outlasts its connections.

    Args:
        session: the session.
        params: its parameters.
        tree: the files, which are closed with the drive.
        channel: the channel of the devices.
    """

    number: ClassVar[int] = 2
    """Its number in messages."""

    def __init__(
        self, session: SessionContext, params: RdpParams, tree: Tree, channel: Channel
    ) -> None:
        self._session = session
        self._tree = tree
        self._name = params.drive_name
        self._downloads = Downloads(session, tree)
        downloads = None if params.disable_download else self._downloads.put
        self._drive = Drive(tree, self._name, downloads, Uses(session.drive).put)
        self._requests = Requests(session, channel)
        self._watches = Watches(session, tree, self._drive, self._requests.complete)
        self._locks: set[asyncio.Task[None]] = set()
        """Requests for locks that others have."""
        self._folder = Folder(
            tree,
            self._name,
            self._watches.note_change,
            may_read=not params.disable_download,
            may_write=not params.disable_upload,
        )

    @property
    def announcement(self) -> bytes:
        """Its description for a server."""
        return pdu.drive(self.number, DOS_NAME, self._name)

    # ---- for the host

    def put(self, request: Request) -> None:
        """Have a request answered; raises UpstreamError."""
        self._requests.put(request, self._answer)

    async def _answer(self, request: Request) -> None:
        if request.major == Function.DIRECTORY and request.minor == functions.NOTIFY:
            await self._watches.put(request)
            return
        status, body = await self._tree.call(self._drive.answer, request)
        if status is Status.LOCK_NOT_GRANTED and functions.lock(request).waits:
            self._wait(request)
        else:
            self._requests.complete(request, status, body)

    def _wait(self, request: Request) -> None:
        """Answer a request for a lock once it is granted, or its file is closed."""
        if len(self._locks) >= LOCKS_MAX:
            self._requests.complete(request, Status.INSUFFICIENT_RESOURCES)
            return
        task = self._session.start_task(self._lock(request), "lock of a file")
        self._locks.add(task)
        task.add_done_callback(self._locks.discard)

    async def _lock(self, request: Request) -> None:
        status = Status.LOCK_NOT_GRANTED
        while status is Status.LOCK_NOT_GRANTED:
            await asyncio.sleep(LOCK_INTERVAL)
            status, body = await self._tree.call(self._drive.answer, request)
        self._requests.complete(request, status, body)

    def reset(self) -> None:
        """Close what the server has open: it has gone, or begins anew."""
        self._end(for_good=False)

    def close(self) -> None:
        """Close everything: the session has ended."""
        self._end(for_good=True)
        self._tree.close()

    def _end(self, *, for_good: bool) -> None:
        self._requests.clear()
        self._watches.clear()
        for task in self._locks:
            task.cancel()
        self._drive.forget(for_good=for_good)
        asyncio.get_running_loop().run_in_executor(None, self._drive.close_forgotten)

    # ---- for users

    def join(self, user: User) -> None:
        """Offer the files to the owner of the session."""
        if user.owner:
            try:
                user.objects.offer(self._folder)
            except GuacrError as error:
                self._session.log.warning("files on the drive: %s", error)

    def accept(self, user: User, stream: InputStream) -> None:
        """Put a file that a user sends on the drive.

        Raises:
            ForbiddenError: the user may not do so.
            BadRequestError: its name cannot be that of a file.
            TooManyError: too many transfers are running.
        """
        if Feature.WRITE not in self._folder.features:
            raise ForbiddenError("uploads are disabled: disable-upload is set")
        name = stream.name.replace("/", "_").replace("\\", "_")
        if name in ("", ".", "..") or "\0" in name:
            raise BadRequestError(f"{shorten(name)} cannot be the name of a file")
        user.transfers.receive(
            stream, lambda data: self._folder.write(f"/{name}", stream.mimetype, data)
        )
