"""asyncssh, imported without starting a process; everything else takes it from here.

asyncssh looks for two libraries that it can do without, liboqs and nettle, by
`ctypes.util.find_library`, which runs ldconfig, and a compiler where that finds nothing. Here the
dynamic linker's cache is read instead.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

CACHE = Path("/etc/ld.so.cache")
"""Where glibc's linker keeps the names of the libraries that there are."""
DIRECTORIES = (Path("/usr/local/lib"), Path("/usr/lib"), Path("/lib"))
"""Where other linkers, such as musl's, look."""


def find_library(name: str) -> str | None:
    """The file name by which a shared library can be loaded; None if there is none."""
    for candidate in (*_cached(name), *_in_directories(name), f"lib{name}.so"):
        try:
            ctypes.CDLL(candidate)
        except OSError:
            continue  # of another processor, or not there
        return candidate
    return None


def _cached(name: str) -> list[str]:
    try:
        cache = CACHE.read_bytes()
    except OSError:
        return []
    found = re.findall(rb"(?<=\0)lib%s\.so[.0-9]*(?=\0)" % re.escape(name.encode()), cache)
    return sorted({entry.decode() for entry in found})


def _in_directories(name: str) -> list[str]:
    return [path.name for folder in DIRECTORIES for path in sorted(folder.glob(f"lib{name}.so*"))]


@contextmanager
def _no_processes() -> Iterator[None]:
    """Have `ctypes.util.find_library` start none; macOS has it so already."""
    original = ctypes.util.find_library
    if sys.platform == "linux":
        ctypes.util.find_library = find_library
    try:
        yield
    finally:
        ctypes.util.find_library = original


with _no_processes():
    import asyncssh
    from asyncssh import auth, constants
    from asyncssh.crypto import dh as asyncssh_dh
    from asyncssh.encryption import get_encryption_algs
    from asyncssh.kex import get_default_kex_algs, get_kex_algs
    from asyncssh.mac import get_default_mac_algs, get_mac_algs
    from asyncssh.packet import Boolean, SSHPacket, String, UInt32
    from asyncssh.public_key import get_certificate_algs, get_public_key_algs


def _quiet_diffie_hellman() -> None:
    """Spare the log cryptography's notice, at each old key exchange, that it may lose finite-field
    Diffie-Hellman one day: whoever has an old host cannot heed it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = ("DHParameterNumbers", "DHPublicNumbers")
        classes = {name: getattr(vars(asyncssh_dh)["dh"], name) for name in names}
    setattr(asyncssh_dh, "dh", SimpleNamespace(**classes))  # noqa: B010 - it is a module's


_quiet_diffie_hellman()

__all__ = [
    "Boolean",
    "SSHPacket",
    "String",
    "UInt32",
    "asyncssh",
    "auth",
    "constants",
    "get_certificate_algs",
    "get_default_kex_algs",
    "get_default_mac_algs",
    "get_encryption_algs",
    "get_kex_algs",
    "get_mac_algs",
    "get_public_key_algs",
]
