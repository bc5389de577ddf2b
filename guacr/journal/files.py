"""Files and directories of the journal, made durable. All functions block."""

from __future__ import annotations

import os
from pathlib import Path

MODE, DIRECTORY_MODE = 0o600, 0o700
"""Permissions: everything is for the daemon's account only."""


def make_directory(path: Path) -> None:
    """Create a directory and those above it, durably, unless it exists."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names of new files in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, buffers: list[bytes]) -> None:
    """Write buffers, however many system calls that takes."""
    while buffers:
        buffers = _rest(buffers, os.writev(descriptor, buffers))


def _rest(buffers: list[bytes], written: int) -> list[bytes]:
    """Return what remains of buffers after a write of `written` bytes."""
    for number, buffer in enumerate(buffers):
        if written < len(buffer):
            return [buffer[written:], *buffers[number + 1 :]]
        written -= len(buffer)
    return []
