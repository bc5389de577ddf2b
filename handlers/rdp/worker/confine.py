"""Restrictions of a worker: FreeRDP parses what servers send in C, and is not trusted.

Everything that the system does not offer is skipped; `docs/rdp.md` lists what remains.
"""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from handlers.rdp.worker import landlock, seccomp
from handlers.rdp.worker.landlock import EXECUTE, READ_DIRECTORY, READ_FILE

NOBODY = 65534
"""The user and group of no one."""
DESCRIPTORS_MAX = 256
MEMORY_MAX = 2 << 30
"""Bytes of address space beyond what the process has at its start."""
SECONDS_MAX = 120
"""Seconds of processor time of a program."""

_NO_NEW_PRIVILEGES, _DUMPABLE = 38, 4
"""Options of prctl(2)."""
_NEW_NETWORK, _NEW_IPC, _NEW_USER = 0x40000000, 0x08000000, 0x10000000
"""Flags of unshare(2)."""
_CAPABILITIES = 0x20080522
"""The version of capset(2) with 64 bits."""
_READ = READ_FILE | READ_DIRECTORY
FILES = {
    "/usr": _READ | EXECUTE,
    "/lib": _READ | EXECUTE,
    "/lib64": _READ | EXECUTE,
    "/etc/ssl/openssl.cnf": READ_FILE,
    "/etc/ssl/certs": _READ,  # and not the keys beside them
    "/etc/localtime": READ_FILE,
    "/etc/timezone": READ_FILE,
}
"""The part of the file system that remains, together with the home directory."""
_libc = ctypes.CDLL(None, use_errno=True)


def confine(keep: Collection[int], home: str) -> None:
    """Give up what a worker does not need; only the descriptors in `keep` and the standard ones
    stay open, and `home` is its home directory. The process must not have another thread yet."""
    _close_others(keep)
    os.environ.clear()
    os.environ["HOME"] = home
    _give_up({resource.RLIMIT_FSIZE: 0})
    landlock.restrict(FILES | {home: _READ})
    seccomp.deny()


def confine_program(directory: str, files: Iterable[str], most: int) -> None:
    """Give up what a program does not need that this process is about to become.

    Args:
        directory: what it may write to, which becomes its user's.
        files: files and directories that it may read besides those of the system's libraries.
        most: bytes of a file that it may write.
    """
    _close_others(())
    if os.geteuid() == 0:
        os.chown(directory, NOBODY, NOBODY)
    _give_up({resource.RLIMIT_FSIZE: most, resource.RLIMIT_CPU: SECONDS_MAX})
    readable = dict.fromkeys(files, _READ)
    landlock.restrict(FILES | readable | {directory: landlock.USE_FILES})
    seccomp.deny(may_execute=True)


def _give_up(limits: Mapping[int, int]) -> None:
    """Leave the network, become nobody, and set limits besides those of all."""
    os.chdir("/")
    os.umask(0o077)
    _unshare()
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _libc.prctl(_DUMPABLE, 0, 0, 0, 0)
    common = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: DESCRIPTORS_MAX,
        resource.RLIMIT_AS: _address_space() + MEMORY_MAX,
    }
    for kind, most in (common | dict(limits)).items():
        with suppress(ValueError, OSError):  # the limit is lower already
            resource.setrlimit(kind, (most, most))
    _drop_capabilities()


def _close_others(keep: Collection[int]) -> None:
    kept = sorted({0, 1, 2, *keep})
    for before, after in pairwise(kept):
        os.closerange(before + 1, after)
    os.closerange(kept[-1] + 1, DESCRIPTORS_MAX * 16)


def _unshare() -> None:
    """Leave the network: the worker has a connected socket."""
    if _libc.unshare(_NEW_NETWORK | _NEW_IPC) != 0:
        _libc.unshare(_NEW_USER | _NEW_NETWORK | _NEW_IPC)


def _drop_capabilities() -> None:
    """Drop those that an ordinary user has got in its own user namespace."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
    _libc.capset(header, (ctypes.c_uint32 * 6)())


def _address_space() -> int:
    pages, _, _ = Path("/proc/self/statm").read_text().partition(" ")
    return int(pages) * resource.getpagesize()
