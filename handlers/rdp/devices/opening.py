"""How a server's request to open a file is fulfilled (MS-RDPEFS 2.2.1.4.1)."""

from __future__ import annotations

import os
import stat

from handlers.rdp.devices.functions import Create, RefusedError, Status
from handlers.rdp.devices.tree import Path, Tree

SUPERSEDE, OPEN, CREATE, OPEN_IF, OVERWRITE, OVERWRITE_IF = range(6)
"""Dispositions: what to do if a file exists, or does not (MS-SMB2 2.2.13)."""
DELETE_ON_CLOSE = 0x1000
"""An option."""
_EXISTING, _REPLACING = (OPEN, OVERWRITE), (SUPERSEDE, OVERWRITE, OVERWRITE_IF)
_DIRECTORY_FILE, _NO_DIRECTORY_FILE = 0x1, 0x40
"""Options."""
_WRITES = 0x2 | 0x4 | 0x10000000 | 0x40000000
_MAY_WRITE = 0x02000000
"""Access: to write or append; as much as is allowed."""
_CREATED, OPENED, _OVERWRITTEN = 0, 1, 3
"""Results (2.2.1.5.1)."""


def open_wanted(tree: Tree, wanted: Create) -> tuple[int, int]:
    """Open or create what a request wants, and return a descriptor and what has happened.

    Raises:
        RefusedError: something else exists, or nothing.
        OSError: it cannot be opened.
    """
    if wanted.disposition not in range(6):
        raise RefusedError(Status.INVALID_PARAMETER)
    try:
        found = tree.stat(wanted.path)
    except FileNotFoundError:
        return _open_new(tree, wanted), _CREATED
    if stat.S_ISDIR(found.st_mode):
        return _open_directory(tree, wanted), OPENED
    return _open_file(tree, wanted)


def _open_new(tree: Tree, wanted: Create) -> int:
    status = _missing(tree, wanted.path)
    if wanted.disposition in _EXISTING or status is Status.OBJECT_PATH_NOT_FOUND:
        raise RefusedError(status)
    if wanted.options & _DIRECTORY_FILE:
        tree.make_directory(wanted.path)
        return tree.open(wanted.path, os.O_RDONLY | os.O_DIRECTORY)
    return tree.open(wanted.path, os.O_RDWR | os.O_CREAT)


def _missing(tree: Tree, path: Path) -> Status:
    """Return the status for a file that is missing, maybe with its directory."""
    try:
        tree.stat(path[:-1])
    except OSError:
        return Status.OBJECT_PATH_NOT_FOUND
    return Status.NO_SUCH_FILE


def _open_directory(tree: Tree, wanted: Create) -> int:
    if wanted.disposition == CREATE:
        raise RefusedError(Status.OBJECT_NAME_COLLISION)
    if wanted.options & _NO_DIRECTORY_FILE or wanted.disposition in _REPLACING:
        raise RefusedError(Status.FILE_IS_A_DIRECTORY)
    return tree.open(wanted.path, os.O_RDONLY | os.O_DIRECTORY)


def _open_file(tree: Tree, wanted: Create) -> tuple[int, int]:
    if wanted.disposition == CREATE:
        raise RefusedError(Status.OBJECT_NAME_COLLISION)
    if wanted.options & _DIRECTORY_FILE:
        raise RefusedError(Status.NOT_A_DIRECTORY)
    replaces = wanted.disposition in _REPLACING
    if replaces or wanted.access & _WRITES:
        descriptor = tree.open(wanted.path, os.O_RDWR)
    else:
        descriptor = _open_as_allowed(tree, wanted)
    if replaces:
        os.ftruncate(descriptor, 0)
    return descriptor, _OVERWRITTEN if replaces else OPENED


def _open_as_allowed(tree: Tree, wanted: Create) -> int:
    if wanted.access & _MAY_WRITE:
        try:
            return tree.open(wanted.path, os.O_RDWR)
        except PermissionError:
            pass
    return tree.open(wanted.path, os.O_RDONLY)
