"""The files that a handler offers, an interface for SFTP, redirected drives and the like."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from guacr.errors import BadRequestError, shorten

PATH_MAX = 2048
"""Maximum characters of a path, as in guacd."""
DEPTH_MAX = 1024
"""Maximum directories in a path, as in guacd."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory in a directory."""

    name: str
    is_directory: bool = False


class FileSystem(ABC):
    """A tree of files. Every path is normalised: it begins with `/`, has no `.`, `..` or empty
    part, and does not exceed `PATH_MAX` and `DEPTH_MAX`.

    Each method raises a `GuacrError` with the reason if it cannot do what it is asked for
    (`NotFoundError`, `ForbiddenError`, …). Each may be called for several files at once, and may be
    cancelled.
    """

    name: str
    """The name that clients show."""

    @abstractmethod
    async def is_directory(self, path: str) -> bool:
        """Return whether a path is a directory; raise an error if it does not exist."""

    @abstractmethod
    def list(self, path: str) -> AsyncGenerator[Entry, None]:
        """Yield the entries of a directory."""

    @abstractmethod
    def read(self, path: str) -> AsyncGenerator[bytes, None]:
        """Yield the content of a file, in pieces of any size."""

    @abstractmethod
    async def write(self, path: str, mimetype: str, data: AsyncIterator[bytes]) -> None:
        """Create or replace a file; requesting a piece acknowledges the previous one."""


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
