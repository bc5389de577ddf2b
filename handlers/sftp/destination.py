"""Where an upload is written: to its place, or beside a file that it replaces at the end, so that a
failure leaves that file as it was."""

from __future__ import annotations

import asyncio
import posixpath
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from guacr.api import ConflictError, GuacrError, shorten
from handlers.sftp.channel import SftpChannel
from handlers.sftp.wire import Attributes, Open, StatusError

PERMISSIONS = 0o600
"""Those of new files, as with guacd."""
KEEP_TIMEOUT = 2.0
"""Seconds that may pass after a user has left until the file is closed."""
_MODE = 0o7777


@dataclass(slots=True)
class Destination:
    """An open file for an upload."""

    channel: SftpChannel
    handle: bytes
    place: bytes
    """The path of the open file."""
    size: int = 0
    """Bytes that it had before."""
    replaces: bytes = b""
    """The path of the file that it replaces at the end; empty if it is in its place."""
    mode: int = PERMISSIONS
    """The permissions of that file."""
    is_removable: bool = True
    """True if it may be removed after a failure."""
    is_open: bool = True
    """False once the server was asked to close it: others may get the same handle."""

    async def finish(self, end: int) -> None:
        """Close the file, which ends at a byte, and put it in its place; raises as the channel
        does."""
        if self.size > end:
            await self.channel.truncate(self.handle, end)
        if self.replaces:
            await self.channel.set_permissions(self.handle, self.mode)
        self.is_open = False
        await self.channel.finish(self.handle)
        if self.replaces:
            await self.channel.replace(self.place, self.replaces)

    async def keep(self, end: int) -> None:
        """Close the file, which its user may continue later, without what was written after a
        gap at `end`."""
        if not self.is_open:
            return
        self.is_open = False
        with suppress(StatusError, GuacrError, TimeoutError):
            async with asyncio.timeout(KEEP_TIMEOUT):
                await self.channel.truncate(self.handle, end)
        with suppress(GuacrError):
            self.channel.close_handle(self.handle)

    async def discard(self) -> None:
        """Remove what has arrived, as far as the server can be reached."""
        if self.is_open:
            self.is_open = False
            self.channel.close_handle(self.handle)
        if self.is_removable:
            with suppress(StatusError, GuacrError):
                await self.channel.remove(self.place)


async def new_file(channel: SftpChannel, place: bytes) -> Destination:
    """Create a file. This and the following raise as the channel does."""
    _forget(channel, place)
    handle = await channel.open(place, Open.WRITE | Open.CREATE | Open.TRUNCATE, PERMISSIONS)
    return Destination(channel, handle, place)


async def replacement(
    channel: SftpChannel, place: bytes, previous: Attributes, *, is_link: bool
) -> Destination:
    """Open a file to replace an existing one: beside it, if the server can replace files, and makes
    such files as the existing one."""
    _forget(channel, place)
    beside = await _beside(channel, place, previous) if previous.size else None
    if beside is not None:
        return beside
    handle = await channel.open(place, Open.WRITE | Open.CREATE | Open.TRUNCATE, PERMISSIONS)
    return Destination(channel, handle, place, is_removable=not is_link)


async def continuation(
    channel: SftpChannel, place: bytes, previous: Attributes, offset: int, *, is_link: bool
) -> Destination:
    """Open a file to continue it: one that is beside the existing one, if there is one.

    Raises:
        ConflictError: it has less than `offset` bytes.
    """
    part = part_of(place)
    found = await _part(channel, part, previous)
    size = (found or previous).size or 0
    if size < offset:
        name = shorten(place.decode(errors="replace"))
        raise ConflictError(
            f"{name} cannot be continued, because it has {size} bytes, and not {offset}: send it "
            "again"
        )
    if found is None:
        handle = await channel.open(place, Open.WRITE)
        return Destination(channel, handle, place, size, is_removable=not is_link)
    handle = await channel.open(part, Open.WRITE)
    return Destination(channel, handle, part, size, place, (previous.mode or 0) & _MODE)


def part_of(place: bytes) -> bytes:
    """Return the path of what has arrived of a file that replaces another one."""
    directory, name = posixpath.split(place)
    return posixpath.join(directory, b".guacr-%b.part" % sha256(name).hexdigest()[:16].encode())


def _forget(channel: SftpChannel, place: bytes) -> None:
    """Remove what is left of an earlier upload to a place, which must not be continued any more."""
    if channel.replaces:
        channel.remove_if_there(part_of(place))


async def _beside(channel: SftpChannel, place: bytes, previous: Attributes) -> Destination | None:
    """Create a file beside an existing one; return None if that cannot have the same owner and
    permissions, or the server cannot replace files."""
    if not channel.replaces or previous.mode is None or previous.owner is None:
        return None
    part, mode = part_of(place), previous.mode & _MODE
    try:  # not through a link that somebody has put there
        handle = await channel.open(part, Open.WRITE | Open.CREATE | Open.EXCLUSIVE, PERMISSIONS)
    except StatusError:  # the directory cannot be written to
        return None
    made = Destination(channel, handle, part, 0, place, mode)
    try:
        if (await channel.fstat(handle)).owner == previous.owner:
            return made
    except BaseException:
        await made.discard()
        raise
    await made.discard()
    return None


async def _part(channel: SftpChannel, part: bytes, previous: Attributes) -> Attributes | None:
    """Return what has arrived beside a file; None if nothing has."""
    if not channel.replaces or previous.mode is None:
        return None
    try:
        found = await channel.lstat(part)
    except StatusError:
        return None
    return found if found.is_file and found.owner == previous.owner else None
