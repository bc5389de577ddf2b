"""asyncssh, imported without starting a process; all other modules import it from here.

asyncssh searches for two optional libraries, liboqs and nettle, with `ctypes.util.find_library`,
which runs ldconfig, and a compiler if that finds nothing. Here the dynamic linker's cache is read
instead.
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

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

CACHE = Path("/etc/ld.so.cache")
"""The cache in which glibc's linker keeps the names of the available libraries."""
DIRECTORIES = (Path("/usr/local/lib"), Path("/usr/lib"), Path("/lib"))
"""The directories that other linkers, such as musl's, search."""


def find_library(name: str) -> str | None:
    """Return the file name with which a shared library can be loaded; None if it is not
    installed."""
    for candidate in (*_cached(name), *_in_directories(name), f"lib{name}.so"):
        try:
            ctypes.CDLL(candidate)
        except OSError:
            continue  # for another processor, or missing
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
    """Keep `ctypes.util.find_library` from starting processes, as on macOS."""
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
    from asyncssh import kex_dh as asyncssh_kex_dh
    from asyncssh import pbe as asyncssh_pbe
    from asyncssh import public_key as asyncssh_public_key
    from asyncssh.crypto import dh as asyncssh_dh
    from asyncssh.encryption import get_encryption_algs
    from asyncssh.kex import get_default_kex_algs, get_kex_algs
    from asyncssh.mac import get_default_mac_algs, get_mac_algs
    from asyncssh.packet import Boolean, SSHPacket, SSHPacketLogger, String, UInt32
    from asyncssh.public_key import get_certificate_algs, get_public_key_algs


def _quiet_diffie_hellman() -> None:
    """Suppress cryptography's log line, at each old key exchange, that it may lose finite-field
    Diffie-Hellman one day: users with an old host cannot act on it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = ("DHParameterNumbers", "DHPublicNumbers")
        classes = {name: getattr(vars(asyncssh_dh)["dh"], name) for name in names}
    setattr(asyncssh_dh, "dh", SimpleNamespace(**classes))  # noqa: B010 - it is a module's


_quiet_diffie_hellman()


def _log_no_packets() -> None:
    """Suppress asyncssh's log lines about packets. It composes one for each packet, and discards it
    below a debug level that guacr never sets."""
    for name in ("log_sent_packet", "log_received_packet"):
        setattr(SSHPacketLogger, name, _nothing)


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


_log_no_packets()

__all__ = [
    "Boolean",
    "RSAPrivateKey",
    "SSHPacket",
    "String",
    "UInt32",
    "UnsupportedAlgorithm",
    "asyncssh",
    "asyncssh_kex_dh",
    "asyncssh_pbe",
    "asyncssh_public_key",
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
