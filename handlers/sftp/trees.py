"""Directories that are deleted with all they contain."""

from __future__ import annotations

from contextlib import aclosing

from guacr.api import TREE_MAX, OverrunError
from handlers.sftp.channel import SftpChannel, together
from handlers.sftp.listing import is_name

AT_ONCE = 16
"""Files that are removed at a time."""
PATHS_MAX = 16 << 20
"""Maximum bytes of all their paths."""
SKIPPED_MAX = 3 * TREE_MAX
"""Maximum names that are none; each directory has two, `.` and `..`."""


async def delete_tree(channel: SftpChannel, directory: bytes) -> None:
    """Delete a directory; links are removed, not followed. Raises as the channel does.

    Raises:
        OverrunError: it contains more than `TREE_MAX` files and directories; nothing is deleted.
    """
    files: list[bytes] = []
    directories = [directory]
    size = skipped = 0
    for place in directories:  # it grows
        async with aclosing(channel.list(place)) as listed:
            async for name, attributes in listed:
                if is_name(name):
                    found = directories if attributes.is_directory else files
                    found.append(place.rstrip(b"/") + b"/" + name)
                    size += len(found[-1])
                else:
                    skipped += 1
                is_large = size > PATHS_MAX or skipped > SKIPPED_MAX
                if is_large or len(files) + len(directories) > TREE_MAX:
                    raise OverrunError(
                        f"the folder contains more than {TREE_MAX} files and folders, and nothing "
                        "was deleted: delete parts of it, or use a program on the host"
                    )
    for some in range(0, len(files), AT_ONCE):
        await together(map(channel.remove, files[some : some + AT_ONCE]))
    for place in reversed(directories):
        await channel.rmdir(place)
