"""The files that a handler offers, an interface for SFTP, redirected drives and the like."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from enum import Enum

from guacr.errors import BadRequestError, ForbiddenError, UnsupportedError, shorten

PATH_MAX = 2048
"""Maximum characters of a path, as in guacd."""
DEPTH_MAX = 1024
"""Maximum directories in a path, as in guacd."""
TREE_MAX = 10_000
"""Maximum files and directories that one request deletes, or sends as an archive."""


class Feature(Enum):
    """An operation of a file system; the values are the names in the protocol."""

    READ = "read"
    WRITE = "write"
    RESUME = "resume"
    """`write` with an offset. (Every file system reads from an offset.)"""
    MAKE_DIRECTORY = "make-directory"
    RENAME = "rename"
    DELETE = "delete"


_MISSING = {
    Feature.READ: "files cannot be downloaded from here",
    Feature.WRITE: "files cannot be uploaded here",
    Feature.RESUME: "uploads cannot be continued here: send the whole file",
    Feature.MAKE_DIRECTORY: "folders cannot be created here",
    Feature.RENAME: "files cannot be renamed here",
    Feature.DELETE: "files cannot be deleted here",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory.

    Args:
        name: its name in its directory; empty for the root.
        is_directory: True for directories, and for links to them.
        size: in bytes; None if it is unknown, and for directories.
        modified: the time of its last change in Unix seconds; None if it is unknown.
    """

    name: str
    is_directory: bool = False
    size: int | None = None
    modified: float | None = None


class FileSystem(ABC):
    """A tree of files. Every path is normalised: it begins with `/`, has no `.`, `..` or empty
    part, and does not exceed `PATH_MAX` and `DEPTH_MAX`.

    Each method raises a `GuacrError` with the reason if it cannot do what it is asked for
    (`NotFoundError`, `ForbiddenError`, …). Each may be called for several files at once, and may be
    cancelled.
    """

    name: str
    """The name that clients show."""

    @property
    def features(self) -> frozenset[Feature]:
        """The operations that its users may carry out: those that it supports, without those that
        parameters disable. Clients show these only, and what they request otherwise is refused
        without calling the method. Directories can always be listed."""
        return frozenset((Feature.READ, Feature.WRITE))

    def require(self, feature: Feature) -> None:
        """Check that `features` contains an operation.

        Raises:
            ForbiddenError: it does not.
        """
        if feature not in self.features:
            raise ForbiddenError(_MISSING[feature])

    @abstractmethod
    async def stat(self, path: str) -> Entry:
        """Return the file or directory that a path names, following links.

        Raises:
            NotFoundError: it does not exist.
        """

    @abstractmethod
    def list(self, path: str) -> AsyncGenerator[Entry, None]:
        """Yield the entries of a directory, in any order."""

    @abstractmethod
    def read(self, path: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """Yield the content of a file from byte `offset`, in pieces of any size; nothing if the
        file is not longer."""

    @abstractmethod
    async def write(
        self, path: str, mimetype: str, data: AsyncIterator[bytes], offset: int = 0
    ) -> None:
        """Create or replace a file. With an offset, continue it (`Feature.RESUME`): its first
        `offset` bytes stay, and it ends where `data` ends.

        Requesting the first piece of `data` tells the client to start. If `data` or the file system
        raises an error, the file is removed. If the call is cancelled, because the user has left,
        it is kept if users can continue it, and removed otherwise.

        Raises:
            ConflictError: the file has less than `offset` bytes.
        """

    async def make_directory(self, path: str) -> None:
        """Create a directory in an existing one.

        Raises:
            ConflictError: there is something of this name.
        """
        raise UnsupportedError(_MISSING[Feature.MAKE_DIRECTORY])

    async def rename(self, path: str, to: str) -> None:
        """Rename or move a file or directory within the file system.

        Raises:
            ConflictError: there is something of the new name, which is never replaced.
        """
        raise UnsupportedError(_MISSING[Feature.RENAME])

    async def delete(self, path: str) -> None:
        """Delete a file, a link without following it, or a directory with all that it contains.

        Raises:
            OverrunError: a directory contains more than `TREE_MAX` files and directories.
        """
        raise UnsupportedError(_MISSING[Feature.DELETE])


def normalised(path: str) -> str:
    """Return a client's path without `.`, `..` and empty parts; `..` does not lead out of the root.

    Raises:
        BadRequestError: it is too long or too deep, or contains invalid characters.
    """
    if len(path) > PATH_MAX:
        raise BadRequestError(f"a path may have at most {PATH_MAX} characters")
    if "\0" in path:
        raise BadRequestError(f"{shorten(path)} is not a path")
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    if len(parts) > DEPTH_MAX:
        raise BadRequestError(f"a path may have at most {DEPTH_MAX} directories")
    return "/" + "/".join(parts)
