"""Information about files and disks, as servers query and set it (MS-FSCC 2.4, 2.5; the reserved
fields at the end of some structures are not sent: MS-RDPEFS 2.2.3.4)."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable
from typing import Final

BASIC, STANDARD, ATTRIBUTE_TAG = 4, 5, 35
"""Classes of information about a file that can be queried; the first can be set, too."""
RENAME, DISPOSITION, ALLOCATION, END_OF_FILE = 10, 13, 19, 20
"""Classes that can only be set."""
DIRECTORY, FULL_DIRECTORY, BOTH_DIRECTORY, NAMES = 1, 2, 3, 12
"""Classes of entries of a directory."""
VOLUME, SIZE, DEVICE, ATTRIBUTE, FULL_SIZE = 1, 3, 4, 5, 7
"""Classes of information about a disk."""
_READ_ONLY, _HIDDEN, _DIRECTORY, _NORMAL = 0x1, 0x2, 0x10, 0x80
"""Attributes of a file (MS-FSCC 2.6)."""
_EPOCH: Final = 116_444_736_000_000_000
"""1970 in units of 100 ns since 1601."""
_TIME_MAX = (1 << 63) - 1
_BLOCK = 4096
"""Bytes of the units in which a server is told sizes of the disk."""
_SECTORS = 8
_DISK = 7
"""The type of device (MS-FSCC 2.5.10)."""
_FEATURES = 0x1 | 0x2 | 0x4
"""Names with upper and lower case, which count, and of all characters (MS-FSCC 2.5.1)."""
_NAME_MAX = 255
_FILE_SYSTEM = "GUACFS"
"""Not that of a known one, whose other features programs would expect."""
_U32 = struct.Struct("<I")
_TIMES, _BASIC, _ENTRY = (
    struct.Struct("<qqqq"),
    struct.Struct("<qqqqI"),
    struct.Struct("<IIqqqqQQII"),
)


def attributes(found: os.stat_result, name: str = "") -> int:
    """Return the attributes of a file."""
    flags = _DIRECTORY if stat.S_ISDIR(found.st_mode) else 0
    if not found.st_mode & stat.S_IWUSR:
        flags |= _READ_ONLY
    if name.startswith(".") and name not in (".", ".."):
        flags |= _HIDDEN
    return flags or _NORMAL


def of_file(kind: int, found: os.stat_result, name: str, *, is_deleted: bool) -> bytes | None:
    """Return the information of a class about a file; None if the class is unknown."""
    if kind == BASIC:
        return _BASIC.pack(*_times(found), attributes(found, name))
    if kind == STANDARD:
        is_directory = stat.S_ISDIR(found.st_mode)
        size = 0 if is_directory else found.st_size
        return struct.pack("<QQIBB", _allocated(found), size, 1, is_deleted, is_directory)
    if kind == ATTRIBUTE_TAG:
        return struct.pack("<II", attributes(found, name), 0)
    return None


def entry(kind: int, found: os.stat_result, name: str) -> bytes | None:
    """Return an entry of a directory in a class; None if the class is unknown."""
    raw = name.encode("utf-16-le", "surrogatepass")
    size = 0 if stat.S_ISDIR(found.st_mode) else found.st_size
    head = _ENTRY.pack(
        0, 0, *_times(found), size, _allocated(found), attributes(found, name), len(raw)
    )
    if kind == DIRECTORY:
        return head + raw
    if kind == FULL_DIRECTORY:
        return head + bytes(4) + raw
    if kind == BOTH_DIRECTORY:
        return head + bytes(4) + bytes(1 + 24) + raw  # no short name
    if kind == NAMES:
        return struct.pack("<III", 0, 0, len(raw)) + raw
    return None


def of_disk(kind: int, label: str, space: Callable[[], tuple[int, int]]) -> bytes | None:
    """Return the information of a class about the disk; None if the class is unknown.

    Args:
        kind: the class.
        label: the disk's name.
        space: returns the bytes of the disk, and those that are left.
    """
    if kind == VOLUME:
        raw = label.encode("utf-16-le", "replace")
        return struct.pack("<QIIB", 0, 0, len(raw), 0) + raw
    if kind == DEVICE:
        return struct.pack("<II", _DISK, 0)
    if kind == ATTRIBUTE:
        raw = _FILE_SYSTEM.encode("utf-16-le")
        return struct.pack("<III", _FEATURES, _NAME_MAX, len(raw)) + raw
    units = [part // _BLOCK for part in space()] if kind in (SIZE, FULL_SIZE) else []
    if kind == SIZE:
        return struct.pack("<QQII", *units, _SECTORS, _BLOCK // _SECTORS)
    if kind == FULL_SIZE:
        return struct.pack("<QQQII", *units, units[1], _SECTORS, _BLOCK // _SECTORS)
    return None


def times_of(data: bytes, found: os.stat_result) -> tuple[int, int] | None:
    """Return the times of the last access and change, in nanoseconds since 1970, that the class
    `BASIC` sets for a file; None if it is incomplete, or leaves them as they are."""
    if len(data) < _TIMES.size:
        return None
    _, accessed, written, _ = _TIMES.unpack_from(data)
    if accessed <= 0 and written <= 0:  # 0, or -1 and -2 for "do not change it by yourself"
        return None
    return (
        (accessed - _EPOCH) * 100 if accessed > 0 else found.st_atime_ns,
        (written - _EPOCH) * 100 if written > 0 else found.st_mtime_ns,
    )


def number(data: bytes) -> int | None:
    """Return the size that `ALLOCATION` or `END_OF_FILE` sets; None if it is incomplete."""
    return struct.unpack_from("<Q", data)[0] if len(data) >= 8 else None


def sized(content: bytes) -> bytes:
    """Return the body of an answer with a content of variable size."""
    return _U32.pack(len(content)) + content


def _times(found: os.stat_result) -> tuple[int, int, int, int]:
    """Return when a file was created, read, written and changed."""
    accessed, written, changed = (
        min(max(nanoseconds // 100 + _EPOCH, 0), _TIME_MAX)
        for nanoseconds in (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)
    )
    return min(written, changed), accessed, written, changed


def _allocated(found: os.stat_result) -> int:
    return found.st_blocks * 512
