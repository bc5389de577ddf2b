"""A file system that never answers, like one of a server that is gone; its users wait until it is
unmounted."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_DETACH = 2


@contextmanager
def hung_disk(directory: Path) -> Iterator[None]:
    """Mount it at a directory within the block. Skips the test unless root runs it."""
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        pytest.skip(f"there is no FUSE: {error.strerror}")
    library = ctypes.CDLL(None, use_errno=True)
    path = os.fsencode(directory)
    options = b"fd=%d,rootmode=40000,user_id=0,group_id=0" % device
    try:
        if library.mount(b"hung", path, b"fuse", 0, options):
            pytest.skip(f"FUSE cannot be mounted: {os.strerror(ctypes.get_errno())}")
        try:
            yield
        finally:
            library.umount2(path, _DETACH)
    finally:
        os.close(device)  # who waits gets an error
