"""The files of a host, as a session offers them to its users."""

from __future__ import annotations

import posixpath
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from guacr.api import (
    BadRequestError,
    Feature,
    FileSystem,
    ForbiddenError,
    GuacrError,
    InputStream,
    SessionContext,
    User,
    shorten,
)

MIMETYPE = "application/octet-stream"


class HostFiles(FileSystem):
    """The files of a host whose programs name them by paths of their own."""

    @abstractmethod
    async def prepare(self) -> None:
        """Connect, and find the offered directory.

        Raises:
            GuacrError: the host offers no files; the message says why.
        """

    @abstractmethod
    async def path_of(self, host_path: str) -> str:
        """Return the path of one on the host, which may be relative to the home.

        Raises:
            ForbiddenError: it is not in the offered directory.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connections, if there are any."""


class Offer:
    """A file system for the owner of a session, and the files that users drop on the screen.

    Args:
        session: the session.
        files: the files.
        directory: the host's directory for dropped files; if it is empty, the user's home, if that
            is in the offered directory, and otherwise the offered directory itself.
        tell: shows a sentence to the users.
    """

    def __init__(
        self,
        session: SessionContext,
        files: HostFiles,
        directory: str,
        tell: Callable[[str], None],
    ) -> None:
        self._session = session
        self._files = files
        self._directory = directory
        self._tell = tell

    async def run(self) -> None:
        """Connect, and offer the files to the owner. Nothing that fails here ends the session."""
        log = self._session.log
        try:
            await self._files.prepare()
            owner = self._session.owner
            if owner is not None:
                owner.objects.offer(self._files)
        except GuacrError as error:
            log.warning("files are not available: %s", error)
            self._tell(f"The files of the host are not available: {error}.")
        except Exception:
            log.exception("files are not available")
            self._tell("The files of the host are not available: see the daemon's log.")

    def close(self) -> None:
        """Close the connection to the server."""
        self._files.close()

    # ---- commands of programs on the host

    def download(self, path: str) -> None:
        """Send a file of the host to the owner."""
        owner = self._session.owner
        if owner is None or owner.rights.read_only:
            return
        try:
            self._files.require(Feature.READ)
            owner.transfers.start(self._send(owner, path), "download")
        except GuacrError as error:
            owner.transfers.refused(path, error)
            self._tell(f"{shorten(path)} was not sent: {error}.")

    def set_directory(self, path: str) -> None:
        """Set the host's directory for dropped files."""
        self._directory = path

    async def _send(self, user: User, host_path: str) -> None:
        is_begun = False
        try:
            path = await self._files.path_of(host_path)
            if (await self._files.stat(path)).is_directory:
                raise ForbiddenError("it is a folder, and only files can be sent")
            async with aclosing(self._files.read(path)) as pieces:
                first = await anext(pieces, b"")
                stream = user.outputs.open_file(posixpath.basename(path), MIMETYPE)
                is_begun = True
                async with stream:
                    await stream.write(first)
                    async for piece in pieces:
                        await stream.write(piece)
        except GuacrError as error:
            if not is_begun:
                user.transfers.refused(host_path, error)
            self._tell(f"{shorten(host_path)} was not sent: {error}.")
            raise

    # ---- files of users

    def accept(self, user: User, stream: InputStream) -> None:
        """Save a file that a user drops on the screen.

        Raises:
            GuacrError: the user may not do so, or it has no name.
        """
        self._files.require(Feature.WRITE)
        name = stream.name.rpartition("/")[2]
        if name in ("", ".", "..") or "\0" in name:
            raise BadRequestError(f"a file cannot have the name {shorten(stream.name)}")
        user.transfers.receive(stream, lambda data: self._save(name, stream.mimetype, data))

    async def _save(self, name: str, mimetype: str, data: AsyncIterator[bytes]) -> None:
        directory = await self._upload_directory()
        await self._files.write(f"{directory.rstrip('/')}/{name}", mimetype, data)

    async def _upload_directory(self) -> str:
        if self._directory:
            return await self._files.path_of(self._directory)
        try:
            return await self._files.path_of("")
        except ForbiddenError:  # the home is not in the offered directory
            return "/"
