"""Files that a handler offers: what SFTP, redirected drives and the like implement."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from guacr.errors import BadRequestError, shorten

PATH_MAX = 2048
"""Characters of a path, as guacd has it."""
DEPTH_MAX = 1024
"""Directories in a path, as guacd has it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory in a directory."""

    name: str
    is_directory: bool = False


class FileSystem(ABC):
    """A tree of files. Every path is normalised: it begins with `/`, has no `.`, `..` or empty
    part, and is within `PATH_MAX` and `DEPTH_MAX`.

    Each method raises a `GuacrError` that says why it cannot do what is asked for: `NotFoundError`,
    `ForbiddenError`, …; each may be called for several files at once, and may be cancelled.
    """

    name: str
    """What clients call it."""

    @abstractmethod
    async def is_directory(self, path: str) -> bool:
        """Whether a path is a directory; raises if there is nothing there."""

    @abstractmethod
    def list(self, path: str) -> AsyncGenerator[Entry, None]:
        """What is in a directory."""

    @abstractmethod
    def read(self, path: str) -> AsyncGenerator[bytes, None]:
        """The content of a file, in pieces of any size."""

    @abstractmethod
    async def write(self, path: str, mimetype: str, data: AsyncIterator[bytes]) -> None:
        """Create or replace a file; asking for the next piece acknowledges the one before."""


def normalised(path: str) -> str:
    """A client's path without `.`, `..` and empty parts; `..` does not lead out of the root.

    Raises:
        BadRequestError: it is too long or too deep, or has characters that no path has.
    """
    if len(path) > PATH_MAX:
        raise BadRequestError(f"a path has {PATH_MAX} characters at most")
    if "\0" in path:
        raise BadRequestError(f"{shorten(path)} is no path")
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    if len(parts) > DEPTH_MAX:
        raise BadRequestError(f"a path has {DEPTH_MAX} directories at most")
    return "/" + "/".join(parts)
