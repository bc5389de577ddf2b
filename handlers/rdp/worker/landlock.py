"""Restricts the files that a process can open, and its signals, by Linux' Landlock (5.13)."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

EXECUTE, READ_FILE, READ_DIRECTORY = 1 << 0, 1 << 2, 1 << 3
"""Rights that change nothing."""
USE_FILES = READ_FILE | READ_DIRECTORY | 1 << 1 | 1 << 5 | 1 << 8 | 1 << 14
"""The right to read a directory, and to make, write, cut off and delete files in it."""
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""System calls, with the same numbers on all machines."""
_ASK_VERSION, _PATH_BENEATH = 1, 1
_FILE_RIGHTS = ((5, 16), (3, 15), (2, 14), (1, 13))
"""How many rights for files a version has, the newest first."""
_NET_SINCE, _SCOPES_SINCE = 4, 6
_NET_RIGHTS, _SCOPES = 0b11, 0b11
"""Bind and connect with TCP; abstract Unix sockets and signals of other processes."""
_FILES = EXECUTE | READ_FILE
"""The rights that apply to a file that is not a directory."""
_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("files", "net", "scopes")]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("rights", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def restrict(paths: Mapping[str, int]) -> bool:
    """Allow only these rights below these paths, of which some may be missing. Return False if the
    system has no Landlock."""
    version = _libc.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    rights = next((count for since, count in _FILE_RIGHTS if version >= since), 0)
    if not rights:
        return False
    ruleset = _Ruleset((1 << rights) - 1)
    size = ctypes.sizeof(ctypes.c_uint64)
    if version >= _NET_SINCE:
        ruleset.net, size = _NET_RIGHTS, 2 * size
    if version >= _SCOPES_SINCE:
        ruleset.scopes, size = _SCOPES, ctypes.sizeof(_Ruleset)
    descriptor = _libc.syscall(_CREATE_RULESET, ctypes.byref(ruleset), size, 0)
    if descriptor < 0:
        return False
    try:
        for path, allowed in paths.items():
            with suppress(OSError):
                _allow(descriptor, Path(path), allowed & ruleset.files)
        return bool(_libc.syscall(_RESTRICT_SELF, descriptor, 0) == 0)
    finally:
        os.close(descriptor)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathBeneath(rights if path.is_dir() else rights & _FILES, parent)
        _libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(parent)
