"""The files of a host, as `FileSystem`."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager

from typing_extensions import override

from guacr.api import (
    ConflictError,
    Entry,
    Feature,
    ForbiddenError,
    shorten,
)
from handlers.offer import HostFiles
from handlers.sftp.channel import SftpChannel
from handlers.sftp.destination import Destination, continuation, new_file, replacement
from handlers.sftp.failures import explained
from handlers.sftp.listing import entry_of, list_directory
from handlers.sftp.pace import Pace
from handlers.sftp.places import Places
from handlers.sftp.reading import read_ahead
from handlers.sftp.trees import delete_tree
from handlers.sftp.wire import Attributes, Code, Open, StatusError
from handlers.sftp.writing import Writing

_CHANGES = (
    Feature.WRITE,
    Feature.RESUME,
    Feature.MAKE_DIRECTORY,
    Feature.RENAME,
    Feature.DELETE,
)


class SftpFiles(HostFiles):
    """The files below a directory of a host.

    Args:
        connect: opens a channel; it is called again after a channel has been lost.
        places: the paths.
        name: the name that clients show.
        may_read: True if users may download files.
        may_write: True if users may upload and change files.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[SftpChannel]],
        places: Places,
        name: str,
        *,
        may_read: bool,
        may_write: bool,
    ) -> None:
        self.name = name
        self._connect = connect
        self._places = places
        self._features = frozenset(
            ((Feature.READ,) if may_read else ()) + (_CHANGES if may_write else ())
        )
        self._pace = Pace()
        self._opening = asyncio.Lock()
        self._channel: SftpChannel | None = None

    @property
    @override
    def features(self) -> frozenset[Feature]:
        return self._features

    async def open(self) -> SftpChannel:
        """Return the channel, after opening one if there is none.

        Raises:
            GuacrError: the host offers no files; the message says why.
        """
        async with self._opening:
            if self._channel is None or self._channel.closed:
                channel = await self._connect()
                try:
                    with _refusals("open", "sftp-root-directory"):
                        await self._places.find(channel)
                except BaseException:
                    channel.close()
                    raise
                self._channel = channel
            return self._channel

    @override
    async def prepare(self) -> None:
        await self.open()

    @override
    async def path_of(self, host_path: str) -> str:
        channel = await self.open()
        raw = self._places.names.encode(host_path)
        if not raw.startswith(b"/"):
            raw = posixpath.join(await channel.realpath(b"."), raw)
        return self._places.within(raw)

    @override
    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()

    @override
    async def stat(self, path: str) -> Entry:
        channel = await self.open()
        with _refusals("find", path):
            attributes = await channel.stat(await self._places.real(channel, path))
        return entry_of(path.rpartition("/")[2], attributes)

    @override
    async def list(self, path: str) -> AsyncGenerator[Entry, None]:
        channel = await self.open()
        with _refusals("list", path):
            real = await self._places.real(channel, path)
            async with aclosing(list_directory(channel, real, self._places.names)) as entries:
                async for entry in entries:
                    yield entry

    @override
    async def read(self, path: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        channel = await self.open()
        with _refusals("read", path):
            real = await self._places.real(channel, path)
            size = _regular(await channel.stat(real), path).size or 0
            handle = await channel.open(real, Open.READ)
            try:
                async with aclosing(
                    read_ahead(channel, handle, offset, size, self._pace)
                ) as blocks:
                    async for block in blocks:
                        yield block
            finally:
                channel.close_handle(handle)

    @override
    async def write(
        self, path: str, mimetype: str, data: AsyncIterator[bytes], offset: int = 0
    ) -> None:
        channel = await self.open()
        with _refusals("write", path, "its disk may be full, or a quota exceeded"):
            destination = await self._destination(channel, path, offset)
            writing = Writing(channel, destination.handle, offset)
            try:
                await writing.write(data, self._pace)
                await destination.finish(writing.end)
            except asyncio.CancelledError:
                await destination.keep(writing.end)
                raise
            except BaseException:
                await destination.discard()
                raise

    @override
    async def make_directory(self, path: str) -> None:
        channel = await self.open()
        with _refusals("create", path):
            place = await self._vacant(channel, path)
            await channel.mkdir(place)

    @override
    async def rename(self, path: str, to: str) -> None:
        channel = await self.open()
        with _refusals("rename", path):
            place = await self._places.place(channel, path)
            await channel.lstat(place)
        with _refusals("rename a file to", to):
            await channel.rename(place, await self._vacant(channel, to))

    @override
    async def delete(self, path: str) -> None:
        if path == "/":
            raise ForbiddenError("the offered folder itself cannot be deleted")
        channel = await self.open()
        with _refusals("delete", path):
            place = await self._places.place(channel, path)
            if (await channel.lstat(place)).is_directory:
                await delete_tree(channel, place)
            else:
                await channel.remove(place)

    async def _destination(self, channel: SftpChannel, path: str, offset: int) -> Destination:
        """Open a file for an upload.

        Raises:
            ConflictError: it is a directory, or shorter than `offset`.
            ForbiddenError: it is not a regular file, or a link leads out of the offered directory.
        """
        place = await self._places.place(channel, path)
        found = await _found(channel, place)
        is_link = found is not None and found.is_link
        if is_link:
            await self._places.real(channel, path)
            place = await channel.realpath(place)
            found = await channel.stat(place)
        if found is None:
            if offset:
                raise ConflictError(f"{shorten(path)} does not exist any more: send it again")
            return await new_file(channel, place)
        if found.is_directory:
            raise ConflictError(f"{shorten(path)} is a folder: choose a different name")
        _regular(found, path)
        if offset:
            return await continuation(channel, place, found, offset, is_link=is_link)
        return await replacement(channel, place, found, is_link=is_link)

    async def _vacant(self, channel: SftpChannel, path: str) -> bytes:
        """Return the place of a new file or directory.

        Raises:
            ConflictError: there is something already.
        """
        place = await self._places.place(channel, path)
        if await _found(channel, place) is not None:
            raise ConflictError(f"{shorten(path)} exists already: choose a different name")
        return place


async def _found(channel: SftpChannel, place: bytes) -> Attributes | None:
    """Return what is in a place; None if there is nothing."""
    try:
        return await channel.lstat(place)
    except StatusError as error:
        if error.code == Code.NO_SUCH_FILE:
            return None
        raise


def _regular(attributes: Attributes, path: str) -> Attributes:
    """Return the attributes of a regular file. Opening a named pipe would block the whole server.

    Raises:
        ForbiddenError: it is something else.
    """
    if attributes.is_file:
        return attributes
    what = "a folder" if attributes.is_directory else "a device, a socket or a named pipe"
    raise ForbiddenError(f"{shorten(path)} is {what}, not a file")


@contextmanager
def _refusals(action: str, path: str, hint: str = "") -> Iterator[None]:
    """Turn refusals of the server into errors for the user."""
    try:
        yield
    except StatusError as error:
        raise explained(error, action, path, hint) from None
