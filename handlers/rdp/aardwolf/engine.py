"""aardwolf as the engine of workers."""

from __future__ import annotations

import codecs
import importlib
from importlib.metadata import PackageNotFoundError, version

from handlers.rdp.worker.client import Engine, UnavailableError

KNOWN = "0.2.16"
"""The version whose parts are known: their interfaces are not documented."""
_INSTALL = "install guacr's extra rdp"
_LATER = ("cryptography.hazmat.backends.openssl.backend",)
"""Modules that the libraries import only when they need them."""
_CODECS = ("ascii", "cp1252", "latin-1", "utf-16-le")


def load() -> Engine:
    """Load aardwolf and all that a client needs: later, a worker cannot read Python's files.

    Raises:
        UnavailableError: it is missing, or of an unknown version.
    """
    try:
        found = version("aardwolf")
    except PackageNotFoundError:
        raise UnavailableError(f"aardwolf is not installed: {_INSTALL}") from None
    if found != KNOWN:
        raise UnavailableError(f"aardwolf {found} is not a known version: {_INSTALL}, with {KNOWN}")
    try:
        client = importlib.import_module("handlers.rdp.aardwolf.client")
        for name in _LATER:
            importlib.import_module(name)
    except ImportError as error:
        raise UnavailableError(f"aardwolf cannot be used ({error}): {_INSTALL}") from None
    for name in _CODECS:
        codecs.lookup(name)
    return Engine("aardwolf", found, client.Client)
