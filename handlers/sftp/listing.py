"""The entries of a directory on a server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from guacr.api import Entry, OverrunError
from handlers.sftp.channel import SftpChannel, together
from handlers.sftp.names import Names
from handlers.sftp.wire import Attributes, StatusError

ENTRIES_MAX = 250_000
"""Maximum entries of a directory."""
NAME_MAX = 1024
"""Maximum bytes of a name; longer ones, which no file system has, are omitted."""
BATCH = 64
"""Entries whose links are resolved together."""


async def list_directory(
    channel: SftpChannel, path: bytes, names: Names
) -> AsyncGenerator[Entry, None]:
    """Yield the entries of a directory, in the server's order. Names that are no names, such as
    those with a slash, are omitted.

    Raises:
        OverrunError: there are more than `ENTRIES_MAX`.
    """
    batch: list[tuple[bytes, Attributes]] = []
    count = 0
    async with aclosing(channel.list(path)) as listed:
        async for name, attributes in listed:
            count += 1
            if count > ENTRIES_MAX:
                raise OverrunError(
                    f"the folder has more than {ENTRIES_MAX} entries: use a program on the host"
                )
            if is_name(name):
                batch.append((name, attributes))
            if len(batch) >= BATCH:
                for entry in await _entries(channel, path, batch, names):
                    yield entry
                batch = []
        for entry in await _entries(channel, path, batch, names):
            yield entry


def is_name(name: bytes) -> bool:
    """Return whether a server's name can be that of a file in a directory."""
    return (
        name not in (b"", b".", b"..")
        and b"/" not in name
        and b"\0" not in name
        and len(name) <= NAME_MAX
    )


def entry_of(name: str, attributes: Attributes) -> Entry:
    """Return the entry of a file or directory."""
    is_directory = attributes.is_directory
    size = attributes.size if attributes.is_file else None
    return Entry(name, is_directory, size, attributes.modified)


async def _entries(
    channel: SftpChannel, path: bytes, batch: list[tuple[bytes, Attributes]], names: Names
) -> list[Entry]:
    """Return entries; a link is what it leads to, or a file if that does not exist."""
    links = [name for name, attributes in batch if attributes.is_link]
    targets = await together(_target(channel, path, name) for name in links)
    resolved = dict(zip(links, targets, strict=True))
    return [
        entry_of(names.decode(name), resolved.get(name, attributes)) for name, attributes in batch
    ]


async def _target(channel: SftpChannel, path: bytes, name: bytes) -> Attributes:
    try:
        return await channel.stat(path.rstrip(b"/") + b"/" + name)
    except StatusError:
        return Attributes()
