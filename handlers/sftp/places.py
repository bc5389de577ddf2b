"""The paths of users, and those of the host, below the directory that is offered."""

from __future__ import annotations

import posixpath

from guacr.api import ForbiddenError, NotFoundError, shorten
from handlers.sftp.channel import SftpChannel
from handlers.sftp.names import Names

ROOT = b"/"


class Places:
    """Paths below `sftp-root-directory`. Users' paths are absolute and normalised, as in
    `FileSystem`.

    If the directory is not the root of the host, links that lead out of it are not followed, as far
    as the server resolves them (REALPATH). This is no wall against somebody who can change links on
    the host at the same time; a chroot of the SSH server is.
    """

    __slots__ = ("_root", "_wanted", "names")

    def __init__(self, root: str, names: Names) -> None:
        self._wanted = root
        self.names = names
        """The conversion of names."""
        self._root = ROOT
        """The real path of the directory."""

    async def find(self, channel: SftpChannel) -> None:
        """Find the directory; one that is not absolute is in the user's home.

        Raises:
            NotFoundError: it is not a directory.
        """
        wanted = self.names.encode(self._wanted)
        if wanted.strip(b"/"):
            root = await channel.realpath(wanted)
            if not (await channel.stat(root)).is_directory:
                raise NotFoundError(f"sftp-root-directory {shorten(self._wanted)} is not a folder")
            self._root = root

    async def real(self, channel: SftpChannel, path: str) -> bytes:
        """Return the host's path of something that exists, where links have been resolved if they
        may lead out of the directory.

        Raises:
            ForbiddenError: a link leads out of it.
        """
        full = self._full(path)
        if self._root == ROOT:
            return full
        real = await channel.realpath(full)
        if self._relative(real) is None:
            raise ForbiddenError(f"{shorten(path)} is a link that leads out of the offered folder")
        return real

    async def place(self, channel: SftpChannel, path: str) -> bytes:
        """Return the host's path of something that may not exist in a directory that does; a link
        in the last place is not resolved. Raises as `real` does."""
        directory, name = posixpath.split(path)
        return posixpath.join(await self.real(channel, directory), self.names.encode(name))

    def within(self, host_path: bytes) -> str:
        """Return the user's path of an absolute path of the host, whose links are not resolved.

        Raises:
            ForbiddenError: it is not in the directory.
        """
        relative = self._relative(posixpath.normpath(b"/" + host_path.lstrip(b"/")))
        if relative is None:
            shown = shorten(self.names.decode(host_path))
            raise ForbiddenError(f"{shown} is not in the offered folder {shorten(self._wanted)}")
        return self.names.decode(relative)

    def _full(self, path: str) -> bytes:
        return self._root.rstrip(b"/") + self.names.encode(path)

    def _relative(self, real: bytes) -> bytes | None:
        """Return a path relative to the directory, beginning with a slash; None if it is not in
        it."""
        root = self._root.rstrip(b"/")
        if real == root:
            return ROOT
        return real[len(root) :] if real.startswith(root + b"/") else None
